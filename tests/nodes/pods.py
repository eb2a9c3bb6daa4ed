"""What the kubelets do with their pods: run them, end those whose annotation says when, and stop those that are deleted."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from api_server import STRATEGIC, ApiServer, Refusal
from machine import timestamp
from node import Node

# On a pod: how long its containers run, such as `20s`, and what they then exit with, such as `1`.
RUN_FOR = "windlass.test/run-for"
EXIT_CODE = "windlass.test/exit-code"
SIGTERM_EXIT = 143
ENDED = ("Succeeded", "Failed")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Pods:
    """The pods of all nodes. `stage` is the last thing begun for each: starting, running, stopping."""

    def __init__(self, api: ApiServer, find: Callable[[str], Node | None]):
        self.api = api
        self.find = find
        self.lock = threading.Lock()
        self.stage: dict[str, str] = {}

    def see(self, kind: str, pod: Any) -> None:
        """One event of the watch."""
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":
            with self.lock:
                self.stage.pop(uid, None)
            return
        node = self.find(pod["spec"].get("nodeName", ""))
        if node is None:
            return
        if pod["metadata"].get("deletionTimestamp"):
            if self.begin(uid, "stopping"):
                node.later(stopping_seconds(pod, node), lambda: self.stop(pod))
        elif pod.get("status", {}).get("phase") == "Pending":
            if self.begin(uid, "starting"):
                node.later(node.behaviour.podSeconds, lambda: self.start(pod, node))
        elif pod["status"]["phase"] == "Running" and self.begin(uid, "running"):
            self.run(pod, node)

    def begin(self, uid: str, stage: str) -> bool:
        """Whether this is new: events repeat, and stages only go forward."""
        order = ("starting", "running", "stopping")
        with self.lock:
            before = self.stage.get(uid)
            if before is not None and order.index(before) >= order.index(stage):
                return False
            self.stage[uid] = stage
            return True

    def start(self, pod: Any, node: Node) -> None:
        now = timestamp()
        containers = [status(each, {"running": {"startedAt": now}}, ready=True) for each in pod["spec"]["containers"]]
        done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
        conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
        self.patch(
            pod,
            {
                "phase": "Running",
                "startTime": now,
                "hostIP": node.instance.address,
                "podIP": node.instance.address,
                "podIPs": [{"ip": node.instance.address}],
                "conditions": [{"type": name, "status": "True", "lastTransitionTime": now} for name in conditions],
                "containerStatuses": containers,
                "initContainerStatuses": [status(each, done, ready=True) for each in pod["spec"].get("initContainers", [])],
            },
        )

    def run(self, pod: Any, node: Node) -> None:
        annotations = pod["metadata"].get("annotations") or {}
        if RUN_FOR in annotations:
            node.later(seconds(annotations[RUN_FOR]), lambda: self.end(pod, int(annotations.get(EXIT_CODE, "0"))))

    def end(self, pod: Any, exit_code: int) -> None:
        """All containers have ended by themselves, or in time."""
        now = timestamp()
        state = {"terminated": {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed", "finishedAt": now}}
        conditions = ("Ready", "ContainersReady")
        reason = "PodFailed" if exit_code else "PodCompleted"
        self.patch(
            pod,
            {
                "phase": "Failed" if exit_code else "Succeeded",
                "conditions": [{"type": name, "status": "False", "reason": reason, "lastTransitionTime": now} for name in conditions],
                "containerStatuses": [status(each, state, ready=False) for each in pod["spec"]["containers"]],
            },
        )

    def stop(self, pod: Any) -> None:
        """A pod that would not be started again says how it ended before it goes: Jobs count by that."""
        phase = pod.get("status", {}).get("phase")
        if pod["spec"].get("restartPolicy") != "Always" and phase not in ENDED:
            self.end(pod, SIGTERM_EXIT)
        self.unless_gone(lambda: self.api.delete(path(pod), gracePeriodSeconds=0, preconditions={"uid": pod["metadata"]["uid"]}))

    def patch(self, pod: Any, status: dict[str, Any]) -> None:
        # The uid in a patch is a precondition: a pod of the same name that came later is left alone.
        document = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        self.unless_gone(lambda: self.api.call("PATCH", f"{path(pod)}/status", document, STRATEGIC))

    def unless_gone(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Refusal as why:
            if why.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise


def path(pod: Any) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def status(container: Any, state: dict[str, Any], ready: bool) -> dict[str, Any]:
    known = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "containerID": f"containerd://{container['name']}"}
    return {**known, "state": state, "ready": ready, "started": ready, "restartCount": 0}


def stopping_seconds(pod: Any, node: Node) -> float:
    """Its containers end by themselves, or are killed at the end of the grace period. A pod that has ended has nothing to stop."""
    if pod.get("status", {}).get("phase") in ENDED:
        return 0
    return min(node.behaviour.stopSeconds, float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))


def seconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * UNITS[unit]
