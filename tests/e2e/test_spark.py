"""The job of deploy/examples/emr-spark as it runs: a driver on demand, executors on spot in waves, all in one zone, and nothing left after it."""

import time
import unittest
from datetime import datetime
from typing import Any

from cluster_test import ClusterTest
from environment import eventually
from spark import DRIVER, NAMESPACE, Spark

ZONE = "us-west-2b"
WAVE = 10
# ttlSecondsAfterEmpty of both Provisioners.
EMPTY_SECONDS = 30


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class SparkJob(ClusterTest):
    """One job from its start to silence."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.environment.clear, [NAMESPACE, "kube-system"])

    def node_of(self, pod: Any) -> Any:
        return self.environment.api.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")

    def test_a_job_gets_its_machines_and_leaves_none(self) -> None:
        environment = self.environment
        job = Spark(environment)
        managed = job.prepare()
        with self.controller():
            job.submit()
            self.running(2, NAMESPACE)
            for wave in range(2):
                job.ask_for_executors(1 + wave * WAVE, WAVE)
                pods = self.running(2 + (wave + 1) * WAVE, NAMESPACE)
            self.assert_places(pods)
            emptied = self.finish(pods)
            self.assert_nodes_go_in_time(emptied)
            self.emptied()
        alive = [found["InstanceId"] for found in environment.instances()]
        self.assertEqual(alive, [managed], "EC2 has what was there before the job, and nothing else")
        self.assertEqual(len(environment.nodes()), 1)

    def assert_places(self, pods: list[Any]) -> None:
        for pod in pods:
            labels = self.node_of(pod)["metadata"]["labels"]
            role = pod["metadata"]["labels"].get("spark-role")
            wanted = {"driver": "on-demand", "executor": "spot"}.get(role)
            self.assertEqual(labels.get("karpenter.sh/capacity-type"), wanted, pod["metadata"]["name"])
            self.assertEqual(labels["topology.kubernetes.io/zone"], ZONE)
            self.assertEqual(labels["kubernetes.io/arch"], "arm64" if role else "amd64")
        lifecycles = {found.get("InstanceLifecycle", "on-demand") for found in self.launched()}
        self.assertEqual(lifecycles, {"spot", "on-demand"})
        self.assertEqual({found["Placement"]["AvailabilityZone"] for found in self.launched()}, {ZONE})

    def finish(self, pods: list[Any]) -> dict[str, float]:
        """The driver lets its executors go, and ends. Since when each of their nodes may be empty."""
        job = [pod for pod in pods if "spark-role" in pod["metadata"]["labels"]]
        since: dict[str, float] = {}
        for pod in sorted(job, key=lambda pod: pod["metadata"]["name"] == DRIVER):
            since[pod["spec"]["nodeName"]] = time.time()
            self.environment.api.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}")
        eventually("the pods of the job are gone", lambda: len(self.environment.pods(NAMESPACE)) <= 1)
        return since

    def assert_nodes_go_in_time(self, emptied: dict[str, float]) -> None:
        """Each of them, the driver's too, and not before it was empty for as long as the pool says."""
        told: dict[str, float] = {}

        def all_told_to_go() -> bool:
            for claim in self.claims():
                if at := claim["metadata"].get("deletionTimestamp"):
                    told[claim["status"].get("nodeName")] = moment(at)
            return emptied.keys() <= told.keys()

        eventually("every node of the job is told to go", all_told_to_go, 120)
        for node, since in emptied.items():
            # Timestamps have whole seconds.
            self.assertGreaterEqual(told[node] - since, EMPTY_SECONDS - 1, node)


if __name__ == "__main__":
    unittest.main()
