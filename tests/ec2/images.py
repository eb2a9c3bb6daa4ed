"""The node images that AWS publishes: SSM parameters of the EKS and Bottlerocket aliases, and the AMIs that they name.

Names: https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html and .../retrieve-ami-id-bottlerocket.html. A parameter is made
when it is first asked for; the same name has the same AMI everywhere in a region.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ssm.models import Parameter, ParameterDict

# Releases of each family here, newest last, and when they were made. Any other is ParameterNotFound.
EKS_RELEASES = {"v20260901": datetime(2026, 9, 1, tzinfo=UTC), "v20261015": datetime(2026, 10, 15, tzinfo=UTC)}
BOTTLEROCKET_RELEASES = {"1.50.0": datetime(2026, 8, 20, tzinfo=UTC), "1.52.0": datetime(2026, 10, 8, tzinfo=UTC)}
# EKS publishes no Amazon Linux 2 image for a newer Kubernetes.
AL2_LAST_MINOR = 32
OLDEST_MINOR = 26
NEWEST_MINOR = 37
AMAZON = "602401143452"

VERSION = r"(?P<version>1\.\d+)"
AL2023 = re.compile(
    rf"/aws/service/eks/optimized-ami/{VERSION}/amazon-linux-2023/(?P<arch>x86_64|arm64)/(?P<variant>standard|nvidia|neuron)/(?P<release>[^/]+)/image_id"
)
AL2 = re.compile(rf"/aws/service/eks/optimized-ami/{VERSION}/amazon-linux-2(?P<variant>|-arm64|-gpu)/(?P<release>[^/]+)/image_id")
BOTTLEROCKET = re.compile(
    rf"/aws/service/bottlerocket/aws-k8s-{VERSION}(?P<variant>|-nvidia)/(?P<arch>x86_64|arm64)/(?P<release>[^/]+)/image_id"
)
AL2_PREFIX = {"": "amazon-eks-node", "-arm64": "amazon-eks-arm64-node", "-gpu": "amazon-eks-gpu-node"}


@dataclass(frozen=True)
class Image:
    """One published AMI."""

    name: str
    architecture: str
    made: datetime
    root_device: str = "/dev/xvda"

    def id(self, region: str) -> str:
        return "ami-" + hashlib.sha256(f"{region}/{self.name}".encode()).hexdigest()[:17]


def image(parameter: str) -> Image | None:
    """The image that a parameter's name stands for, if AWS publishes one."""
    for pattern, read in ((AL2023, al2023), (AL2, al2), (BOTTLEROCKET, bottlerocket)):
        if found := pattern.fullmatch(parameter):
            minor = int(found["version"].removeprefix("1."))
            return read(found, minor) if OLDEST_MINOR <= minor <= NEWEST_MINOR else None
    return None


def al2023(found: re.Match[str], _minor: int) -> Image | None:
    if found["variant"] == "neuron" and found["arch"] == "arm64":
        return None
    prefix = f"amazon-eks-node-al2023-{found['arch']}-{found['variant']}-{found['version']}"
    return eks_release(prefix, found["release"], found["arch"])


def al2(found: re.Match[str], minor: int) -> Image | None:
    if minor > AL2_LAST_MINOR:
        return None
    return eks_release(f"{AL2_PREFIX[found['variant']]}-{found['version']}", found["release"], "arm64" if found["variant"] == "-arm64" else "x86_64")


def eks_release(prefix: str, asked: str, architecture: str) -> Image | None:
    newest = list(EKS_RELEASES)[-1]
    release = newest if asked == "recommended" else asked.removeprefix(f"{prefix}-")
    made = EKS_RELEASES.get(release)
    return Image(f"{prefix}-{release}", architecture, made) if made else None


def bottlerocket(found: re.Match[str], _minor: int) -> Image | None:
    newest = list(BOTTLEROCKET_RELEASES)[-1]
    release = newest if found["release"] == "latest" else found["release"]
    made = BOTTLEROCKET_RELEASES.get(release)
    name = f"bottlerocket-aws-k8s-{found['version']}{found['variant']}-{found['arch']}-v{release}"
    return Image(name, found["arch"], made) if made else None


def published(version: str) -> Iterator[str]:
    """Every parameter that names a newest image for this Kubernetes."""
    eks = f"/aws/service/eks/optimized-ami/{version}"
    for arch in ("x86_64", "arm64"):
        yield from (f"{eks}/amazon-linux-2023/{arch}/{variant}/recommended/image_id" for variant in ("standard", "nvidia", "neuron"))
        yield from (f"/aws/service/bottlerocket/aws-k8s-{version}{variant}/{arch}/latest/image_id" for variant in ("", "-nvidia"))
    yield from (f"{eks}/amazon-linux-2{variant}/recommended/image_id" for variant in AL2_PREFIX)


def register(account: str, region: str, found: Image) -> str:
    """The image's id, after making the image known to DescribeImages."""
    backend: Any = ec2_backends[account][region]
    ami_id = found.id(region)
    if ami_id not in backend.amis:
        backend.amis[ami_id] = Ami(
            backend,
            ami_id,
            name=found.name,
            description=found.name,
            owner_id=AMAZON,
            owner_alias="amazon",
            public=True,
            virtualization_type="hvm",
            architecture=found.architecture,
            creation_date=found.made,
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=found.root_device,
            region_name=f"{region}a",
        )
    return ami_id


def install() -> None:
    """Lets SSM know the parameters."""
    otherwise = ParameterDict._check_loading_status

    def check(parameters: ParameterDict, key: str) -> None:
        otherwise(parameters, key)
        found = image(str(key or ""))
        if found and not dict.__contains__(parameters, key):
            value = register(parameters.account_id, parameters.region_name, found)
            made = {"parameter_type": "String", "description": None, "allowed_pattern": None, "keyid": None, "version": 1, "data_type": "text"}
            parameter = Parameter(parameters.account_id, key, value, last_modified_date=found.made, tier="Standard", **made)
            dict.__setitem__(parameters, key, [parameter])

    ParameterDict._check_loading_status = check
