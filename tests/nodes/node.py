"""The life of one node: it boots, joins, gets ready, sends heartbeats, and stops at once when its instance ends."""

import threading
from http import HTTPStatus
from typing import Any

import machine
from agenda import Action, Agenda
from api_server import MERGE, STRATEGIC, UNREACHABLE, ApiServer, Refusal
from behaviour import Behaviour
from user_data import Broken, Kubelet, decode

# As the kubelet and the cloud provider's controllers have it.
LEASE_SECONDS = 40
RENEW_SECONDS = 10
# What a kubelet does about an API server that does not answer.
AGAIN_SECONDS = 1.0
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


class Node:
    """One instance and what runs on it. `state` is for people and tests: booting, broken, joined, ready, silent, gone."""

    def __init__(self, instance: machine.Instance, behaviour: Behaviour, api: ApiServer, agenda: Agenda):
        self.instance = instance
        self.behaviour = behaviour
        self.api = api
        self.agenda = agenda
        self.state = "booting"
        self.why = ""
        self.alive = threading.Event()
        self.alive.set()
        self.heard = threading.Event()
        self.heard.set()
        self.path = f"/api/v1/nodes/{instance.name}"

    def boot(self, user_data: bytes, cluster: str) -> None:
        try:
            self.kubelet = decode(user_data)
            reach(self.kubelet, self.api, cluster)
        except Broken as why:
            self.state, self.why = "broken", str(why)
            return
        if self.behaviour.joinSeconds is not None:
            self.later(self.behaviour.joinSeconds, self.join)

    def later(self, seconds: float, action: Action) -> None:
        """While the instance lives. An API server that is not there is asked again, as a kubelet does."""

        def act() -> None:
            if not self.alive.is_set() or not self.heard.is_set():
                return
            try:
                action()
            except UNREACHABLE:
                self.later(AGAIN_SECONDS, action)
            except Refusal as why:
                if why.status < HTTPStatus.INTERNAL_SERVER_ERROR and why.status != HTTPStatus.TOO_MANY_REQUESTS:
                    self.refused(why, action)
                else:
                    self.later(AGAIN_SECONDS, action)

        self.agenda.after(seconds, act)

    def refused(self, why: Refusal, action: Action) -> None:
        if why.status == HTTPStatus.CONFLICT:
            # Somebody else wrote in between, or the Node of a machine that had this address before is still there.
            self.later(AGAIN_SECONDS if action == self.join else 0, action)
        elif why.status == HTTPStatus.NOT_FOUND:
            # Somebody deleted the Node. A kubelet does not join again before it starts again.
            self.state = "gone"
        else:
            self.state, self.why = "broken", str(why)

    def join(self) -> None:
        self.api.call("POST", "/api/v1/nodes", machine.joining(self.instance, self.kubelet))
        self.state = "joined"
        self.later(0, self.welcome)
        self.later(0, self.lease)
        if self.behaviour.readySeconds is not None:
            self.later(self.behaviour.readySeconds, self.ready)

    def welcome(self) -> None:
        self.untaint(machine.UNINITIALIZED["key"], machine.labels(self.instance))

    def lease(self) -> None:
        node = self.api.call("GET", self.path)["metadata"]
        owner = {"apiVersion": "v1", "kind": "Node", "name": node["name"], "uid": node["uid"]}
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.instance.name, "ownerReferences": [owner]},
            "spec": {"holderIdentity": self.instance.name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": microtime()},
        }
        try:
            self.api.call("POST", LEASES, document)
        except Refusal as why:
            if why.status != HTTPStatus.CONFLICT:
                raise
        self.later(RENEW_SECONDS, self.renew)

    def renew(self) -> None:
        if self.state == "gone":
            return
        try:
            self.api.call("PATCH", f"{LEASES}/{self.instance.name}", {"spec": {"renewTime": microtime()}}, MERGE)
        except Refusal as why:
            if why.status != HTTPStatus.NOT_FOUND:
                raise
            # Collected with an earlier Node of this name, or with ours: the next look says which.
            self.later(0, self.lease)
            return
        self.later(RENEW_SECONDS, self.renew)

    def ready(self) -> None:
        self.report(True)
        behaviour = self.behaviour
        if behaviour.devicesSeconds is not None and machine.devices(self.instance.hardware):
            self.later(behaviour.devicesSeconds, lambda: self.report(True, with_devices=True))
        if behaviour.silentSeconds is not None:
            self.later(behaviour.silentSeconds, self.fall_silent)
        for key, seconds in behaviour.untaint.items():
            self.later(seconds, lambda key=key: self.untaint(key))

    def report(self, ready: bool, with_devices: bool = False) -> None:
        """Status as of now."""
        status = machine.status(self.instance, self.kubelet, ready, with_devices)
        self.api.call("PATCH", f"{self.path}/status", {"status": status}, STRATEGIC)
        self.state = "ready" if ready else "joined"

    def untaint(self, key: str, labels: dict[str, str] | None = None) -> None:
        """Taints are written all or none, so only onto those that were read."""
        node = self.api.call("GET", self.path)
        taints = [taint for taint in node["spec"].get("taints", []) if taint["key"] != key]
        metadata = {"resourceVersion": node["metadata"]["resourceVersion"], "labels": labels or {}}
        self.api.call("PATCH", self.path, {"metadata": metadata, "spec": {"taints": taints}}, MERGE)

    def fall_silent(self) -> None:
        """The instance runs on, and nothing more is heard of it."""
        self.heard.clear()
        self.state = "silent"

    def recover(self) -> None:
        self.heard.set()
        self.later(0, self.lease)
        self.later(0, lambda: self.report(True, with_devices=self.behaviour.devicesSeconds is not None))

    def end(self) -> None:
        self.alive.clear()
        self.state = "gone"

    def describe(self) -> dict[str, Any]:
        return {"instance": self.instance.id, "name": self.instance.name, "state": self.state, "why": self.why}


def reach(kubelet: Kubelet, api: ApiServer, cluster: str) -> None:
    """A kubelet with another cluster's address or certificate joins nothing. AL2 may leave both out and ask EKS."""
    if kubelet.cluster != cluster:
        raise Broken(f"the user data names the cluster {kubelet.cluster!r}, the instance is tagged for {cluster!r}")
    for given, mine, what in ((kubelet.api_server, api.url, "address"), (kubelet.authority, api.authority, "certificate authority")):
        if given != mine and (given or kubelet.family != "AL2"):
            raise Broken(f"the user data has another API server's {what}: {given!r:.80}")


def microtime() -> str:
    return machine.timestamp().replace("Z", ".000000Z")
