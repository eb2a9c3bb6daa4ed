"""Objects of every kind that make no sense, as far as an API server takes them, each with words that must be said of it."""

from dataclasses import dataclass, field
from typing import Any

from cluster_test import NAMESPACE, node_class, node_pool, requirement

ABSURD = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": "9E", "memory": "9E"}}}
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Odd:
    """An object, with the reason and some words of the Event on it; and the conditions that it must have."""

    object: dict[str, Any]
    reason: str
    words: str
    conditions: dict[str, str] = field(default_factory=dict)


def plain(version: str, kind: str, name: str, *, cluster_wide: bool = False, **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **({} if cluster_wide else {"namespace": NAMESPACE})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.invalid/main", "resources": {"requests": {"cpu": "100m"}}}
    return plain("v1", "Pod", name, spec={"containers": [container], **spec})


def affinity(**term: Any) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def using(claim: str) -> list[dict[str, Any]]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]


def volume_claim(name: str, storage_class: str, size: str = "1Gi") -> dict[str, Any]:
    spec = {"storageClassName": storage_class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return plain("v1", "PersistentVolumeClaim", name, spec=spec)


def daemon(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [ABSURD], **spec}}
    return plain("apps/v1", "DaemonSet", name, spec={"selector": {"matchLabels": labels}, "template": template})


def of_other_cloud() -> dict[str, Any]:
    pool = node_pool("other-cloud", weight=50)
    pool["spec"]["template"]["spec"]["nodeClassRef"] = {"group": "karpenter.gcp", "kind": "GCENodeClass", "name": "default"}
    return pool


def with_role(name: str, role: str) -> dict[str, Any]:
    made = node_class(name, role=role)
    del made["spec"]["instanceProfile"]
    return made


HAND_MADE = {
    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "missing"},
    "requirements": [requirement("node.kubernetes.io/instance-type", "zz9.huge")],
    "resources": {"requests": {"cpu": "9E"}},
}
ON_MARS = [{"matchLabelExpressions": [{"key": ZONE, "values": ["mars-1a"]}]}]
UNREADY = {"Ready": "False"}

# What the pods below refer to: odd in itself, but nobody's until a pod uses it.
REFERRED: list[dict[str, Any]] = [
    plain("storage.k8s.io/v1", "StorageClass", "mars", cluster_wide=True, provisioner="ebs.csi.aws.com", allowedTopologies=ON_MARS)
    | {"volumeBindingMode": "WaitForFirstConsumer"},
    volume_claim("on-mars", "mars"),
    volume_claim("without-class", "missing", "9E"),
    plain("v1", "PersistentVolume", "on-mars", cluster_wide=True)
    | {
        "spec": {
            **{"capacity": {"storage": "9E"}, "accessModes": ["ReadWriteOnce"]},
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "none"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["mars-1a"]}]}]}},
        }
    },
    plain("storage.k8s.io/v1", "CSINode", "nowhere", cluster_wide=True)
    | {"spec": {"drivers": [{"name": "ebs.csi.aws.com", "nodeID": "none", "allocatable": {"count": 0}}]}},
    plain("v1", "Node", "nowhere", cluster_wide=True, spec={"providerID": "hello"}),
    plain("v1", "Node", "of-nobody", cluster_wide=True, spec={"providerID": "aws:///us-west-2a/i-00000000000000001"}),
]

ODDITIES = [
    Odd(node_pool("no-class", node_class="missing", weight=90), "Invalid", "missing", UNREADY | {"NodeClassReady": "False"}),
    Odd(node_pool("of-nowhere", node_class="nowhere", weight=80), "Invalid", "nowhere", UNREADY | {"NodeClassReady": "False"}),
    Odd(node_pool("no-such-type", [requirement("node.kubernetes.io/instance-type", "zz9.huge")], weight=70), "Doubtful", "no instance type"),
    Odd(
        node_pool("too-big", [{"key": "karpenter.k8s.aws/instance-cpu", "operator": "Gt", "values": ["100000"]}], weight=60),
        *("Doubtful", "no instance type"),
    ),
    Odd(of_other_cloud(), "Invalid", "GCENodeClass", UNREADY | {"ValidationSucceeded": "False"}),
    Odd(node_pool("absurd", limits={"cpu": "9E", "nodes": "-1"}, weight=40), "Invalid", "limits[nodes]", UNREADY | {"ValidationSucceeded": "False"}),
    Odd(node_class("nowhere", subnetSelectorTerms=[{"tags": {"no": "subnet"}}]), "NotReady", "no subnet", UNREADY | {"SubnetsReady": "False"}),
    Odd(
        node_class("no-groups", securityGroupSelectorTerms=[{"tags": {"no": "group"}}]),
        *("NotReady", "no security group", UNREADY | {"SecurityGroupsReady": "False"}),
    ),
    Odd(
        node_class("no-image", amiSelectorTerms=[{"name": "no-such-image-*"}], amiFamily="AL2023"),
        *("NotReady", "no available image", UNREADY | {"AMIsReady": "False"}),
    ),
    Odd(
        node_class("no-release", amiSelectorTerms=[{"alias": "al2023@v20200101"}]),
        *("NotReady", "al2023@v20200101", UNREADY | {"AMIsReady": "False"}),
    ),
    Odd(
        node_class("no-toml", amiSelectorTerms=[{"alias": "bottlerocket@latest"}], userData="this is [[ not toml"),
        *("NotReady", "no TOML", UNREADY | {"ValidationSucceeded": "False"}),
    ),
    Odd(with_role("no-role", "no-such-role"), "NotReady", "no-such-role", UNREADY | {"InstanceProfileReady": "False"}),
    Odd(plain("karpenter.sh/v1", "NodeClaim", "by-hand", cluster_wide=True, spec=HAND_MADE), "Invalid", "requests[cpu]", {"Launched": "False"}),
    Odd(
        plain("karpenter.sh/v1alpha1", "NodeOverlay", "of-nothing", cluster_wide=True)
        | {"spec": {"requirements": [requirement("node.kubernetes.io/instance-type", "zz9.huge")], "price": "1"}},
        *("Doubtful", "changes nothing"),
    ),
    Odd(plain("policy/v1", "PodDisruptionBudget", "without-selector", spec={}), "Doubtful", "spec.selector"),
    Odd(daemon("giant"), "Invalid", "requests.cpu"),
    Odd(daemon("giant-of-nowhere", nodeSelector={"example.com/none": "x"}), "Invalid", "requests.cpu"),
    Odd(
        plain("node.k8s.io/v1", "RuntimeClass", "heavy", cluster_wide=True, handler="runc", overhead={"podFixed": {"cpu": "9E"}}),
        *("Invalid", "overhead.podFixed.cpu"),
    ),
    Odd(pod("no-such-type", nodeSelector={"node.kubernetes.io/instance-type": "zz9.huge"}), "FailedScheduling", "zz9.huge"),
    Odd(pod("no-such-zone", nodeSelector={ZONE: "mars-1a"}), "FailedScheduling", "mars-1a"),
    Odd(
        pod("no-such-label", affinity=affinity(matchExpressions=[{"key": "example.com/none", "operator": "In", "values": ["x"]}])),
        *("FailedScheduling", "node affinity"),
    ),
    Odd(pod("no-term", affinity=affinity()), "FailedScheduling", "node affinity"),
    Odd(pod("absurd", containers=[ABSURD]), "Invalid", "requests.cpu"),
    Odd(pod("heavy", runtimeClassName="heavy"), "Invalid", "spec.overhead.cpu"),
    Odd(pod("no-such-claim", volumes=using("none")), "FailedScheduling", "none does not exist"),
    Odd(pod("without-class", volumes=using("without-class")), "FailedScheduling", "StorageClass missing"),
    Odd(pod("on-mars", volumes=using("on-mars")), "FailedScheduling", "mars-1a"),
    Odd(
        pod("spread", topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "example.com/none", "whenUnsatisfiable": "DoNotSchedule"}]),
        *("FailedScheduling", "example.com/none"),
    ),
]
# Nothing is wrong with these, though they look odd: selectors that select nothing, and a pod that waits on purpose.
FINE = [
    pod("gated", schedulingGates=[{"name": "example.com/wait"}]),
    pod("apart-from-nobody", affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": ZONE}]}}),
]
