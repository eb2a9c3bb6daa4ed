"""kill -9 while a call is on its way, or carried out and not yet answered, and between any two steps: nothing is lost, nothing is there twice."""

import time
import unittest
from collections.abc import Callable
from typing import Any

from cluster_test import NAMESPACE, ClusterTest, deployment, node_class, node_pool
from controller import Controller
from environment import eventually

# For as long a call is held; it is killed long before.
HELD_SECONDS = 3.0
# From the moment that a call has come in to the moment that it is carried out.
CARRIED_OUT_SECONDS = 0.3
PODS = 3


class Kill(ClusterTest):
    """One life with a kill at every step of it."""

    def setUp(self) -> None:
        super().setUp()
        self.killed = 0

    def kill_in(self, action: str, when: str) -> None:
        """`before`: the call is carried out once nobody waits for it any more. `after`: it has been, and nobody hears of it."""
        fault = {"action": action, "code": None, "when": when, "delaySeconds": HELD_SECONDS, "times": 1}
        self.environment.market(faults=[fault])
        with self.process as process:

            def held() -> bool:
                if process.process.poll() is not None:
                    raise AssertionError(f"the controller ended before {action}\n{process.tail()}")
                return self.environment.market()["settings"]["faults"][0]["times"] == 0

            eventually(f"{action} is called", held)
            time.sleep(CARRIED_OUT_SECONDS if when == "after" else 0)
            self.kill(process)

    def kill_once(self, what: str, condition: Callable[[], Any]) -> None:
        with self.process as process:
            eventually(what, condition)
            self.kill(process)

    def kill(self, process: Controller) -> None:
        process.kill()
        self.killed += 1

    def conditions(self, kind: str) -> list[bool]:
        """Whether it holds, of each claim."""
        found = [claim.get("status", {}).get("conditions", []) for claim in self.claims()]
        return [any(each["type"] == kind and each["status"] == "True" for each in conditions) for conditions in found]

    def all_are(self, kind: str) -> bool:
        return bool(self.claims()) and all(self.conditions(kind))

    def test_a_kill_at_any_step_leaks_nothing_and_doubles_nothing(self) -> None:
        self.process = self.controller()
        self.environment.apply(node_class(), node_pool(), deployment("web", PODS))
        self.kill_in("eks:DescribeCluster", "after")
        self.kill_in("ssm:GetParameter", "after")
        self.kill_in("ec2:DescribeSubnets", "before")
        self.kill_once("a claim is written", lambda: self.claims())
        self.kill_in("ec2:CreateLaunchTemplate", "before")
        self.kill_in("ec2:CreateLaunchTemplate", "after")
        self.kill_in("ec2:CreateFleet", "before")
        self.kill_in("ec2:CreateFleet", "after")
        self.kill_in("ec2:DescribeInstances", "after")
        self.kill_once("one is launched", lambda: any(self.conditions("Launched")))
        self.kill_once("one has joined", lambda: any(self.conditions("Registered")))
        self.kill_once("all are initialized", lambda: self.all_are("Initialized"))
        with self.process:
            self.settled(PODS)
            self.assert_none_doubled()
        self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web", propagationPolicy="Background")
        self.kill_once("one is told to go", lambda: any("deletionTimestamp" in claim["metadata"] for claim in self.claims()))
        self.kill_in("ec2:TerminateInstances", "before")
        self.kill_in("ec2:TerminateInstances", "after")
        with self.process:
            self.emptied()
        self.assert_none_doubled()
        self.assertGreaterEqual(self.killed, 12)


if __name__ == "__main__":
    unittest.main()
