"""The Node that an instance becomes: what its hardware has, what the kubelet keeps of it, and what it and the cloud provider write on it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from user_data import Kubelet

MIB = 1 << 20
GIB = 1 << 30
# What Linux sees of the memory that EC2 names; the rest is the hypervisor's and firmware's. Larger than 7.5 % on no common type.
MEMORY_SEEN = Fraction(94, 100)
# What a file system of XFS or ext4 has of its volume.
VOLUME_SEEN = Fraction(97, 100)
# Kept for the kubelet by every EKS image: millicores of each core, bytes of memory, bytes per pod, bytes of storage.
CPU_TIERS = ((0, 1000, 60), (1000, 2000, 10), (2000, 4000, 5))
CPU_ABOVE = (4000, Fraction(5, 2))
MEMORY_KEPT = 255 * MIB
MEMORY_KEPT_PER_POD = 11 * MIB
STORAGE_KEPT = GIB
EVICTION_HARD = {"memory.available": "100Mi", "nodefs.available": "10%"}
SIGNALS = {"memory.available": "memory", "nodefs.available": "ephemeral-storage"}
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": MIB, "Gi": GIB, "Ti": 1 << 40, "m": Fraction(1, 1000)}
UNINITIALIZED = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Instance:
    """What of DescribeInstances, DescribeInstanceTypes and DescribeVolumes makes a Node."""

    id: str
    name: str
    zone: str
    zone_id: str
    region: str
    address: str
    tags: dict[str, str]
    capacity_type: str
    # One InstanceTypeInfo.
    hardware: dict[str, Any]
    volume_bytes: int


def quantity(text: str) -> Fraction:
    """In cores, bytes or pieces."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(\D*)", text)
    if not found or found[2] not in SUFFIXES:
        raise ValueError(f"{text!r} is no quantity")
    return Fraction(found[1]) * SUFFIXES[found[2]]


def devices(hardware: dict[str, Any]) -> dict[str, int]:
    """What device plugins advertise."""
    found: dict[str, int] = {}
    for gpu in (hardware.get("GpuInfo") or {}).get("Gpus") or []:
        resource = {"NVIDIA": "nvidia.com/gpu", "AMD": "amd.com/gpu", "Habana": "habana.ai/gaudi"}.get(gpu["Manufacturer"])
        if resource:
            found[resource] = found.get(resource, 0) + gpu["Count"]
    if neurons := (hardware.get("NeuronInfo") or {}).get("NeuronDevices"):
        found["aws.amazon.com/neuron"] = sum(device["Count"] for device in neurons)
        found["aws.amazon.com/neuroncore"] = sum(device["Count"] * device["CoreInfo"]["Count"] for device in neurons)
    if efa := (hardware["NetworkInfo"].get("EfaInfo") or {}).get("MaximumEfaInterfaces"):
        found["vpc.amazonaws.com/efa"] = efa
    return found


def pods_by_interfaces(hardware: dict[str, Any]) -> int:
    """One address of each interface is its own; two pods use the host's."""
    network = hardware["NetworkInfo"]
    cards = network.get("NetworkCards") or []
    at = network.get("DefaultNetworkCardIndex", 0)
    interfaces = cards[at]["MaximumNetworkInterfaces"] if at < len(cards) else network["MaximumNetworkInterfaces"]
    return interfaces * (network["Ipv4AddressesPerInterface"] - 1) + 2


def cores_kept(millicores: int) -> int:
    """In millicores: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the others."""
    kept = sum(max(0, min(millicores, to) - start) * per_mille // 1000 for start, to, per_mille in CPU_TIERS)
    start, per_mille = CPU_ABOVE
    return kept + int(max(0, millicores - start) * per_mille / 1000)


def capacity(instance: Instance, kubelet: Kubelet) -> dict[str, int]:
    """Millicores, bytes and pieces."""
    hardware = instance.hardware
    return {
        "cpu": hardware["VCpuInfo"]["DefaultVCpus"] * 1000,
        "memory": int(hardware["MemoryInfo"]["SizeInMiB"] * MIB * MEMORY_SEEN),
        "ephemeral-storage": int(instance.volume_bytes * VOLUME_SEEN),
        "pods": kubelet.max_pods if kubelet.max_pods is not None else pods_by_interfaces(hardware),
    }


def allocatable(has: dict[str, int], hardware: dict[str, Any], kubelet: Kubelet) -> dict[str, int]:
    """What is left of the capacity: less kube-reserved, system-reserved and the eviction threshold."""
    # Amazon Linux counts the pods that its interfaces allow, Bottlerocket those that it may run.
    counted = has["pods"] if kubelet.family == "Bottlerocket" else pods_by_interfaces(hardware)
    kept = {
        "cpu": cores_kept(has["cpu"]),
        "memory": MEMORY_KEPT + MEMORY_KEPT_PER_POD * counted,
        "ephemeral-storage": STORAGE_KEPT,
    }
    kept |= amounts(kubelet.kube_reserved)
    for resource, amount in amounts(kubelet.system_reserved).items():
        kept[resource] = kept.get(resource, 0) + amount
    for signal, threshold in {**EVICTION_HARD, **kubelet.eviction_hard}.items():
        if resource := SIGNALS.get(signal):
            share = Fraction(threshold.removesuffix("%")) / 100 * has[resource] if threshold.endswith("%") else quantity(threshold)
            kept[resource] = kept.get(resource, 0) + int(share)
    return {resource: max(0, amount - kept.get(resource, 0)) for resource, amount in has.items()}


def amounts(reserved: dict[str, str]) -> dict[str, int]:
    return {name: int(quantity(text) * (1000 if name == "cpu" else 1)) for name, text in reserved.items()}


def said(resources: dict[str, int]) -> dict[str, str]:
    return {name: f"{amount}m" if name == "cpu" else str(amount) for name, amount in resources.items()}


def status(instance: Instance, kubelet: Kubelet, ready: bool, with_devices: bool) -> dict[str, Any]:
    has = capacity(instance, kubelet)
    left = allocatable(has, instance.hardware, kubelet)
    pieces = {name: count if with_devices else 0 for name, count in devices(instance.hardware).items()} if ready else {}
    return {
        "capacity": said({**has, **pieces}),
        "allocatable": said({**left, **pieces}),
        "conditions": [
            condition("Ready", ready, "KubeletReady" if ready else "KubeletNotReady"),
            condition("MemoryPressure", False, "KubeletHasSufficientMemory"),
            condition("DiskPressure", False, "KubeletHasNoDiskPressure"),
            condition("PIDPressure", False, "KubeletHasSufficientPID"),
        ],
    }


def condition(kind: str, holds: bool, reason: str) -> dict[str, str]:
    now = timestamp()
    said_as = "True" if holds else "False"
    return {"type": kind, "status": said_as, "reason": reason, "message": "", "lastHeartbeatTime": now, "lastTransitionTime": now}


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def architecture(instance: Instance) -> str:
    return ARCHITECTURES[instance.hardware["ProcessorInfo"]["SupportedArchitectures"][-1]]


def joining(instance: Instance, kubelet: Kubelet) -> dict[str, Any]:
    """The Node as the kubelet registers it: not ready, and tainted until the cloud provider has looked at it."""
    arch = architecture(instance)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": instance.name,
            "labels": {
                **{"kubernetes.io/arch": arch, "beta.kubernetes.io/arch": arch, "kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"},
                "kubernetes.io/hostname": instance.name,
                **kubelet.labels,
            },
        },
        "spec": {"providerID": f"aws:///{instance.zone}/{instance.id}", "taints": [*kubelet.taints, UNINITIALIZED]},
        "status": {
            **status(instance, kubelet, ready=False, with_devices=False),
            "addresses": [{"type": "InternalIP", "address": instance.address}, {"type": "Hostname", "address": instance.name}],
            "nodeInfo": {
                **{"architecture": arch, "operatingSystem": "linux", "osImage": kubelet.family, "kernelVersion": "6.12.0", "machineID": instance.id},
                **{"bootID": instance.id, "systemUUID": instance.id, "containerRuntimeVersion": "containerd://2.1.5", "kubeProxyVersion": ""},
                "kubeletVersion": "v1.37.2",
            },
        },
    }


def labels(instance: Instance) -> dict[str, str]:
    """What the cloud provider's node controller then writes: https://github.com/kubernetes/cloud-provider-aws."""
    kind = instance.hardware["InstanceType"]
    return {
        "topology.kubernetes.io/zone": instance.zone,
        "topology.kubernetes.io/region": instance.region,
        "topology.k8s.aws/zone-id": instance.zone_id,
        "node.kubernetes.io/instance-type": kind,
        "failure-domain.beta.kubernetes.io/zone": instance.zone,
        "failure-domain.beta.kubernetes.io/region": instance.region,
        "beta.kubernetes.io/instance-type": kind,
    }
