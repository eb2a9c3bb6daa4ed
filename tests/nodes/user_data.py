"""What an instance's user data tells its kubelet: AL2023's NodeConfig (plain or in MIME parts), Bottlerocket's TOML, AL2's bootstrap.sh.

Formats: https://awslabs.github.io/amazon-eks-ami/nodeadm/, https://bottlerocket.dev/en/os/latest/#/api/settings/kubernetes/ and
https://github.com/awslabs/amazon-eks-ami/blob/main/templates/al2/runtime/bootstrap.sh. What such an image would stumble over is `Broken`.
"""

import base64
import binascii
import email
import email.policy
import gzip
import re
import shlex
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
GZIP = b"\x1f\x8b"
# Labels with these domains may be given to a kubelet only if they are listed or below the two domains after them, see
# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction.
GUARDED = ("kubernetes.io", "k8s.io")
OPEN = ("kubelet.kubernetes.io", "node.kubernetes.io")
KUBELETS_OWN = {
    *("kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch", "beta.kubernetes.io/os"),
    *("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"),
    *("failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"),
}


class Broken(Exception):
    """No node comes of this user data; the message says why."""


@dataclass
class Kubelet:
    """What one kubelet starts with. Reserved amounts are quantities, thresholds quantities or percentages, by the kubelet's names."""

    family: str
    cluster: str
    api_server: str
    # Base64 of PEM.
    authority: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)
    max_pods: int | None = None
    kube_reserved: dict[str, str] = field(default_factory=dict)
    system_reserved: dict[str, str] = field(default_factory=dict)
    eviction_hard: dict[str, str] = field(default_factory=dict)


def decode(given: bytes) -> Kubelet:
    """The kubelet of an image that is given this."""
    if given.startswith(GZIP):
        given = gzip.decompress(given)
    try:
        text = given.decode()
    except UnicodeDecodeError as why:
        raise Broken(f"the user data is no text: {why}") from why
    if not text.strip():
        raise Broken("there is no user data")
    kubelet = by_form(text)
    check(kubelet)
    return kubelet


def by_form(text: str) -> Kubelet:
    configs: list[dict[str, Any]] = []
    scripts = []
    for content_type, body in parts(text):
        if content_type == "application/node.eks.aws":
            configs += node_configs(body)
        elif content_type == "text/x-shellscript":
            scripts.append(body)
    if configs:
        return al2023(configs)
    for script in scripts:
        if words := bootstrap(script):
            return al2(words)
    if scripts:
        raise Broken("no part of the user data starts a kubelet")
    return bottlerocket(text)


def parts(text: str) -> Iterable[tuple[str, str]]:
    """Content type and body of each part."""
    start = text.lstrip()
    if re.match(r"(?i)(mime-version|content-type):", start):
        message = email.message_from_string(start, policy=email.policy.default)
        if message.defects:
            raise Broken(f"the user data is malformed MIME: {message.defects}")
        for part in message.walk():
            if not part.is_multipart():
                body = part.get_payload(decode=True)
                yield part.get_content_type(), body.decode() if isinstance(body, bytes) else ""
    elif start.startswith("#!"):
        yield "text/x-shellscript", text
    elif "node.eks.aws/" in text and re.search(r"(?m)^kind:\s*NodeConfig\s*$", text):
        yield "application/node.eks.aws", text


def node_configs(body: str) -> list[dict[str, Any]]:
    try:
        documents = [document for document in yaml.safe_load_all(body) if document]
    except yaml.YAMLError as why:
        raise Broken(f"a NodeConfig is no YAML: {why}") from why
    for document in documents:
        if not isinstance(document, dict) or document.get("apiVersion") != "node.eks.aws/v1alpha1" or document.get("kind") != "NodeConfig":
            raise Broken(f"expected a node.eks.aws/v1alpha1 NodeConfig: {document!r:.200}")
    return documents


def merge(below: Any, above: Any) -> Any:
    """As nodeadm merges several NodeConfigs: maps by key, lists one after the other, else the later one."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: merge(below[key], above[key]) if key in below and key in above else {**below, **above}[key] for key in {**below, **above}}
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return above


def al2023(configs: list[dict[str, Any]]) -> Kubelet:
    whole: Any = {}
    for config in configs:
        whole = merge(whole, config)
    spec = whole.get("spec") or {}
    cluster = spec.get("cluster") or {}
    missing = [name for name in ("name", "apiServerEndpoint", "certificateAuthority", "cidr") if not cluster.get(name)]
    if missing:
        raise Broken(f"spec.cluster of the NodeConfig lacks {', '.join(missing)}")
    kubelet = Kubelet("AL2023", cluster["name"], cluster["apiServerEndpoint"], cluster["certificateAuthority"])
    settings = spec.get("kubelet") or {}
    apply_config(kubelet, settings.get("config") or {})
    apply_flags(kubelet, settings.get("flags") or [])
    return kubelet


def apply_config(kubelet: Kubelet, config: dict[str, Any]) -> None:
    """KubeletConfiguration, v1beta1."""
    kubelet.max_pods = config.get("maxPods", kubelet.max_pods)
    kubelet.kube_reserved |= strings(config.get("kubeReserved"))
    kubelet.system_reserved |= strings(config.get("systemReserved"))
    kubelet.eviction_hard |= strings(config.get("evictionHard"))
    kubelet.taints += [dict(taint) for taint in config.get("registerWithTaints") or []]


def apply_flags(kubelet: Kubelet, flags: Iterable[str]) -> None:
    for flag in flags:
        name, separator, value = flag.partition("=")
        if not name.startswith("--") or not separator:
            raise Broken(f"the kubelet does not take {flag!r}")
        if name == "--node-labels":
            kubelet.labels |= pairs(value, "=")
        elif name == "--register-with-taints":
            kubelet.taints += [taint(text) for text in value.split(",") if text]
        elif name == "--max-pods":
            kubelet.max_pods = int(value)
        elif name == "--kube-reserved":
            kubelet.kube_reserved |= pairs(value, "=")
        elif name == "--system-reserved":
            kubelet.system_reserved |= pairs(value, "=")
        elif name == "--eviction-hard":
            kubelet.eviction_hard |= pairs(value, "<")


def bootstrap(script: str) -> list[str]:
    """The arguments of bootstrap.sh, if the script calls it."""
    for line in script.replace("\\\n", " ").splitlines():
        if re.match(r"\s*(exec\s+)?/etc/eks/bootstrap\.sh\b", line):
            words = shlex.split(line, comments=True)
            return words[words.index("/etc/eks/bootstrap.sh") + 1 :]
    return []


def al2(words: list[str]) -> Kubelet:
    options: dict[str, str] = {}
    names = []
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, separator, value = word.partition("=")
            options[name] = value if separator else next(rest, "")
        else:
            names.append(word)
    if len(names) != 1:
        raise Broken(f"bootstrap.sh takes one cluster, not {names}")
    # Without these bootstrap.sh asks EKS, which our accounts let nodes do.
    kubelet = Kubelet("AL2", names[0], options.get("--apiserver-endpoint", ""), options.get("--b64-cluster-ca", ""))
    apply_flags(kubelet, shlex.split(options.get("--kubelet-extra-args", "")))
    return kubelet


def bottlerocket(text: str) -> Kubelet:
    try:
        settings = tomllib.loads(text)["settings"]["kubernetes"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as why:
        raise Broken(f"the user data is neither a NodeConfig, nor a script, nor Bottlerocket's settings.kubernetes: {why}") from why
    missing = [name for name in ("cluster-name", "api-server", "cluster-certificate") if not settings.get(name)]
    if missing:
        raise Broken(f"settings.kubernetes lacks {', '.join(missing)}")
    kubelet = Kubelet("Bottlerocket", settings["cluster-name"], settings["api-server"], settings["cluster-certificate"])
    kubelet.labels = strings(settings.get("node-labels"))
    for key, values in (settings.get("node-taints") or {}).items():
        kubelet.taints += [taint(f"{key}={value}") for value in ([values] if isinstance(values, str) else values)]
    kubelet.max_pods = settings.get("max-pods")
    kubelet.kube_reserved = strings(settings.get("kube-reserved"))
    kubelet.system_reserved = strings(settings.get("system-reserved"))
    kubelet.eviction_hard = strings(settings.get("eviction-hard"))
    return kubelet


def strings(given: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in (given or {}).items()}


def pairs(text: str, separator: str) -> dict[str, str]:
    found = {}
    for item in filter(None, text.split(",")):
        key, said, value = item.partition(separator)
        if not said:
            raise Broken(f"expected NAME{separator}VALUE: {item!r}")
        found[key] = value
    return found


def taint(text: str) -> dict[str, str]:
    """`key=value:Effect`, `key:Effect`."""
    said, _, effect = text.rpartition(":")
    key, _, value = said.partition("=")
    return {"key": key, "value": value, "effect": effect} if value else {"key": key, "effect": effect}


def check(kubelet: Kubelet) -> None:
    """What a kubelet refuses to start with."""
    for each in kubelet.taints:
        if not each.get("key") or each.get("effect") not in EFFECTS:
            raise Broken(f"the kubelet does not take the taint {each}")
    for label in kubelet.labels:
        domain = label.rpartition("/")[0]
        guarded = any(domain == end or domain.endswith(f".{end}") for end in GUARDED)
        allowed = label in KUBELETS_OWN or any(domain == end or domain.endswith(f".{end}") for end in OPEN)
        if guarded and not allowed:
            raise Broken(f"a kubelet may not give itself the label {label}")
    if kubelet.authority:
        try:
            base64.b64decode(kubelet.authority, validate=True)
        except binascii.Error as why:
            raise Broken(f"the cluster's certificate is no base64: {why}") from why
