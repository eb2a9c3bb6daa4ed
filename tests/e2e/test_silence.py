"""Connections to the API server that stay open and deliver nothing any more: the controller notices, and catches up."""

import unittest

from cluster_test import ClusterTest, deployment, node_class, node_pool
from environment import eventually
from proxy import Proxy

# As many as the controller has: one for each kind that it watches.
WATCHES = 16


class Silence(ClusterTest):
    """Behind a door that forgets connections."""

    def setUp(self) -> None:
        super().setUp()
        self.proxy = Proxy(self.environment.controller_kubeconfig, self.environment.folder)
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))

    def test_watches_that_fall_silent_are_taken_up_again(self) -> None:
        with self.controller(kubeconfig=self.proxy.kubeconfig) as controller:
            self.settled(2)
            eventually("every watch is open, and falls silent", lambda: self.proxy.silence() >= WATCHES)
            # Its pods, and what becomes of their nodes, are what those watches would have said.
            self.environment.apply(deployment("more", 2, cpu="1900m"))
            self.settled(4)
            self.assertGreater(self.proxy.swallowed, 0, "something was not heard")
            self.assert_none_doubled()
            self.assertIsNone(controller.process.poll(), "the same process went on")

    def test_a_list_that_is_never_answered_is_asked_for_again(self) -> None:
        hold = self.proxy.wait_for("GET pods", "after")
        with self.controller(kubeconfig=self.proxy.kubeconfig):
            self.settled(2)
            self.assertTrue(hold.met.is_set())
            self.assert_none_doubled()


if __name__ == "__main__":
    unittest.main()
