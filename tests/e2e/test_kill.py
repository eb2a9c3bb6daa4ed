"""kill -9 while a call is on its way, or carried out and not yet answered: nothing is lost, nothing is there twice. Every kind of call that the
controller makes has its point here, by name.
"""

import time
import unittest
from collections.abc import Callable

from cluster_test import CLAIMS, NAMESPACE, ClusterTest, deployment, node_class, node_pool
from controller import Controller
from environment import CLUSTER, CONTROLLER, eventually
from proxy import Proxy

# For as long a call of AWS is held; the caller is killed long before.
HELD_SECONDS = 3.0
# From the moment that such a call has come in to the moment that it is carried out.
CARRIED_OUT_SECONDS = 0.3
# A launch of which only a part of its claims knows may have been made or not: EC2's lists decide, two minutes later.
UNHEARD_SECONDS = 240
# One pod on each machine, so that each has a claim of its own.
TOGETHER_NEVER = [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]
APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TOGETHER_NEVER}}

# `before`: the call is not carried out while anybody waits for it. `after`: it has been, and nobody hears of it.
STARTING = (
    "after eks:DescribeCluster",
    "after ssm:GetParameter",
    "before ec2:DescribeSubnets",
    "after ec2:DescribeSecurityGroups",
    "after iam:GetInstanceProfile",
    "after iam:CreateInstanceProfile",
    "before iam:AddRoleToInstanceProfile",
    "after PUT ec2nodeclasses/status",
    "after PATCH ec2nodeclasses",
    "before PUT nodepools/status",
    "after PUT nodepools/status",
)
LAUNCHING = (
    "before POST nodeclaims",
    "after POST nodeclaims",
    "before PATCH nodeclaims",
    "after PATCH nodeclaims",
    "before ec2:CreateLaunchTemplate",
    "after ec2:CreateLaunchTemplate",
    "before ec2:CreateFleet",
    "after ec2:CreateFleet",
    "after ec2:DescribeInstances",
    "before PUT nodeclaims/status",
    "after PUT nodeclaims/status",
    "before PATCH nodes",
    "after PATCH nodes",
    "after PUT nodeclaims/status",
)
DRAINING = (
    "before DELETE nodes",
    "after DELETE nodes",
    "after PATCH nodes",
    "before POST pods/eviction",
    "after POST pods/eviction",
    "before ec2:TerminateInstances",
    "after ec2:TerminateInstances",
    "before PATCH nodes",
    "after PATCH nodeclaims",
)
EMPTYING = ("before DELETE nodeclaims", "after DELETE nodeclaims", "after POST events")
LEADING = ("before POST leases", "after POST leases", "after PUT leases")


class Lives(ClusterTest):
    """Processes that end at a point."""

    def process(self, proxy: Proxy | None = None) -> Controller:
        return self.controller(kubeconfig=proxy and proxy.kubeconfig)

    def kill_at(self, points: tuple[str, ...], provoke: Callable[[str], None]) -> None:
        """Each point has something of its own to be done, so that its call is certainly made."""
        for number, point in enumerate(points):
            provoke(f"n{number}")
            when, _, call = point.partition(" ")
            (self.kill_in_cloud if ":" in call else self.kill_in_cluster)(call, when)

    def kill_in_cluster(self, call: str, when: str) -> None:
        # Not the same door twice: what a dead process has still sent must not be taken for a request of the next.
        with Proxy(self.environment.controller_kubeconfig, self.environment.folder) as proxy:
            hold = proxy.wait_for(call, when)
            with self.process(proxy) as process:
                eventually(f"{when} {call}", lambda: self.lives(process) and hold.met.is_set())
                process.kill()

    def kill_in_cloud(self, call: str, when: str) -> None:
        fault = {"action": call, "caller": CONTROLLER, "code": None, "when": when, "delaySeconds": HELD_SECONDS, "times": 1}
        self.environment.market(faults=[fault])

        def held() -> bool:
            return self.environment.market()["settings"]["faults"][0]["times"] == 0

        with self.process() as process:
            eventually(f"{when} {call}", lambda: self.lives(process) and held())
            time.sleep(CARRIED_OUT_SECONDS if when == "after" else 0)
            process.kill()

    def lives(self, process: Controller) -> bool:
        if process.process.poll() is not None:
            raise AssertionError(f"the controller ended by itself\n{process.tail()}")
        return True


class Kill(Lives):
    """At every step between the start and the last machine."""

    pods = 0

    def another_class(self, name: str) -> None:
        """With a role, for which an instance profile is made; and a pool of it, with room for nothing."""
        role = node_class(name, role=f"{CLUSTER}-node")
        del role["spec"]["instanceProfile"]
        self.environment.apply(role, node_pool(name, node_class=name, limits={"cpu": "0"}))

    def another_pod(self, _name: str) -> None:
        self.pods += 1
        self.environment.apply(deployment("web", self.pods, affinity=APART))

    def one_pod_less(self, _name: str) -> None:
        self.pods -= 1
        self.environment.apply(deployment("web", self.pods, affinity=APART))

    def one_claim_less(self, _name: str) -> None:
        claim = next(each for each in self.claims() if "deletionTimestamp" not in each["metadata"] and each["status"].get("nodeName"))
        self.environment.api.delete(f"{CLAIMS}/{claim['metadata']['name']}", propagationPolicy="Background")

    def test_a_kill_at_any_step_leaks_nothing_and_doubles_nothing(self) -> None:
        self.environment.apply(node_class(), node_pool())
        self.kill_at(STARTING, self.another_class)
        self.kill_at(LAUNCHING, self.another_pod)
        self.goes_on()
        self.kill_at(DRAINING, self.one_claim_less)
        self.goes_on()
        self.kill_at(EMPTYING, self.one_pod_less)
        self.goes_on()
        self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web", propagationPolicy="Background")
        with self.process():
            self.emptied()
        self.assert_none_doubled()

    def goes_on(self) -> None:
        with self.process():
            self.settled(self.pods, patience=UNHEARD_SECONDS)
            eventually("no claim is on its way out", lambda: len(self.claims()) == len(self.launched()) == self.pods)
            self.assert_none_doubled()


class KillLeader(Lives):
    """Lives that begin with the Lease of the one before."""

    lease = "e2e-killed"

    def process(self, proxy: Proxy | None = None) -> Controller:
        return Controller(self.environment, "leaders", "--leader-elect-name", self.lease, kubeconfig=proxy and proxy.kubeconfig)

    def test_the_next_one_leads(self) -> None:
        self.environment.apply(node_class(), node_pool(), deployment("web", 2))
        self.kill_at(LEADING, lambda _name: None)
        with self.process():
            self.settled(2)
            self.assert_none_doubled()
        lease = self.environment.api.get(f"/apis/coordination.k8s.io/v1/namespaces/windlass/leases/{self.lease}")
        self.assertEqual(lease["spec"]["holderIdentity"], "", "given back at the end")


if __name__ == "__main__":
    unittest.main()
