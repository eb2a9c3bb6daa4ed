"""What the tests of the controller share: a cluster with our kinds, pools, workloads, and words for what must become of them."""

import unittest
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from controller import Controller
from environment import CLUSTER, Environment, eventually, shared

NAMESPACE = "shop"
LAUNCH_TAG = "windlass.dev/launch"
CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
POOLS = "/apis/karpenter.sh/v1/nodepools"
CLASSES = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
MANY_SECONDS = 240
MANY = 100


class ClusterTest(unittest.TestCase):
    """Each test begins and ends with an empty cluster and no controller."""

    environment: Environment

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = shared()
        cls.environment.install_crds()
        cls.environment.install_account()
        cls.environment.namespace(NAMESPACE)

    def setUp(self) -> None:
        self.environment.clear([NAMESPACE])
        self.before = {found["InstanceId"] for found in self.ended()}
        self.written = len(self.environment.writes())
        self.addCleanup(self.environment.clear, [NAMESPACE])

    def controller(self, *flags: str) -> Controller:
        """Its own process, not started yet, that leads without asking."""
        return Controller(self.environment, self.id().rpartition(".")[2], "--disable-leader-election", *flags)

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

    def running(self, count: int, namespace: str = NAMESPACE) -> list[Any]:
        def found() -> Any:
            pods = [pod for pod in self.environment.pods(namespace) if pod["status"]["phase"] == "Running"]
            return pods if len(pods) >= count else None

        return eventually(f"{count} pods run in {namespace}", found, MANY_SECONDS if count > MANY else 90)

    def settled(self, pods: int) -> None:
        """All run, and there is one instance and one Node for each claim."""
        self.running(pods)

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

    def assert_none_doubled(self) -> None:
        """Every instance was launched for a claim of its own, counted where claims are made: in the API server's audit log."""
        writes = self.environment.writes()[self.written :]
        made = [each for each in writes if each["verb"] == "create" and each["objectRef"]["resource"] == "nodeclaims"]
        claims = [each["objectRef"] for each in made if each["responseStatus"].get("code") == HTTPStatus.CREATED]
        kinds = [(found["InstanceId"], found["InstanceType"], found["State"]["Name"]) for found in self.ever_launched()]
        self.assertLessEqual(len(kinds), len(claims), kinds)


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
