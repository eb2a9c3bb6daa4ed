"""Pods pend, machines come, pods run, machines go."""

import unittest

from cluster_test import NAMESPACE, ClusterTest, deployment, node_class, node_pool


class Loop(ClusterTest):
    """The shortest story."""

    def test_machines_come_for_pods_and_go_after_them(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 3))
        with self.controller():
            self.settled(3)
            self.assert_none_doubled()
            self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web", propagationPolicy="Foreground")
            self.emptied()


if __name__ == "__main__":
    unittest.main()
