"""Where the binaries of the control plane come from: a folder of the user's, or one build per version into a cache."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

MODULE = Path(__file__).resolve().parent
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
# What `go build tool` calls the main package of go.etcd.io/etcd/server/v3.
BUILT_AS = {"etcd": "server"}


class NoBinaries(Exception):
    """The binaries can be neither found nor built; the message says what to do."""


def find() -> dict[str, Path]:
    """Path by name. `KUBEBUILDER_ASSETS` first, binary by binary (Kubebuilder's own assets are etcd and kube-apiserver only)."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    given = {name: Path(assets) / name for name in NAMES if (Path(assets) / name).is_file()} if assets else {}
    if len(given) == len(NAMES):
        return given
    built = build()
    return {name: given.get(name, built / name) for name in NAMES}


def cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windlass" / "controlplane"


def build() -> Path:
    """The folder of the binaries that go.mod and go.sum name, built if this user has none yet; one build at a time."""
    key = hashlib.sha256((MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    folder = cache_root() / f"{platform.system()}-{platform.machine()}-{key}".lower()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_name(folder.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            compile_into(partial)
            partial.rename(folder)
    return folder


def compile_into(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise NoBinaries(
            "cannot build the control plane: `go` is not on PATH. Install Go 1.26 or newer, "
            f"or set KUBEBUILDER_ASSETS to a folder with {', '.join(NAMES)}"
        )
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    found = subprocess.run(
        [go, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], cwd=MODULE, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if found.returncode != 0:
        raise NoBinaries("cannot build the control plane: `go list -m k8s.io/kubernetes` failed, see above")
    version = found.stdout.strip()
    major, minor = version.removeprefix("v").split(".")[:2]
    # A release build sets these; without them the API server says it is v0.0.0.
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s", "-w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())])
    print(f"building etcd and Kubernetes {version} for the tests, once per user: minutes, some gigabytes of Go's build cache", file=sys.stderr)
    began = time.monotonic()
    command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", f"{folder}{os.sep}", "tool"]
    if subprocess.run(command, cwd=MODULE, env=environment, check=False, stdout=sys.stderr).returncode != 0:
        raise NoBinaries(f"cannot build the control plane: `go build tool` failed in {MODULE}, see above")
    for name, built_as in BUILT_AS.items():
        os.rename(folder / built_as, folder / name)
    missing = [name for name in NAMES if not (folder / name).is_file()]
    if missing:
        raise NoBinaries(f"the tools of {MODULE / 'go.mod'} lack {', '.join(missing)}")
    print(f"built in {time.monotonic() - began:.0f} s", file=sys.stderr)
