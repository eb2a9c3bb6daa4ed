"""`windlass run` as its own process: started, killed, frozen, and looked at from outside."""

import contextlib
import functools
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from environment import CLUSTER, CONTROLLER, REGION, ROOT, Environment, Gave, eventually

# The very selection of scripts/test, so that nothing is compiled twice.
BUILD = ["cargo", "test", "--workspace", "--features", "windlass/controller", "--no-run", "--message-format", "json", "--quiet"]
# What a failed test shows of its log: the last lines, so much of each.
SHOWN = 40
WIDTH = 400
STOP_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


@functools.cache
def binary() -> Path:
    """WINDLASS_BINARY, or what the test command builds."""
    if given := os.environ.get("WINDLASS_BINARY"):
        return Path(given)
    built = subprocess.run(BUILD, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in built.splitlines():
        artifact = json.loads(line)
        target = artifact.get("target") or {}
        if target.get("name") == "windlass" and target.get("kind") == ["bin"] and not artifact["profile"]["test"]:
            return Path(artifact["executable"])
    raise Gave(f"{' '.join(BUILD)} builds no windlass")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Controller:
    """One process after the other, with the same settings. Its log is one file."""

    def __init__(self, environment: Environment, name: str, *flags: str, kubeconfig: Path | None = None):
        self.environment = environment
        self.kubeconfig = kubeconfig or environment.controller_kubeconfig
        self.log = environment.folder / f"{name}.log"
        self.flags = flags
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Controller":
        self.metrics_port, self.health_port = free_port(), free_port()
        command = [
            *(str(binary()), "run", "--cluster-name", CLUSTER, "--kubeconfig", str(self.kubeconfig)),
            *("--metrics-address", f"127.0.0.1:{self.metrics_port}", "--health-address", f"127.0.0.1:{self.health_port}"),
            *self.flags,
        ]
        aws = {
            **{"AWS_ENDPOINT_URL": self.environment.aws_url, "AWS_REGION": REGION},
            **{"AWS_ACCESS_KEY_ID": CONTROLLER, "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"},
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=os.environ | aws, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.environment.folder
            )
        return self

    def __enter__(self) -> "Controller":
        return self.start()

    def __exit__(self, kind: object, why: object, _trace: object) -> None:
        self.end()
        if kind is not None:
            print(f"\n--- the end of {self.log.name}\n{self.tail()}\n--- the cluster\n{self.environment.describe()}\n---", flush=True)

    def tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line[:WIDTH] for line in lines[-SHOWN:])

    def wait_until_ready(self) -> None:
        eventually(f"{self.log.name} is ready", lambda: self.answers("/readyz"))

    def answers(self, path: str) -> bool:
        if self.process.poll() is not None:
            raise Gave(f"the controller ended with {self.process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}{path}", timeout=5):
                return True
        except OSError:
            return False

    def metrics(self) -> dict[str, float]:
        """Value by name and labels, as they are written."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        found = (re.fullmatch(r"(\S+(?:\{.*\})?) (\S+)", line) for line in lines if not line.startswith("#"))
        return {match[1]: float(match[2]) for match in found if match}

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a node that loses power."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int | None:
        """As a rollout does; what it returned."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            return self.process.wait(STOP_SECONDS)
        self.kill()
        return None

    def usage(self) -> dict[str, Any]:
        """Resident bytes now and at most, and seconds of processor time since its start."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        kilobytes = {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "VmHWM")}
        seconds = (int(fields[11]) + int(fields[12])) / TICKS
        return {"resident": kilobytes["VmRSS"] * 1024, "most": kilobytes["VmHWM"] * 1024, "seconds": seconds, "at": time.monotonic()}
