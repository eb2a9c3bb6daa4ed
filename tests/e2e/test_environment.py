"""The environment itself, without the controller: an instance becomes a Node, the scheduler binds pods to it, and it goes with its instance."""

import json
import unittest
from typing import Any

from environment import CLUSTER, eventually, shared
from instance import launch, node_config

SHOP = "shop"


def pod(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": "500m", "memory": "200Mi"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SHOP, "annotations": annotations or {}},
        "spec": {"containers": [container], "restartPolicy": "Never", **spec},
    }


class Nodes(unittest.TestCase):
    """Each test ends with an empty cluster."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = shared()
        cls.environment.namespace(SHOP)

    def setUp(self) -> None:
        self.addCleanup(self.environment.clear, [SHOP])

    def node_of(self, instance: str) -> Any:
        return next((node for node in self.environment.nodes() if node["spec"].get("providerID", "").endswith(instance)), None)

    def ready(self, instance: str) -> Any:
        def found() -> Any:
            node = self.node_of(instance)
            conditions = {each["type"]: each["status"] for each in (node or {}).get("status", {}).get("conditions", [])}
            usable = node and not any(taint["key"].startswith("node.") for taint in node["spec"].get("taints", []))
            return node if usable and conditions.get("Ready") == "True" else None

        return eventually(f"{instance} has a ready Node: {self.environment.simulated()}", found)

    def phase(self, name: str) -> Any:
        found = self.environment.api.get(f"/api/v1/namespaces/{SHOP}/pods/{name}")
        return found and found["status"]["phase"]

    def test_an_instance_becomes_a_node_that_runs_pods_and_goes_with_it(self) -> None:
        flags = ["--node-labels=team=blue,karpenter.sh/capacity-type=spot", "--register-with-taints=dedicated=shop:NoSchedule"]
        reserved = {"kubeReserved": {"cpu": "100m", "memory": "512Mi"}, "maxPods": 20}
        self.environment.apply(pod("web", tolerations=[{"key": "dedicated", "operator": "Exists"}], nodeSelector={"team": "blue"}))
        instance = launch(self.environment, node_config(self.environment, flags, reserved))
        node = self.ready(instance)
        self.assertEqual(node["spec"]["providerID"], f"aws:///us-west-2b/{instance}")
        labels = node["metadata"]["labels"]
        wanted = {
            **{"team": "blue", "karpenter.sh/capacity-type": "spot", "kubernetes.io/arch": "arm64"},
            **{"topology.kubernetes.io/zone": "us-west-2b", "node.kubernetes.io/instance-type": "m6g.large"},
        }
        self.assertEqual(labels, labels | wanted)
        self.assertEqual(node["spec"]["taints"], [{"key": "dedicated", "value": "shop", "effect": "NoSchedule"}])
        self.assertEqual(node["status"]["allocatable"]["cpu"], "1900m")
        self.assertEqual(node["status"]["allocatable"]["pods"], "20")
        eventually("the pod runs", lambda: self.phase("web") == "Running")
        running = self.environment.api.get(f"/api/v1/namespaces/{SHOP}/pods/web")
        self.assertEqual(running["spec"]["nodeName"], node["metadata"]["name"])
        self.assertTrue(running["status"]["containerStatuses"][0]["ready"])
        lease = self.environment.api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node['metadata']['name']}")
        self.assertEqual(lease["metadata"]["ownerReferences"][0]["uid"], node["metadata"]["uid"])
        self.environment.ec2.terminate_instances(InstanceIds=[instance])
        eventually("the Node is gone", lambda: self.node_of(instance) is None)

    def test_pods_end_when_they_say_and_when_they_are_deleted(self) -> None:
        instance = launch(self.environment, node_config(self.environment, [], {}))
        self.ready(instance)
        self.environment.apply(
            pod("done", {"windlass.test/run-for": "200ms"}),
            pod("broken", {"windlass.test/run-for": "200ms", "windlass.test/exit-code": "3"}),
            pod("server"),
        )
        eventually("the first has ended well", lambda: self.phase("done") == "Succeeded")
        eventually("the second has not", lambda: self.phase("broken") == "Failed")
        eventually("the third runs", lambda: self.phase("server") == "Running")
        self.environment.api.delete(f"/api/v1/namespaces/{SHOP}/pods/server", gracePeriodSeconds=30)
        eventually("it has been stopped", lambda: self.phase("server") is None)

    def test_a_device_plugin_says_what_the_machine_has(self) -> None:
        instance = launch(self.environment, node_config(self.environment, [], {}), kind="g5g.xlarge")
        self.ready(instance)
        eventually("the GPU is there", lambda: self.node_of(instance)["status"]["allocatable"].get("nvidia.com/gpu") == "1")
        without = launch(self.environment, node_config(self.environment, [], {}), kind="g5g.xlarge", devicesSeconds="null")
        self.assertEqual(self.ready(without)["status"]["allocatable"]["nvidia.com/gpu"], "0")

    def test_nodes_misbehave_as_told(self) -> None:
        config = node_config(self.environment, ["--register-with-taints=agent.example.com/not-ready=:NoSchedule"], {})
        absent = launch(self.environment, config, joinSeconds="null")
        other = launch(self.environment, config.replace(self.environment.api.url, "https://127.0.0.1:1"))
        untainted = launch(self.environment, config, untaint=json.dumps({"agent.example.com/not-ready": 0.1}))
        kept = launch(self.environment, config)
        for instance in (untainted, kept):
            self.ready(instance)
        eventually("one agent has removed its taint", lambda: not self.node_of(untainted)["spec"].get("taints"))
        self.assertEqual(self.node_of(kept)["spec"]["taints"][0]["key"], "agent.example.com/not-ready")
        self.environment.misbehave(self.node_of(kept)["metadata"]["name"], "not-ready")
        eventually("it has the taint of nodes that are not ready", lambda: "node.kubernetes.io/not-ready" in str(self.node_of(kept)["spec"]["taints"]))
        states = {node["instance"]: node for node in self.environment.simulated()}
        self.assertEqual((states[absent]["state"], states[other]["state"]), ("booting", "broken"))
        self.assertIn("another API server's address", states[other]["why"])
        self.assertIsNone(self.node_of(absent))

    def test_ours_are_told_from_other_clusters(self) -> None:
        instance = launch(self.environment, node_config(self.environment, [], {}).replace(f"name: {CLUSTER}", "name: theirs"))

        def state() -> Any:
            return next((node for node in self.environment.simulated() if node["instance"] == instance), {"state": "unseen"})

        eventually("it has been looked at", lambda: state()["state"] == "broken")
        self.assertIn("the user data names the cluster 'theirs'", state()["why"])


if __name__ == "__main__":
    unittest.main()
