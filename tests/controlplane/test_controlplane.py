"""The control plane is real: it starts, schedules, says no to strangers, comes back after a crash, runs beside another, and leaves nothing."""

import base64
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parents[1] / "scripts" / "controlplane"
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
# For what takes a second or two on an idle machine.
PATIENCE_SECONDS = 120
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-0"},
    "spec": {"containers": [{"name": "web", "image": "web", "resources": {"requests": {"cpu": "900m", "memory": "1Gi"}}}]},
}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}}
ROOM = {"cpu": "2", "memory": "4Gi", "pods": "10"}
READY = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}


class Cluster:
    """A client that knows no more than the kubeconfig says."""

    def __init__(self, kubeconfig: Path):
        text = kubeconfig.read_text(encoding="utf-8")
        self.port = int(field(text, r"server: https://127\.0\.0\.1:(\d+)"))
        self.token: str | None = field(text, r"token: (\w+)")
        authority = base64.b64decode(field(text, r"certificate-authority-data: (\S+)"))
        self.context = ssl.create_default_context(cadata=authority.decode())

    def call(self, method: str, path: str, document: Any = None, patch: bool = False) -> tuple[int, Any]:
        headers = {"Content-Type": "application/merge-patch+json" if patch else "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=self.context)
        try:
            connection.request(method, path, body=None if document is None else json.dumps(document), headers=headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()


def field(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise AssertionError(f"no {pattern} in the kubeconfig")
    return found.group(1)


def run(*arguments: str) -> str:
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"controlplane {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout.strip()


def refusal(*arguments: str) -> str:
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        raise AssertionError(f"controlplane {' '.join(arguments)} did not fail: {done.stdout}")
    return done.stderr


def eventually(what: str, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never came true: {what}")


def pids(folder: Path) -> dict[str, int]:
    return {name: int((folder / f"{name}.pid").read_text(encoding="utf-8")) for name in COMPONENTS}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


class Smoke(unittest.TestCase):
    """One control plane per class: a start takes seconds."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder = cls.scratch / "cluster"
        cls.kubeconfig = Path(run("start", "--dir", str(cls.folder)))
        cls.addClassCleanup(run, "stop", "--dir", str(cls.folder))
        cls.cluster = Cluster(cls.kubeconfig)

    def ok(self, method: str, path: str, document: Any = None, patch: bool = False) -> Any:
        status, answer = self.cluster.call(method, path, document, patch)
        self.assertIn(status, (200, 201), answer)
        return answer

    def namespace(self, name: str) -> str:
        """The path of a namespace in which pods can be made."""
        self.ok("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        path = f"/api/v1/namespaces/{name}"
        eventually("the namespace has its service account", lambda: self.cluster.call("GET", f"{path}/serviceaccounts/default")[0] == 200)
        return path

    def scheduled(self, path: str) -> Any:
        conditions = self.ok("GET", f"{path}/pods/web-0").get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == "PodScheduled"), None)

    def test_a_pod_is_unschedulable_until_a_node_comes(self) -> None:
        path = self.namespace("shop")
        self.ok("POST", f"{path}/pods", POD)
        condition = eventually("the scheduler has an opinion", lambda: self.scheduled(path))
        self.assertEqual((condition["status"], condition["reason"]), ("False", "Unschedulable"))
        self.assertIn("no nodes available", condition["message"])
        self.ok("POST", "/api/v1/nodes", NODE)
        self.ok("PATCH", "/api/v1/nodes/node-0/status", {"status": {"capacity": ROOM, "allocatable": ROOM, "conditions": [READY]}}, patch=True)
        bound = eventually("the pod is bound", lambda: self.ok("GET", f"{path}/pods/web-0")["spec"].get("nodeName"))
        self.assertEqual(bound, "node-0")

    @unittest.skipIf(os.environ.get("KUBEBUILDER_ASSETS"), "the binaries are not ours")
    def test_its_version_is_the_modules(self) -> None:
        wanted = field((HERE / "go.mod").read_text(encoding="utf-8"), r"k8s\.io/kubernetes (v\S+)")
        self.assertEqual(self.ok("GET", "/version")["gitVersion"], wanted)

    def test_strangers_and_service_accounts_may_nothing(self) -> None:
        stranger = Cluster(self.kubeconfig)
        stranger.token = None
        self.assertEqual(stranger.call("GET", "/api/v1/nodes")[0], 403)
        stranger.token = "0" * 32
        self.assertEqual(stranger.call("GET", "/api/v1/nodes")[0], 401)
        self.namespace("guests")
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        stranger.token = self.ok("POST", "/api/v1/namespaces/guests/serviceaccounts/default/token", request)["status"]["token"]
        status, answer = stranger.call("GET", "/api/v1/nodes")
        self.assertEqual(status, 403)
        self.assertIn("system:serviceaccount:guests:default", answer["message"])

    def test_a_component_that_dies_comes_back_with_its_data(self) -> None:
        path = self.namespace("kept")
        killed = pids(self.folder)["kube-apiserver"]
        os.kill(killed, signal.SIGKILL)
        eventually("another process serves", lambda: pids(self.folder)["kube-apiserver"] != killed)

        def answers() -> bool:
            try:
                return self.cluster.call("GET", path)[0] == 200
            except (OSError, http.client.HTTPException):
                return False

        eventually("the namespace is still there", answers)

    def test_a_second_one_in_the_same_folder_is_refused(self) -> None:
        self.assertIn("already: stop it first", refusal("start", "--dir", str(self.folder)))
        self.ok("GET", "/api/v1/namespaces/default")

    def test_env_names_the_kubeconfig(self) -> None:
        self.assertEqual(run("env", "--dir", str(self.folder)), f"export KUBECONFIG={self.kubeconfig}")


class Ending(unittest.TestCase):
    """Whoever starts one in the foreground cannot leave it behind."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "cluster"

    def serve(self, *flags: str) -> subprocess.Popen[str]:
        command = [SCRIPT, "serve", "--dir", str(self.folder), *flags]
        front = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(front.stdout.close)
        self.addCleanup(front.wait)
        self.addCleanup(front.stdin.close)
        self.kubeconfig = Path(front.stdout.readline().strip())
        self.assertTrue(self.kubeconfig.is_file(), "serve printed no kubeconfig: see its messages above")
        return front

    def assert_gone(self, processes: dict[str, int]) -> None:
        for name, pid in processes.items():
            eventually(f"{name} has ended", lambda pid=pid: not is_alive(pid))
        self.assertTrue((self.folder / "kube-apiserver.log").is_file(), "logs stay")

    def test_two_run_side_by_side_and_end_with_their_input(self) -> None:
        first = self.serve("--flag", "kube-controller-manager=--node-monitor-grace-period=10s")
        here, mine = Cluster(self.kubeconfig), pids(self.folder)
        with tempfile.TemporaryDirectory() as other:
            there = Cluster(Path(run("start", "--dir", other)))
            try:
                self.assertNotEqual(here.port, there.port)
                name = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}}
                self.assertEqual(here.call("POST", "/api/v1/namespaces", name)[0], 201)
                self.assertEqual(there.call("GET", "/api/v1/namespaces/here")[0], 404)
            finally:
                theirs = pids(Path(other))
                run("stop", "--dir", other)
            self.assertEqual([name for name, pid in theirs.items() if is_alive(pid)], [])
        first.stdin.close()
        self.assertEqual(first.wait(), 0)
        self.assert_gone(mine)

    def test_it_ends_with_its_starter_however_that_ends(self) -> None:
        front = self.serve()
        mine = pids(self.folder)
        front.kill()
        self.assert_gone(mine)

    def test_a_flag_that_a_component_does_not_know_is_reported_with_its_log(self) -> None:
        message = refusal("start", "--dir", str(self.folder), "--flag", "kube-scheduler=--no-such-flag=1")
        self.assertIn("kube-scheduler ended with 1 before the control plane was ready", message)
        self.assertIn("unknown flag: --no-such-flag", message)
        self.assertIn("expected COMPONENT=--NAME=VALUE", refusal("start", "--dir", str(self.folder), "--flag", "kubelet=--v=2"))

    def test_a_folder_of_somebody_elses_is_left_alone(self) -> None:
        self.folder.mkdir()
        (self.folder / "thesis.tex").write_text("years of work", encoding="utf-8")
        self.assertIn("is not empty and no control plane ran there", refusal("start", "--dir", str(self.folder)))
        self.assertEqual((self.folder / "thesis.tex").read_text(encoding="utf-8"), "years of work")


if __name__ == "__main__":
    unittest.main()
