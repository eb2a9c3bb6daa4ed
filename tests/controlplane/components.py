"""The processes of one control plane: where they listen, their command lines, and how each says that it is ready."""

import http.client
import json
import random
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from credentials import SERVICE_RANGE

LOOPBACK = "127.0.0.1"
# Below the ports that systems hand out by themselves (from 32768 on Linux, from 49152 elsewhere), so that no client takes one meanwhile.
PORTS = range(20000, 32000)
# The scheduler's and the controller manager's own limits (50 and 20 requests a second) would be what a test of a thousand pods measures.
REQUESTS_PER_SECOND = 2000
BURST = 4000
REPLY_SECONDS = 5

SCHEDULER_CONFIGURATION = """apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: {kubeconfig}
  qps: {qps}
  burst: {burst}
leaderElection:
  leaderElect: false
"""


@dataclass(frozen=True)
class Ports:
    etcd: int
    etcd_peer: int
    apiserver: int
    scheduler: int
    controller_manager: int


def free_ports() -> Ports:
    """Ports that nobody listens on now; whoever takes one before we do makes the start fail, and be tried again."""
    held: list[socket.socket] = []
    try:
        for port in random.sample(PORTS, len(PORTS)):
            listener = socket.socket()
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                listener.close()
                continue
            held.append(listener)
            if len(held) == len(Ports.__dataclass_fields__):
                return Ports(*(listener.getsockname()[1] for listener in held))
    finally:
        for listener in held:
            listener.close()
    raise RuntimeError(f"no free ports on {LOOPBACK} from {PORTS.start} to {PORTS.stop - 1}")


def commands(folder: Path, ports: Ports, binaries: dict[str, Path], extra: dict[str, list[str]]) -> dict[str, list[str]]:
    """Command line by component, in the order in which they start; a flag in `extra` comes last and so wins."""
    secrets = folder / "credentials"
    (folder / "scheduler.yaml").write_text(
        SCHEDULER_CONFIGURATION.format(kubeconfig=json.dumps(str(secrets / "kube-scheduler.kubeconfig")), qps=REQUESTS_PER_SECOND, burst=BURST),
        encoding="utf-8",
    )
    etcd = f"http://{LOOPBACK}:{ports.etcd}"
    peer = f"http://{LOOPBACK}:{ports.etcd_peer}"
    serving = [f"--tls-cert-file={secrets / 'serving.crt'}", f"--tls-private-key-file={secrets / 'serving.key'}", f"--bind-address={LOOPBACK}"]
    flags = {
        "etcd": [
            *(f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"),
            # The data need not survive a power cut.
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            *(*serving, f"--secure-port={ports.apiserver}", f"--advertise-address={LOOPBACK}", f"--etcd-servers={etcd}"),
            *("--authorization-mode=Node,RBAC", f"--token-auth-file={secrets / 'tokens.csv'}"),
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={secrets / 'service-accounts.key'}",
            f"--service-account-key-file={secrets / 'service-accounts.pub'}",
            # No node reaches a Service here: its endpoints would only say so.
            *(f"--service-cluster-ip-range={SERVICE_RANGE}", "--endpoint-reconciler-type=none"),
            # The sum of both is what priority and fairness shares out: the simulated nodes are clients of the one process.
            *(f"--max-requests-inflight={REQUESTS_PER_SECOND}", f"--max-mutating-requests-inflight={REQUESTS_PER_SECOND}"),
        ],
        "kube-controller-manager": [
            *(*serving, f"--secure-port={ports.controller_manager}", f"--kubeconfig={secrets / 'kube-controller-manager.kubeconfig'}"),
            *("--leader-elect=false", "--use-service-account-credentials=true", f"--root-ca-file={secrets / 'ca.crt'}"),
            f"--service-account-private-key-file={secrets / 'service-accounts.key'}",
            *(f"--kube-api-qps={REQUESTS_PER_SECOND}", f"--kube-api-burst={BURST}"),
        ],
        "kube-scheduler": [*serving, f"--secure-port={ports.scheduler}", f"--config={folder / 'scheduler.yaml'}"],
    }
    return {name: [str(binaries[name]), *flags[name], *extra.get(name, [])] for name in flags}


def is_ready(component: str, folder: Path, ports: Ports) -> bool:
    """Whether it serves now; no answer is a no. etcd is ready when the API server is."""
    by_name = {"kube-apiserver": ports.apiserver, "kube-scheduler": ports.scheduler, "kube-controller-manager": ports.controller_manager}
    path = "/healthz" if component == "kube-controller-manager" else "/readyz"
    return get(secure(folder, by_name[component]), path) is not None


def default_service_account_exists(folder: Path, ports: Ports) -> bool:
    """The controller manager's first visible work, without which no pod is admitted."""
    token = admin_token(folder)
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    return get(secure(folder, ports.apiserver), path, {"Authorization": f"Bearer {token}"}) is not None


def admin_token(folder: Path) -> str:
    lines = (folder / "credentials" / "tokens.csv").read_text(encoding="utf-8").splitlines()
    return next(line.split(",")[0] for line in lines if line.split(",")[1] == "admin")


def secure(folder: Path, port: int) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=folder / "credentials" / "ca.crt")
    return http.client.HTTPSConnection(LOOPBACK, port, timeout=REPLY_SECONDS, context=context)


def get(connection: http.client.HTTPSConnection, path: str, headers: dict[str, str] | None = None) -> bytes | None:
    """The body of a 200, or nothing."""
    try:
        connection.request("GET", path, headers=headers or {})
        reply = connection.getresponse()
        body = reply.read()
        return body if reply.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
