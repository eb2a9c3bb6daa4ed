"""Pods pend, machines come, pods run, machines go."""

import json
import unittest
from typing import Any

from cluster_test import NAMESPACE, ClusterTest, deployment, node_class, node_pool
from environment import rendered

# What a kube-scheduler may be configured with: no zone has more than one pod more than another.
EVEN = [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}]
SELECTING = {"services", "replicationcontrollers", "replicasets", "statefulsets"}


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


class Loop(ClusterTest):
    """The shortest story."""

    def test_machines_come_for_pods_and_go_after_them(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 3))
        with self.controller():
            self.settled(3)
            self.assert_none_doubled()
            self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web", propagationPolicy="Foreground")
            self.emptied()
        self.assertEqual(self.read() & SELECTING, set(), "nobody asked for a default spread")

    def test_pods_are_spread_by_default_where_it_is_asked_for(self) -> None:
        grants = [each for each in rendered("settings.defaultSpread=system") if each["metadata"]["name"].endswith("-spreading")]
        self.assertEqual({each["kind"] for each in grants}, {"ClusterRole", "ClusterRoleBinding"})
        self.environment.apply(*grants)
        for each in grants:
            self.addCleanup(self.environment.api.delete, self.environment.path(each))
        self.environment.apply(node_class(), node_pool(), service("web"))
        self.addCleanup(self.environment.api.delete, self.environment.path(service("web")))
        self.assertEqual(len(self.zones()), 1, "left to prices")
        self.assertEqual(len(self.zones("--default-spread", json.dumps(EVEN))), 3)
        self.assertLessEqual(SELECTING, self.read())

    def zones(self, *flags: str) -> set[str]:
        """Of the machines that a controller with these flags brings for three small pods of one Deployment."""
        web = deployment("web", 3)
        with self.controller(*flags):
            self.environment.apply(web)
            self.settled(3)
            self.assert_none_doubled()
            found = {instance["Placement"]["AvailabilityZone"] for instance in self.launched()}
            self.environment.api.delete(self.environment.path(web), propagationPolicy="Foreground")
            self.emptied()
        return found

    def read(self) -> set[str]:
        """Resources that the controller has read in this test."""
        return {each["objectRef"]["resource"] for each in self.environment.asked()[self.asked :] if "objectRef" in each}


if __name__ == "__main__":
    unittest.main()
