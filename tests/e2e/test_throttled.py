"""EC2 refuses everything for a whole minute, because there were too many calls: of others, for all the controller knows."""

import time
import unittest
from typing import Any

from cluster_test import POOLS, ClusterTest, deployment, node_class, node_pool
from environment import CONTROLLER, eventually

THROTTLED_SECONDS = 60
# Pauses double from half a second to half a minute and are at least half of that: not more than seven fit into a minute for one thing that is
# tried, and a second list of instances is asked for where one has failed.
ATTEMPTS = 8


class Throttled(ClusterTest):
    """A minute of it, while pods wait."""

    def test_a_minute_of_throttling_is_waited_out(self) -> None:
        environment = self.environment
        environment.apply(node_class(), node_pool())
        with self.controller() as controller:
            controller.wait_until_ready()
            eventually("pods can be launched for", lambda: self.conditions(f"{POOLS}/default").get("Ready") == "True")
            environment.market(faults=[{"action": "ec2:*", "caller": CONTROLLER}])
            environment.apply(deployment("web", 3))
            first = eventually("a launch is refused", lambda: self.refused("ec2:CreateLaunchTemplate"))[0]["at"]
            time.sleep(max(0.0, first + THROTTLED_SECONDS - time.time()))
            refused = self.refused("ec2:")
            environment.market(faults=[])
            self.assertEqual(self.ever_launched(), [])
            for action in {call["action"] for call in refused}:
                times = [call["at"] for call in refused if call["action"] == action]
                self.assertLessEqual(len(times), ATTEMPTS, f"{action} at {[round(at - first, 1) for at in times]}")
            self.settled(3)
            self.assert_none_doubled()
            self.assertEqual(len(self.created_claims()), len(self.claims()), "no claim was given up")

    def refused(self, action: str) -> list[Any]:
        return [call for call in self.environment.history()[self.called :] if call["refused"] and call["action"].startswith(action)]


if __name__ == "__main__":
    unittest.main()
