"""Objects that make no sense are left out, and said to be: everything else is provisioned as if they were not there."""

import unittest
from typing import Any

from cluster_test import CLASSES, NAMESPACE, POOLS, ClusterTest, deployment, node_class, node_pool, requirement
from environment import eventually


def odd(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": "100m"}}}
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def affinity(**term: Any) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


ABSURD = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": "9E", "memory": "9E"}}}
PODS = [
    odd("no-such-type", nodeSelector={"node.kubernetes.io/instance-type": "zz9.huge"}),
    odd("no-such-zone", nodeSelector={"topology.kubernetes.io/zone": "mars-1a"}),
    odd("no-such-label", affinity=affinity(matchExpressions=[{"key": "example.com/none", "operator": "In", "values": ["x"]}])),
    odd("no-term", affinity=affinity()),
    odd("absurd", containers=[ABSURD]),
    odd("no-such-claim", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "none"}}]),
    odd("gated", schedulingGates=[{"name": "example.com/wait"}]),
]
SELECT_NOTHING = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "odd", "namespace": NAMESPACE}, "spec": {}}
DAEMON = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "giant", "namespace": NAMESPACE},
    "spec": {
        "selector": {"matchLabels": {"app": "giant"}},
        "template": {"metadata": {"labels": {"app": "giant"}}, "spec": {"containers": [ABSURD], "nodeSelector": {"example.com/none": "x"}}},
    },
}


class Malformed(ClusterTest):
    """One cluster with all of them at once."""

    def conditions(self, path: str) -> dict[str, str]:
        found = self.environment.api.get(path).get("status", {}).get("conditions") or []
        return {each["type"]: each["status"] for each in found}

    def told(self) -> dict[str, str]:
        """What Events say of pods, by pod."""
        events = self.environment.api.items("/apis/events.k8s.io/v1/events")
        ours = [each for each in events if "windlass" in str(each.get("reportingController", ""))]
        return {each["regarding"]["name"]: each.get("note", "") for each in ours}

    def test_the_rest_is_provisioned(self) -> None:
        environment = self.environment
        environment.apply(
            node_class(),
            node_class("nowhere", subnetSelectorTerms=[{"tags": {"no": "subnet"}}]),
            node_pool(),
            node_pool("without-class", node_class="missing", weight=90),
            node_pool("of-nowhere", node_class="nowhere", weight=80),
            node_pool("impossible", requirements=[requirement("node.kubernetes.io/instance-type", "zz9.huge")], weight=70),
            *(SELECT_NOTHING, DAEMON),
            *PODS,
        )
        environment.apply(deployment("web", 3))
        with self.controller():
            eventually("the web runs", lambda: len([pod for pod in self.web() if pod["status"]["phase"] == "Running"]) == 3)
            eventually("a pool without a class is not ready", lambda: self.conditions(f"{POOLS}/without-class").get("Ready") == "False")
            eventually("a class without subnets is not ready", lambda: self.conditions(f"{CLASSES}/nowhere").get("Ready") == "False")
            self.assertEqual(self.conditions(f"{POOLS}/default").get("Ready"), "True")
            misplaced = {pod["metadata"]["name"] for pod in PODS} - {"gated"}
            eventually(f"each odd pod has an Event: {self.told()}", lambda: misplaced <= self.told().keys())
            nodes = {claim["metadata"]["labels"]["karpenter.sh/nodepool"] for claim in self.claims()}
            self.assertEqual(nodes, {"default"})

    def web(self) -> list[Any]:
        return self.environment.pods(NAMESPACE, labelSelector="app=web")


if __name__ == "__main__":
    unittest.main()
