"""A whole cluster on this machine: a Kubernetes control plane, AWS, and the nodes, each started as a person would start it by hand."""

import atexit
import functools
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import yaml
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "nodes"))

from api_server import APPLY, STRATEGIC, UNREACHABLE, ApiServer, Refusal  # noqa: E402

CLUSTER = "emr-on-eks"
REGION = "us-west-2"
# How long anything may take that must happen in the end: for a machine that is busy compiling. No test waits for it when all is well.
PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.1
# Writes of the controller that a failed test shows.
SHOWN = 60
ALIVE = {"Name": "instance-state-name", "Values": ["pending", "running"]}
OURS = ("karpenter.sh", "karpenter.k8s.aws")
# Whom the controller is to the API server, and all that it asks. The release of the chart, its namespace and its account have this name.
ACCOUNT = "windlass"
CHART = ROOT / "deploy" / "chart"
READS = ("get", "list", "watch")
AUDIT = f"""apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ["system:serviceaccount:{ACCOUNT}:{ACCOUNT}"]
- level: None
"""
INSTALLED = ("CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
# Whom it is to AWS, by access key id.
CONTROLLER = "windlass"


class Gave(AssertionError):
    """Something that must happen did not."""


class Environment:
    """The three servers of one cluster; they end with the block."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.servers: list[subprocess.Popen[str]] = []
        # What was read of the audit log: up to where, and what it says.
        self.audited: tuple[int, list[dict[str, Any]]] = (0, [])
        # Calls of AWS before the last clearing.
        self.forgotten = 0

    def __enter__(self) -> "Environment":
        try:
            self.audit = self.folder / "audit.log"
            policy = self.folder / "audit.yaml"
            policy.write_text(AUDIT, encoding="utf-8")
            flags = [f"--flag=kube-apiserver=--audit-policy-file={policy}", f"--flag=kube-apiserver=--audit-log-path={self.audit}"]
            command = [str(ROOT / "scripts" / "controlplane"), "serve", "--dir", str(self.folder / "controlplane"), *flags]
            self.kubeconfig = Path(self.serve(command))
            self.api = ApiServer(self.kubeconfig)
            authority = self.folder / "controlplane" / "credentials" / "ca.crt"
            cluster = ["--cluster", CLUSTER, "--region", REGION]
            known = ["--api-server", self.api.url, "--certificate-authority", str(authority)]
            self.aws_url = self.serve([sys.executable, str(ROOT / "tests" / "ec2" / "serve.py"), *cluster, *known])
            seen = ["--endpoint", self.aws_url, "--kubeconfig", str(self.kubeconfig)]
            self.nodes_url = self.serve([sys.executable, str(ROOT / "tests" / "nodes" / "simulate.py"), *cluster, *seen])
        except BaseException:
            self.__exit__()
            raise
        self.ec2 = self.client("ec2")
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self.servers):
            server.stdin.close()
            server.stdout.close()
            server.wait()

    def serve(self, command: list[str]) -> str:
        """What the server says once it serves. It ends with its input."""
        name = Path(command[1] if command[0] == sys.executable else command[0]).stem
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.servers.append(server)
        said = server.stdout.readline().strip()
        if not said:
            raise Gave(f"{' '.join(command)} did not start:\n{(self.folder / f'{name}.log').read_text(encoding='utf-8')}")
        return said

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        retries = Config(retries={"total_max_attempts": 5, "mode": "standard"})
        return boto3.client(service, endpoint_url=self.aws_url, region_name=REGION, config=retries, **keys)

    def market(self, **settings: Any) -> dict[str, Any]:
        """Change what the cloud has; says settings and calls."""
        return ask("POST", f"{self.aws_url}/_market", settings)

    def history(self) -> list[dict[str, Any]]:
        """Every call of AWS that the controller has made."""
        return [call for call in ask("GET", f"{self.aws_url}/_calls") if call["caller"] == CONTROLLER]

    def calls(self) -> Counter[str]:
        """How many of each it has made since the cluster was cleared."""
        return Counter(call["action"] for call in self.history()[self.forgotten :])

    def behaviour(self, **settings: Any) -> None:
        ask("POST", self.nodes_url, settings)

    def misbehave(self, node: str, what: str) -> None:
        ask("POST", f"{self.nodes_url}/nodes", {"name": node, "do": what})

    def simulated(self) -> list[dict[str, Any]]:
        return ask("GET", self.nodes_url)["nodes"]

    def instances(self, *filters: dict[str, Any]) -> list[dict[str, Any]]:
        """Those that are alive and match."""
        pages = self.ec2.get_paginator("describe_instances").paginate(Filters=[ALIVE, *filters])
        return [found for page in pages for reservation in page["Reservations"] for found in reservation["Instances"]]

    def apply(self, *documents: Any, **query: str) -> None:
        asked = urlencode({"fieldManager": "e2e", "force": "true", **query})
        for document in documents:
            self.api.call("PATCH", f"{self.path(document)}?{asked}", document, APPLY)

    def install(self) -> None:
        """The chart without its Deployment: kinds, the controller's account and what it may do; and a kubeconfig of that account."""
        self.namespace(ACCOUNT)
        self.apply(*(each for each in rendered() if each["kind"] in INSTALLED))

        def served() -> bool:
            crds = self.api.items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
            conditions = [{each["type"]: each["status"] for each in crd["status"].get("conditions") or []} for crd in crds]
            return all(each.get("Established") == "True" for each in conditions)

        eventually("the API server knows our kinds", served)
        eventually("the API server serves our kinds", lambda: self.left_paths() is not None)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
        token = self.api.call("POST", f"/api/v1/namespaces/{ACCOUNT}/serviceaccounts/{ACCOUNT}/token", request)["status"]["token"]
        config = yaml.safe_load(self.kubeconfig.read_text(encoding="utf-8"))
        config["users"][0]["user"]["token"] = token
        config["contexts"][0]["context"]["namespace"] = ACCOUNT
        self.controller_kubeconfig = self.folder / "controller.kubeconfig"
        self.controller_kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")

    def asked(self) -> list[dict[str, Any]]:
        """Every request of the controller to the API server, since the environment began."""
        read, known = self.audited
        if self.audit.is_file():
            with open(self.audit, "rb") as file:
                file.seek(read)
                # The last line may not be whole yet.
                whole = file.read().rpartition(b"\n")[0]
            known += [json.loads(line) for line in whole.splitlines()]
            self.audited = (read + len(whole) + bool(whole), known)
        return known

    def writes(self) -> list[dict[str, Any]]:
        """Those that were to change something."""
        return [each for each in self.asked() if each["verb"] not in READS]

    def namespace(self, name: str) -> None:
        """With the service account without which no pod is admitted."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        eventually(f"{name} has its service account", lambda: self.api.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    def path(self, document: Any) -> str:
        resource, namespaced = resources(self.api, document["apiVersion"])[document["kind"]]
        within = f"/namespaces/{document['metadata'].get('namespace', 'default')}" if namespaced else ""
        return f"{root(document['apiVersion'])}{within}/{resource}/{document['metadata']['name']}"

    def nodes(self) -> list[Any]:
        return self.api.items("/api/v1/nodes")

    def pods(self, namespace: str, **query: str) -> list[Any]:
        return self.api.items(f"/api/v1/namespaces/{namespace}/pods", **query)

    def clear(self, namespaces: Iterable[str] = ()) -> None:
        """Ends all that a test made, whatever state it is in: nobody else is running who would."""
        for settings, method in ((f"{self.aws_url}/_market", "DELETE"), (self.nodes_url, "DELETE")):
            ask(method, settings)
        self.forgotten = len(self.history())
        for version in ("apps/v1", "batch/v1"):
            for kind in resources(self.api, version).values():
                for namespace in namespaces:
                    self.api.delete(f"{root(version)}/namespaces/{namespace}/{kind[0]}", propagationPolicy="Background")
        for namespace in namespaces:
            self.api.delete(f"/api/v1/namespaces/{namespace}/pods", gracePeriodSeconds=0)
        if alive := [found["InstanceId"] for found in self.instances()]:
            self.ec2.terminate_instances(InstanceIds=alive)
        for path in self.left_paths():
            self.finish(path)
        eventually("the cluster is empty", lambda: not self.left_paths() and not any(self.pods(namespace) for namespace in namespaces))

    def left_paths(self) -> list[str]:
        paths = [f"/api/v1/nodes/{node['metadata']['name']}" for node in self.nodes()]
        for group in OURS:
            for version in (found["version"] for found in (self.api.get(f"/apis/{group}") or {}).get("versions", [])):
                for plural, _ in resources(self.api, f"{group}/{version}").values():
                    paths += [f"/apis/{group}/{version}/{plural}/{item['metadata']['name']}" for item in self.api.items(f"/apis/{group}/{version}/{plural}")]
        return paths

    def describe(self) -> str:
        """For somebody who wonders why a test failed."""
        lines = []
        for path in self.left_paths():
            found = self.api.get(path) or {}
            status = found.get("status", {})
            conditions = [f"{each['type']}={each['status']} {each.get('reason', '')}" for each in status.get("conditions") or []]
            going = found.get("metadata", {}).get("deletionTimestamp", "")
            provider = status.get("providerID") or found.get("spec", {}).get("providerID", "")
            lines.append(f"{path} {provider} {', '.join(conditions)} {going and f'to go since {going}'}")
        for pod in self.api.items("/api/v1/pods"):
            metadata = pod["metadata"]
            lines.append(f"pod {metadata['namespace']}/{metadata['name']} {pod['status'].get('phase')} {pod['spec'].get('nodeName', '')}")
        for found in self.instances():
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
            lines.append(f"instance {found['InstanceId']} {found['InstanceType']} {found['State']['Name']} {tags}")
        lines += [f"simulated {node}" for node in self.simulated() if node["state"] != "gone"]
        for write in self.writes()[-SHOWN:]:
            target = write["objectRef"]
            said = write["responseStatus"]
            what = "/".join(filter(None, (target["resource"], target.get("subresource"), target.get("name"))))
            lines.append(f"{write['requestReceivedTimestamp']} {write['verb']} {what} {said.get('code')} {said.get('message', '')}")
        return "\n".join([*lines, f"calls of AWS: {dict(self.calls())}"])

    def finish(self, path: str) -> None:
        """Delete, whatever waits to be asked first."""
        try:
            self.api.delete(path)
            self.api.call("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        except Refusal as why:
            if why.status != HTTPStatus.NOT_FOUND:
                raise


@functools.cache
def rendered(*values: str) -> list[Any]:
    """What helm makes of deploy/chart, with values such as `settings.dryRun=true`."""
    given = [argument for value in (f"settings.clusterName={CLUSTER}", *values) for argument in ("--set", value)]
    tools = subprocess.run([ROOT / "tests" / "deploy" / "tools.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    command = [f"{tools}/helm", "template", ACCOUNT, CHART, "--namespace", ACCOUNT, *given]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def ask(method: str, url: str, document: Any = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method=method)) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(f"{method} {url}: {error.read().decode()}") from error


def root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


@functools.cache
def resources(api: ApiServer, version: str) -> dict[str, tuple[str, bool]]:
    """Plural and whether it has namespaces, by kind."""
    served = api.call("GET", root(version))["resources"]
    return {each["kind"]: (each["name"], each["namespaced"]) for each in served if "/" not in each["name"] and "list" in each["verbs"]}


def eventually(what: str, condition: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> Any:
    """The condition's first true answer. An API server that is away for a moment is no answer."""
    deadline = time.monotonic() + patience
    why = ""
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except UNREACHABLE as away:
            why = f" ({away})"
        except Refusal as refusal:
            # 429: it is not ready to serve that, and says so.
            if refusal.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE):
                raise
            why = f" ({refusal})"
        time.sleep(LOOK_SECONDS)
    raise Gave(f"never came true: {what}{why}")


@functools.cache
def shared() -> Environment:
    """The one environment of all tests that leave nothing behind: it takes seconds to start."""
    scratch = tempfile.TemporaryDirectory(prefix="windlass-e2e-")
    atexit.register(scratch.cleanup)
    environment = Environment(Path(scratch.name)).__enter__()
    atexit.register(environment.__exit__)
    return environment


__all__ = ["CLUSTER", "REGION", "ROOT", "STRATEGIC", "Environment", "Gave", "ask", "eventually", "shared"]
