"""1,000 pods at once: all run, on machines that are bought once. With WINDLASS_MEASURE=1 it also says how long that took and what it cost the
controller, in the words of docs/benchmarks.md: build with `cargo build --release --features controller` and name the binary in WINDLASS_BINARY.
"""

import contextlib
import os
import threading
import time
import unittest
from typing import Any

from cluster_test import NAMESPACE, ClusterTest, deployment, node_class, node_pool
from controller import Controller
from environment import eventually

SMALL = deployment("small", 500, cpu="900m", memory="3100Mi")
LARGE = deployment("large", 500, cpu="3500m", memory="28Gi")
PODS = 1000
PATIENCE_SECONDS = 480
# Of --batch-idle-duration: after the last pod the controller waits for more on purpose.
IDLE_SECONDS = 1.0
SAMPLE_SECONDS = 1.0
# What is launched later is for pods that did not get the place that was bought for them.
SOON_SECONDS = 15.0
PERCENTILE = 95
MEBIBYTE = 1 << 20


class Sampler:
    """What a process uses, second by second."""

    def __init__(self, controller: Controller):
        self.controller = controller
        self.samples: list[dict[str, Any]] = [controller.usage()]
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # The process is gone, and with it the test.
            while not self.done.wait(SAMPLE_SECONDS):
                self.samples.append(self.controller.usage())

    def stop(self) -> None:
        self.done.set()
        self.thread.join()

    def cores(self) -> list[float]:
        """Of each second, in order of size."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return sorted((after["seconds"] - before["seconds"]) / (after["at"] - before["at"]) for before, after in pairs)


class ThousandPods(ClusterTest):
    """The load of Karpenter's own gate."""

    def test_a_thousand_pods_run(self) -> None:
        pending: dict[str, float] = {}
        stopping = threading.Event()

        def see(_kind: str, pod: Any) -> None:
            conditions = pod.get("status", {}).get("conditions") or []
            if any(each["type"] == "PodScheduled" and each.get("reason") == "Unschedulable" for each in conditions):
                pending.setdefault(pod["metadata"]["uid"], time.time())

        watch = (f"/api/v1/namespaces/{NAMESPACE}/pods", see, stopping)
        threading.Thread(target=self.environment.api.follow, args=watch, daemon=True).start()
        self.addCleanup(stopping.set)
        self.environment.apply(node_class(), node_pool())
        with self.controller() as controller:
            controller.wait_until_ready()
            sampler = Sampler(controller)
            self.addCleanup(sampler.done.set)
            began = time.time()
            self.environment.apply(SMALL, LARGE)
            self.running(PODS, patience=PATIENCE_SECONDS)
            ran = time.time() - began
            self.settled(PODS)
            sampler.stop()
            fleets = [call["at"] for call in self.environment.history()[self.called :] if call["action"] == "ec2:CreateFleet"]
            self.assert_none_doubled()
            if os.environ.get("WINDLASS_MEASURE"):
                self.tell(sampler, ran, [at - max(pending.values()) for at in fleets])
            self.environment.api.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", propagationPolicy="Background")
            eventually("the pods are gone", lambda: not self.environment.pods(NAMESPACE), 240)

    def tell(self, sampler: Sampler, ran: float, fleets: list[float]) -> None:
        bought = max(after for after in fleets if after < SOON_SECONDS)
        again = sum(after >= SOON_SECONDS for after in fleets)
        cores = sampler.cores()
        resident = max(sample["most"] for sample in sampler.samples) / MEBIBYTE
        print(
            f"\n{len(self.launched())} machines; all pods running {ran:.1f} s after they were made; "
            f"last CreateFleet {bought:.2f} s after the last pod was found unschedulable, {bought - IDLE_SECONDS:.2f} s of it not by intent, "
            f"and {again} more for pods whose place the scheduler gave to others; "
            f"resident at most {resident:.0f} MiB; cores: mean {sum(cores) / len(cores):.3f}, "
            f"{PERCENTILE}th percentile {cores[len(cores) * PERCENTILE // 100]:.3f}, most {cores[-1]:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    unittest.main()
