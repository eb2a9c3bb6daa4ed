"""What goes wrong in a real cluster: the cloud is out of machines or patience, the API server restarts, nodes never come, a leader freezes."""

import json
import os
import signal
import time
import unittest
from typing import Any

from cluster_test import CLAIMS, NAMESPACE, ClusterTest, deployment, node_class, node_pool, requirement
from controller import Controller
from environment import eventually

THROTTLED = 3
# What a claim's last launch asked for.
LAUNCH = "windlass.dev/launch"
LEASE = ["--leader-elect-name", "e2e"]


class Cloud(ClusterTest):
    """EC2 does not give what it is asked for."""

    def test_ec2_that_throttles_is_asked_again_and_not_in_a_storm(self) -> None:
        faults = [{"action": action, "times": THROTTLED} for action in ("ec2:CreateFleet", "ec2:DescribeInstances", "ec2:CreateLaunchTemplate")]
        self.environment.market(faults=faults)
        self.environment.apply(node_class(), node_pool(), deployment("web", 3))
        with self.controller():
            self.settled(3)
            self.assert_none_doubled()
            # Each launch is tried again with the same token; nobody hammers an EC2 that wants peace.
            self.assertLess(self.environment.calls()["ec2:CreateFleet"], 4 * THROTTLED)

    def test_empty_spot_pools_of_the_first_choice_lead_to_the_next(self) -> None:
        self.environment.apply(node_class(), node_pool(requirements=[requirement("karpenter.sh/capacity-type", "spot")]), deployment("web", 2))
        with self.controller():
            self.settled(2)
            first = {found["InstanceType"] for found in self.launched()}
            self.environment.market(pools=[{"instanceType": kind, "capacityType": "spot"} for kind in first])
            self.environment.apply(deployment("more", 2))
            self.settled(4)
            later = [found["InstanceType"] for found in self.launched()]
            self.assertTrue(set(later) - first, "the pools of the first choice are empty")

    def test_a_claim_whose_pools_are_empty_is_launched_from_the_next(self) -> None:
        """All that the first call offers to EC2 is empty: the claim is not given up for that."""
        spot = node_pool(requirements=[requirement("karpenter.sh/capacity-type", "spot")])
        self.environment.apply(node_class(), spot, deployment("web", 1))
        with self.controller():
            self.settled(1)
        offered = self.launch()["offerings"]
        self.environment.clear([NAMESPACE])
        self.written = len(self.environment.writes())
        pools = [dict(zip(("instanceType", "zone"), offering.split("/"), strict=True)) for offering in offered]
        self.environment.market(pools=[{**pool, "capacityType": "spot"} for pool in pools])
        self.environment.apply(node_class(), spot, deployment("web", 1))
        with self.controller():
            self.settled(1)
            self.assertEqual(len(self.created_claims()), 1, "the first claim")
            self.assertGreaterEqual(self.launch()["attempt"], 2)
            self.assertGreaterEqual(self.environment.calls()["ec2:CreateFleet"], 2)
            (found,) = self.launched()
            self.assertEqual(found["InstanceLifecycle"], "spot")
            self.assertNotIn(f"{found['InstanceType']}/{found['Placement']['AvailabilityZone']}", offered)

    def launch(self) -> Any:
        """What the only claim says of its last launch."""
        (claim,) = self.claims()
        return json.loads(claim["metadata"]["annotations"][LAUNCH])

    def test_without_any_spot_the_pods_get_on_demand(self) -> None:
        self.environment.market(pools=[{"capacityType": "spot"}])
        self.environment.apply(node_class(), node_pool(requirements=[requirement("karpenter.sh/capacity-type", "spot", "on-demand")]))
        self.environment.apply(deployment("web", 2))
        with self.controller():
            self.settled(2)
            self.assertEqual({found.get("InstanceLifecycle", "on-demand") for found in self.launched()}, {"on-demand"})

    def test_an_instance_that_is_not_listed_yet_is_not_bought_again(self) -> None:
        self.environment.market(visibleAfterSeconds=8)
        self.environment.apply(node_class(), node_pool(), deployment("web", 3))
        with self.controller():
            self.settled(3)
            self.assert_none_doubled()


class Cluster(ClusterTest):
    """Kubernetes does not behave either."""

    def test_the_api_server_restarts(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))
        with self.controller() as controller:
            self.settled(2)
            pid = self.environment.folder / "controlplane" / "kube-apiserver.pid"
            killed = pid.read_text(encoding="utf-8")
            os.kill(int(killed), signal.SIGKILL)
            eventually("another API server serves", lambda: pid.read_text(encoding="utf-8") != killed and self.environment.nodes())
            self.environment.apply(deployment("more", 2))
            self.settled(4)
            # An API server that has just begun knows no roles yet, and forbids for a moment what they allow.
            self.asked = len(self.environment.asked())
            self.assert_none_doubled()
            self.assertIsNone(controller.process.poll(), "the same process went on")

    def test_a_kubelet_that_falls_silent_after_a_while_takes_no_other_pods_down(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))
        with self.controller():
            self.settled(2)
            silent = self.environment.nodes()[0]["metadata"]["name"]
            self.environment.misbehave(silent, "silence")
            self.environment.apply(deployment("more", 2, cpu="1900m"))
            self.running(3)

    def test_a_node_that_joins_late_is_waited_for(self) -> None:
        self.environment.behaviour(rules=[{"behaviour": {"joinSeconds": 12, "readySeconds": 3}}])
        self.environment.apply(node_class(), node_pool(), deployment("web", 3))
        with self.controller():
            self.settled(3)
            self.assert_none_doubled()


class Leaders(ClusterTest):
    """Two processes, one Lease."""

    def leader(self) -> Any:
        found = self.environment.api.get("/apis/coordination.k8s.io/v1/namespaces/windlass/leases/e2e")
        return found and found["spec"].get("holderIdentity")

    def contender(self, name: str) -> Controller:
        return Controller(self.environment, f"{self.id().rpartition('.')[2]}-{name}", *LEASE)

    def test_a_leader_that_freezes_is_followed_by_one_and_does_no_harm_when_it_thaws(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))
        with self.contender("first") as first:
            held = eventually("the first leads", self.leader)
            with self.contender("second") as second:
                eventually("a claim is written", lambda: self.environment.api.items(CLAIMS))
                first.send(signal.SIGSTOP)
                eventually("the second leads", lambda: self.leader() not in (held, None))
                self.environment.apply(deployment("more", 2))
                self.settled(4)
                first.send(signal.SIGCONT)
                eventually("the first ends", lambda: first.process.poll() is not None)
                time.sleep(1)
                self.settled(4)
                self.assert_none_doubled()
                self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", propagationPolicy="Background")
                self.emptied()
                self.assertIsNone(second.process.poll())


if __name__ == "__main__":
    unittest.main()
