"""What the tests of the controller share: a cluster with our kinds, pools, workloads, and words for what must become of them."""

import functools
import json
import unittest
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from controller import Controller
from environment import CLUSTER, ROOT, Environment, eventually, shared

NAMESPACE = "shop"
LAUNCH_TAG = "windlass.dev/launch"
CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
POOLS = "/apis/karpenter.sh/v1/nodepools"
CLASSES = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
REPORTER = "windlass"
# Until pods run: for a machine that is busy compiling.
PATIENCE_SECONDS = 90


class ClusterTest(unittest.TestCase):
    """Each test begins and ends with an empty cluster and no controller."""

    environment: Environment

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = shared()
        cls.environment.install()
        cls.environment.namespace(NAMESPACE)

    def setUp(self) -> None:
        self.environment.clear([NAMESPACE])
        self.before = {found["InstanceId"] for found in self.ended()}
        self.written = len(self.environment.writes())
        self.asked = len(self.environment.asked())
        self.called = len(self.environment.history())
        self.addCleanup(self.environment.clear, [NAMESPACE])
        # Before the cluster is cleared.
        self.addCleanup(self.assert_allowed)

    def controller(self, *flags: str, kubeconfig: Path | None = None) -> Controller:
        """Its own process, not started yet, that leads without asking."""
        return Controller(self.environment, self.id().rpartition(".")[2], "--disable-leader-election", *flags, kubeconfig=kubeconfig)

    def claims(self) -> list[Any]:
        return self.environment.api.items(CLAIMS)

    def launched(self) -> list[Any]:
        """Instances that are alive and that the controller launched."""
        return self.environment.instances({"Name": "tag-key", "Values": [LAUNCH_TAG]})

    def ever_launched(self) -> list[Any]:
        """In this test; ended ones too."""
        return [found for found in self.ended() if found["InstanceId"] not in self.before]

    def ended(self) -> list[Any]:
        pages = self.environment.ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "tag-key", "Values": [LAUNCH_TAG]}])
        return [found for page in pages for reservation in page["Reservations"] for found in reservation["Instances"]]

    def running(self, count: int, namespace: str = NAMESPACE, patience: float = PATIENCE_SECONDS) -> list[Any]:
        def found() -> Any:
            pods = [pod for pod in self.environment.pods(namespace) if pod["status"]["phase"] == "Running"]
            return pods if len(pods) >= count else None

        return eventually(f"{count} pods run in {namespace}", found, patience)

    def settled(self, pods: int, patience: float = PATIENCE_SECONDS) -> None:
        """All run, and there is one instance and one Node for each claim."""
        self.running(pods, patience=patience)

        def agree() -> bool:
            claims = {claim["status"].get("providerID", "").rpartition("/")[2] for claim in self.claims() if "status" in claim}
            nodes = {node["spec"].get("providerID", "").rpartition("/")[2] for node in self.environment.nodes()}
            instances = {instance["InstanceId"] for instance in self.launched()}
            return bool(instances) and claims == nodes == instances and len(self.claims()) == len(claims)

        eventually("claims, Nodes and instances are the same", agree)

    def emptied(self) -> None:
        """Nothing is left of what the controller made."""
        eventually("no instance is left", lambda: not self.launched(), 120)
        eventually("no claim is left", lambda: not self.claims(), 120)

    def conditions(self, path: str) -> dict[str, str]:
        """Status by type."""
        found = self.environment.api.get(path).get("status", {}).get("conditions") or []
        return {each["type"]: each["status"] for each in found}

    def events(self, kind: str) -> dict[str, dict[str, str]]:
        """What the controller's Events say of objects of a kind: note by reason, by name."""
        told: dict[str, dict[str, str]] = {}
        for event in self.environment.api.items("/apis/events.k8s.io/v1/events"):
            if event.get("reportingController") == REPORTER and event["regarding"]["kind"] == kind:
                told.setdefault(event["regarding"]["name"], {})[event["reason"]] = event.get("note", "")
        return told

    def created_claims(self) -> list[str]:
        """Names of the NodeClaims that were created in this test. Who creates one may be killed before it is answered, which the audit log
        takes for a failure: it was created if something else was written to it.
        """
        writes = [each for each in self.environment.writes()[self.written :] if each["objectRef"]["resource"] == "nodeclaims"]
        done = [each for each in writes if HTTPStatus.OK <= each["responseStatus"].get("code", 0) < HTTPStatus.MULTIPLE_CHOICES]
        created = [each["objectRef"]["name"] for each in done if each["verb"] == "create"]
        written = {each["objectRef"]["name"] for each in done if "name" in each["objectRef"]}
        return created + sorted(written - set(created))

    def assert_allowed(self) -> None:
        """Nothing was asked of the API server that the chart does not grant, nothing of AWS that the policy does not."""
        refused = [each for each in self.environment.asked()[self.asked :] if each["responseStatus"].get("code") == HTTPStatus.FORBIDDEN]
        self.assertEqual([f"{each['verb']} {each['requestURI']}" for each in refused], [])
        called = {call["action"] for call in self.environment.history()[self.called :]}
        self.assertLessEqual(called, allowed_actions())

    def assert_none_doubled(self) -> None:
        """Every instance was launched for a claim of its own, counted where claims are made: in the API server's audit log."""
        kinds = [(found["InstanceId"], found["InstanceType"], found["State"]["Name"]) for found in self.ever_launched()]
        self.assertLessEqual(len(kinds), len(self.created_claims()), kinds)


@functools.cache
def allowed_actions() -> set[str]:
    """What deploy/iam/policy.json lets the controller do."""
    policy = json.loads((ROOT / "deploy" / "iam" / "policy.json").read_text(encoding="utf-8"))
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def node_class(name: str = "default", **spec: Any) -> dict[str, Any]:
    tagged = [{"tags": {"karpenter.sh/discovery": CLUSTER}}]
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": name},
        "spec": {
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "instanceProfile": f"{CLUSTER}-node",
            "subnetSelectorTerms": tagged,
            "securityGroupSelectorTerms": tagged,
            **spec,
        },
    }


def requirement(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def node_pool(name: str = "default", requirements: Iterable[Any] = (), node_class: str = "default", empty_after: str = "0s", **spec: Any) -> dict[str, Any]:
    template = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": node_class},
        "requirements": [requirement("karpenter.k8s.aws/instance-category", "c", "m", "r"), *requirements],
    }
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {"spec": template},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": empty_after, "budgets": [{"nodes": "100%"}]},
            **spec,
        },
    }


def deployment(name: str, replicas: int, cpu: str = "900m", memory: str = "3100Mi", **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}},
        },
    }
