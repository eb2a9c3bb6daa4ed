"""Objects that make no sense are left out, and said to be: everything else is provisioned as if they were not there."""

import unittest
from typing import Any

from cluster_test import NAMESPACE, POOLS, ClusterTest, deployment, node_class, node_pool
from environment import eventually
from oddities import FINE, ODDITIES, REFERRED, Odd


class Malformed(ClusterTest):
    """One cluster with all of them at once."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(lambda: [self.environment.finish(self.environment.path(each)) for each in [*REFERRED, *(odd.object for odd in ODDITIES)]])

    def test_the_rest_is_provisioned(self) -> None:
        self.environment.apply(node_class(), node_pool(), *REFERRED, *(odd.object for odd in ODDITIES), *FINE, deployment("web", 3))
        with self.controller():
            eventually("the web runs", lambda: len([pod for pod in self.web() if pod["status"]["phase"] == "Running"]) == 3)
            for odd in ODDITIES:
                with self.subTest(f"{odd.object['kind']} {odd.object['metadata']['name']}"):
                    eventually(f"it is said to be {odd.reason}, for {odd.words}", lambda odd=odd: self.is_told(odd))
                    eventually(f"its conditions are {odd.conditions}", lambda odd=odd: self.has_conditions(odd))
            self.assertEqual(self.conditions(f"{POOLS}/default").get("Ready"), "True")
            by_hand = [claim for claim in self.claims() if claim["metadata"]["name"] != "by-hand"]
            self.assertEqual({claim["metadata"]["labels"]["karpenter.sh/nodepool"] for claim in by_hand}, {"default"})
            self.assertEqual(len(self.launched()), len(by_hand), "nothing is launched for what nobody understands")

    def is_told(self, odd: Odd) -> bool:
        told = self.events(odd.object["kind"]).get(odd.object["metadata"]["name"], {})
        return odd.words in told.get(odd.reason, "")

    def has_conditions(self, odd: Odd) -> bool:
        return odd.conditions.items() <= self.conditions(self.environment.path(odd.object)).items()

    def web(self) -> list[Any]:
        return self.environment.pods(NAMESPACE, labelSelector="app=web")


if __name__ == "__main__":
    unittest.main()
