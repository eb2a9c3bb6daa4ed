"""A static pool has the nodes that it asks for, whatever pods there are, and gives up those that disturb least."""

import unittest
from typing import Any

from cluster_test import CLAIMS, POOLS, ClusterTest, deployment, node_class, node_pool
from environment import eventually

FIXED = f"{POOLS}/fixed"
MERGE = "application/merge-patch+json"


class Static(ClusterTest):
    """From none to three, to the one that pods run on."""

    def scale(self, replicas: int) -> None:
        """As kubectl scale does."""
        self.environment.api.call("PATCH", f"{FIXED}/scale", {"spec": {"replicas": replicas}}, MERGE)

    def stands(self, count: int) -> list[Any]:
        """Its claims, each with its instance and its node."""

        def complete() -> Any:
            claims = self.claims()
            ready = {claim["status"]["nodeName"] for claim in claims if self.is_ready(claim)}
            nodes = {node["metadata"]["name"] for node in self.environment.nodes()}
            counts = (len(claims), len(ready & nodes), len(nodes), len(self.launched()))
            return (claims or "none") if counts == (count,) * 4 else None

        found = eventually(f"there are {count} nodes", complete, 120)
        return [] if found == "none" else found

    @staticmethod
    def is_ready(claim: Any) -> bool:
        conditions = claim.get("status", {}).get("conditions") or []
        return {"Ready": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()

    def test_it_has_what_it_asks_for(self) -> None:
        self.environment.apply(node_class(), node_pool("fixed", replicas=0))
        with self.controller() as controller:
            eventually("the pool is ready", lambda: self.conditions(FIXED).get("Ready") == "True")
            self.assertEqual(self.claims(), [])
            self.scale(3)
            first = {claim["metadata"]["name"] for claim in self.stands(3)}
            eventually("its status counts them", lambda: self.environment.api.get(FIXED)["status"]["nodes"] == 3)
            kinds = {found["InstanceType"] for found in self.launched()}
            self.assertEqual(len(kinds), 1, "the cheapest, three times")

            self.environment.apply(deployment("web", 1, cpu="200m", memory="200Mi"))
            pod = self.running(1)[0]
            self.scale(1)
            (last,) = self.stands(1)
            self.assertEqual(pod["spec"]["nodeName"], last["status"]["nodeName"], "the empty nodes go")
            self.assertEqual([each["metadata"]["uid"] for each in self.running(1)], [pod["metadata"]["uid"]])
            told = self.events("NodeClaim")
            gone = {name for name in first if "Overprovisioned" in told.get(name, {})}
            self.assertEqual(gone, first - {last["metadata"]["name"]})
            self.assertEqual(controller.metrics()['karpenter_nodeclaims_disrupted_total{reason="overprovisioned"}'], 2)

            self.environment.api.delete(f"{CLAIMS}/{last['metadata']['name']}", propagationPolicy="Background")
            eventually("it is gone", lambda: last["metadata"]["name"] not in {claim["metadata"]["name"] for claim in self.claims()})
            (other,) = self.stands(1)
            eventually("the pod runs there", lambda: self.running(1)[0]["spec"]["nodeName"] == other["status"]["nodeName"])
            self.assertEqual(len(self.created_claims()), 4)
            self.assert_none_doubled()

            self.environment.api.delete(FIXED, propagationPolicy="Background")
            self.emptied()


if __name__ == "__main__":
    unittest.main()
