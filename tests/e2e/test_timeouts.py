"""Machines that do not come: what was begun for them is ended, and their pods get others."""

import unittest

from cluster_test import CLAIMS, ClusterTest, deployment, node_class, node_pool
from environment import eventually


class Timeouts(ClusterTest):
    """With time limits that a test can wait for."""

    def test_a_node_that_never_joins_is_replaced(self) -> None:
        self.environment.behaviour(rules=[{"times": 1, "behaviour": {"joinSeconds": None}}])
        self.environment.apply(node_class(), node_pool(), deployment("web", 1))
        with self.controller("--registration-timeout", "6s"):
            lost = eventually("its claim has an instance", lambda: [claim for claim in self.claims() if claim.get("status", {}).get("providerID")])[0]
            name, instance = lost["metadata"]["name"], lost["status"]["providerID"].rpartition("/")[2]
            eventually("an Event says why it goes", lambda: "RegistrationTimeout" in self.events("NodeClaim").get(name, {}))
            self.settled(1)
            self.assertNotIn(lost["metadata"]["uid"], [claim["metadata"]["uid"] for claim in self.claims()])
            self.assertNotIn(instance, [found["InstanceId"] for found in self.launched()])
            self.assertEqual(len(self.created_claims()), 2)
            self.assertEqual([node["state"] for node in self.environment.simulated() if node["instance"] == instance], ["gone"])
            self.assert_none_doubled()

    def test_a_launch_that_never_succeeds_is_given_up_and_begun_anew(self) -> None:
        forbidden = {"action": "ec2:CreateFleet", "code": "UnauthorizedOperation", "message": "You are not authorized.", "status": 403}
        self.environment.market(faults=[forbidden])
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))
        with self.controller("--launch-timeout", "4s"):
            first = eventually("a claim is written", self.claims)[0]
            name = first["metadata"]["name"]
            eventually("an Event says why it goes", lambda: "LaunchTimeout" in self.events("NodeClaim").get(name, {}))
            eventually("its pods have another claim", lambda: {claim["metadata"]["uid"] for claim in self.claims()} - {first["metadata"]["uid"]})
            self.environment.market(faults=[])
            self.running(2)
            # Its finalizer stays until EC2's lists have shown for long enough that there is no instance.
            given_up = self.environment.api.get(f"{CLAIMS}/{name}")
            self.assertTrue(given_up is None or "deletionTimestamp" in given_up["metadata"])
            self.assert_none_doubled()


if __name__ == "__main__":
    unittest.main()
