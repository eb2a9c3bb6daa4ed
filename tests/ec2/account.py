"""An AWS account as a cluster's owner has it before nodes come: a VPC with a subnet per zone, a security group, a node role, an EKS cluster that
points at the API server, node images, and a queue that interruption notices reach.
"""

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends

import images

VPC = "10.0.0.0/16"
# Room for 8,187 addresses in each of up to eight zones.
SUBNETS = [f"10.0.{third}.0/19" for third in range(0, 256, 32)]
SERVICES = "10.100.0.0/16"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# What EventBridge puts into the queue: detail-type, and what `detail` says beside the instance's id.
NOTICES: dict[str, tuple[str, dict[str, str]]] = {
    "spot": ("EC2 Spot Instance Interruption Warning", {"instance-action": "terminate"}),
    "rebalance": ("EC2 Instance Rebalance Recommendation", {}),
    "stopping": ("EC2 Instance State-change Notification", {"state": "stopping"}),
    "terminated": ("EC2 Instance State-change Notification", {"state": "terminated"}),
}


@dataclass(frozen=True)
class Wanted:
    """Whose account it is."""

    cluster: str
    region: str
    version: str
    api_server: str
    authority: Path | None


def create(wanted: Wanted) -> None:
    """Tags and names are those of Karpenter's getting-started guide: `karpenter.sh/discovery`, a role and a queue named after the cluster."""
    account = DEFAULT_ACCOUNT_ID
    ec2: Any = ec2_backends[account][wanted.region]
    tags = {"karpenter.sh/discovery": wanted.cluster, f"kubernetes.io/cluster/{wanted.cluster}": "owned"}
    vpc = ec2.create_vpc(VPC)
    vpc.add_tags({"Name": wanted.cluster})
    subnet_ids = []
    for zone, block in zip(ec2.describe_availability_zones(), SUBNETS, strict=False):
        subnet = ec2.create_subnet(vpc.id, block, availability_zone=zone.name)
        subnet.add_tags({**tags, "Name": f"{wanted.cluster}-{zone.name}"})
        subnet_ids.append(subnet.id)
    group = ec2.create_security_group(f"{wanted.cluster}-nodes", "nodes", vpc_id=vpc.id)
    group.add_tags(tags)
    role = node_role(account, ec2.partition, f"{wanted.cluster}-node")
    for parameter in images.published(wanted.version):
        if found := images.image(parameter):
            images.register(account, wanted.region, found)
    cluster = eks_backends[account][wanted.region].create_cluster(
        name=wanted.cluster,
        role_arn=role,
        resources_vpc_config={"subnetIds": subnet_ids, "securityGroupIds": [group.id], "vpcId": vpc.id},
        version=wanted.version,
        kubernetes_network_config={"serviceIpv4Cidr": SERVICES, "ipFamily": "ipv4"},
    )
    cluster.endpoint = wanted.api_server
    authority = wanted.authority.read_bytes() if wanted.authority else b"none"
    cluster.certificate_authority = {"data": base64.b64encode(authority).decode()}
    sqs_backends[account][wanted.region].create_queue(wanted.cluster, {})


def node_role(account: str, partition: str, name: str) -> str:
    iam: Any = iam_backends[account][partition]
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(TRUST),
        path="/",
        permissions_boundary=None,
        description="nodes",
        tags=[],
        max_session_duration="3600",
    )
    iam.create_instance_profile(name=name, path="/", role_names=[name])
    return role.arn


def notify(wanted: Wanted, instance_id: str, kind: str) -> None:
    """Puts the notice that EventBridge would send into the cluster's queue."""
    detail_type, more = NOTICES[kind]
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": "aws.ec2",
        "account": DEFAULT_ACCOUNT_ID,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": wanted.region,
        "resources": [f"arn:aws:ec2:{wanted.region}:{DEFAULT_ACCOUNT_ID}:instance/{instance_id}"],
        "detail": {"instance-id": instance_id, **more},
    }
    sqs_backends[DEFAULT_ACCOUNT_ID][wanted.region].send_message(wanted.cluster, json.dumps(event))
