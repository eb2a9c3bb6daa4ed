"""A node that is to go: its pods leave as their disruption budget lets them, and by terminationGracePeriod at the latest."""

import unittest
from http import HTTPStatus

from cluster_test import CLAIMS, NAMESPACE, ClusterTest, deployment, node_class, node_pool
from environment import eventually

BUDGETS = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
# Time for a few evictions to be refused before.
DEADLINE = "15s"
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}},
}


class Drain(ClusterTest):
    """Of a claim that is deleted."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.environment.api.delete, f"{BUDGETS}/web")

    def apply(self, deadline: str | None) -> None:
        pool = node_pool()
        if deadline:
            pool["spec"]["template"]["spec"]["terminationGracePeriod"] = deadline
        self.environment.apply(node_class(), pool, BUDGET, deployment("web", 1, terminationGracePeriodSeconds=1))

    def first_claim_is_deleted(self) -> str:
        """Its name."""
        self.settled(1)
        allowed = f"{BUDGETS}/web"
        eventually("the budget counts the pod", lambda: self.environment.api.get(allowed).get("status", {}).get("currentHealthy") == 1)
        name: str = self.claims()[0]["metadata"]["name"]
        self.environment.api.delete(f"{CLAIMS}/{name}", propagationPolicy="Background")
        return name

    def calls(self, verb: str, resource: str, subresource: str | None = None) -> list[int]:
        """What the controller's calls were answered."""
        meant = (verb, resource, subresource)
        done = [(each, each["objectRef"]) for each in self.environment.writes()[self.written :]]
        return [each["responseStatus"]["code"] for each, on in done if (each["verb"], on["resource"], on.get("subresource")) == meant]

    def refusals(self) -> int:
        return self.calls("create", "pods", "eviction").count(HTTPStatus.TOO_MANY_REQUESTS)

    def test_a_budget_holds_a_node_up_until_the_deadline(self) -> None:
        self.apply(DEADLINE)
        with self.controller():
            first = self.first_claim_is_deleted()
            eventually("the node goes", lambda: all(claim["metadata"]["name"] != first for claim in self.claims()))
            self.assertGreaterEqual(self.refusals(), 1, "it was asked first")
            self.assertIn(HTTPStatus.OK, self.calls("delete", "pods"))
            self.settled(1)
            self.assert_none_doubled()

    def test_without_a_deadline_a_budget_holds_a_node_up_for_as_long_as_it_says(self) -> None:
        self.apply(None)
        with self.controller():
            first = self.first_claim_is_deleted()
            eventually("a few evictions are refused", lambda: self.refusals() >= 3)
            self.assertEqual([claim["metadata"]["name"] for claim in self.claims()], [first])
            self.assertEqual(self.calls("delete", "pods"), [])
            self.environment.api.delete(f"{BUDGETS}/web")
            eventually("the node goes", lambda: all(claim["metadata"]["name"] != first for claim in self.claims()))
            self.assertEqual(self.calls("delete", "pods"), [])
            self.settled(1)


if __name__ == "__main__":
    unittest.main()
