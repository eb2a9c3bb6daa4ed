"""Keeps one control plane running: starts its processes in order, starts one again that dies, stops all. Knows its folder and nothing else.

The folder holds the logs (`<component>.log`, kept after a stop), pids (`<component>.pid`), credentials and etcd's data. Its lock is held by
the supervisor and by every process it started: who holds it may write here, and once it is free nothing of this control plane is left.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import components
import credentials

# A cold start takes seconds on an idle machine; this is for one that is busy compiling.
READY_SECONDS = 180
# Between two looks at anything that is waited for.
LOOK_SECONDS = 0.1
# What a process may take to stop by itself.
STOP_SECONDS = 10
# A component that keeps dying is not started again faster than this.
AGAIN_SECONDS = 1
# A port that somebody else took between our look and our bind.
TRIES = 3
TAKEN = "address already in use"
PR_SET_PDEATHSIG = 1
# Also what says that a folder is ours.
LOCK = "controlplane.lock"


class NotStarted(Exception):
    """The control plane did not come up; the message says why, with the end of the log."""


class Stopped(Exception):
    """Somebody wants it stopped."""


class Supervisor:
    """One control plane in one folder."""

    def __init__(self, folder: Path, binaries: dict[str, Path], extra: dict[str, list[str]], lock: IO[str], lifeline: IO[str] | None):
        self.folder = folder
        self.binaries = binaries
        self.extra = extra
        self.lock = lock
        self.lifeline = lifeline
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False
        self.libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def run(self) -> None:
        """Start, say so, and watch until told to stop."""
        signal.signal(signal.SIGTERM, self.on_signal)
        signal.signal(signal.SIGINT, self.on_signal)
        try:
            self.start()
            write_whole(self.folder / "ready", f"{os.getpid()}\n")
            # Whoever waited for us has gone, and what they read us by with them.
            os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
            self.watch()
        except Stopped:
            self.say("stopping")
        finally:
            (self.folder / "ready").unlink(missing_ok=True)
            self.stop()

    def on_signal(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def start(self) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self.start_once()
                return
            except NotStarted as why:
                if TAKEN not in str(why) or attempt == TRIES:
                    raise
                self.say(f"a port was taken meanwhile; trying others: {why}")
                self.stop()

    def start_once(self) -> None:
        empty(self.folder)
        self.ports = components.free_ports()
        credentials.write(self.folder / "credentials", self.ports.apiserver)
        self.commands = components.commands(self.folder, self.ports, self.binaries, self.extra)
        # The other two give up when they find no API server.
        for component in ("etcd", "kube-apiserver"):
            self.spawn(component)
        self.wait("kube-apiserver", self.ready("kube-apiserver"))
        for component in ("kube-controller-manager", "kube-scheduler"):
            self.spawn(component)
        self.wait("kube-scheduler", self.ready("kube-scheduler"))
        self.wait("kube-controller-manager", self.ready("kube-controller-manager"))
        self.wait("kube-controller-manager", lambda: components.default_service_account_exists(self.folder, self.ports))
        self.say("ready")

    def spawn(self, component: str) -> None:
        # Its own clean-up is no use to a process whose supervisor is gone.
        die_with_us = (lambda: self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)) if self.libc else None
        with open(self.folder / f"{component}.log", "ab") as log:
            child = subprocess.Popen(
                self.commands[component],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(self.lock.fileno(),),
                preexec_fn=die_with_us,
            )
        self.children[component] = child
        write_whole(self.folder / f"{component}.pid", f"{child.pid}\n")
        self.say(f"started {component}, pid {child.pid}")

    def ready(self, component: str) -> Callable[[], bool]:
        return lambda: components.is_ready(component, self.folder, self.ports)

    def wait(self, component: str, condition: Callable[[], bool]) -> None:
        """Until the condition holds. A process that ends before is a failed start, and so is one that takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not condition():
            for name, child in self.children.items():
                if child.poll() is not None:
                    raise NotStarted(f"{name} ended with {child.returncode} before the control plane was ready: {self.end_of_log(name)}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{component} was not ready after {READY_SECONDS} s: {self.end_of_log(component)}")
            self.pause()

    def pause(self) -> None:
        """A moment, or the end."""
        if self.lifeline is None:
            time.sleep(LOOK_SECONDS)
        elif select.select([self.lifeline], [], [], LOOK_SECONDS)[0]:
            raise Stopped
        if self.stopping:
            raise Stopped

    def end_of_log(self, component: str) -> str:
        path = self.folder / f"{component}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        return f"{path} ends with\n" + "\n".join(lines[-15:])

    def watch(self) -> None:
        died: dict[str, float] = {}
        while True:
            self.pause()
            for component, child in self.children.items():
                if child.poll() is None:
                    continue
                if component not in died:
                    died[component] = time.monotonic()
                    self.say(f"{component} ended with {child.returncode}")
                elif time.monotonic() - died[component] >= AGAIN_SECONDS:
                    del died[component]
                    self.spawn(component)

    def stop(self) -> None:
        """Clients before their server, so that none logs a storm of errors; then whatever is left, the hard way."""
        for group in (("kube-scheduler", "kube-controller-manager"), ("kube-apiserver",), ("etcd",)):
            children = [self.children[name] for name in group if name in self.children]
            for child in children:
                child.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for child in children:
                try:
                    child.wait(max(0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        for component in self.children:
            (self.folder / f"{component}.pid").unlink(missing_ok=True)
        self.children.clear()


def write_whole(path: Path, text: str) -> None:
    """So that a reader sees all of it or the text before."""
    draft = path.with_name(f".{path.name}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def empty(folder: Path) -> None:
    """All but what the supervisor itself has written."""
    for entry in folder.iterdir():
        if entry.name in (LOCK, "pid", "supervisor.log"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[IO[str]]:
    """The folder's lock, or `NotStarted` if a control plane runs there."""
    with open(folder / LOCK, "a", encoding="utf-8") as lock:
        if not try_lock(lock):
            raise NotStarted(f"a control plane runs in {folder} already: stop it first, or take another --dir")
        yield lock


def try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
