"""What EC2 says of a cluster's instances, as seen through its API."""

import base64
from typing import Any

import boto3
from botocore.config import Config

from machine import GIB, Instance

ATTEMPTS = 3
ALIVE = ["pending", "running"]


class Ec2:
    """The instances that carry the cluster's tag."""

    def __init__(self, endpoint: str, region: str, cluster: str):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        retries = Config(retries={"total_max_attempts": ATTEMPTS, "mode": "standard"})
        self.client: Any = boto3.client("ec2", endpoint_url=endpoint, region_name=region, config=retries, **keys)
        self.region = region
        self.filters = [
            {"Name": f"tag:kubernetes.io/cluster/{cluster}", "Values": ["owned"]},
            {"Name": "instance-state-name", "Values": ALIVE},
        ]
        self.hardware: dict[str, dict[str, Any]] = {}
        zones = self.client.describe_availability_zones()["AvailabilityZones"]
        self.zone_ids = {zone["ZoneName"]: zone["ZoneId"] for zone in zones}

    def alive(self) -> dict[str, dict[str, Any]]:
        """DescribeInstances by id: pending and running."""
        pages = self.client.get_paginator("describe_instances").paginate(Filters=self.filters)
        return {found["InstanceId"]: found for page in pages for reservation in page["Reservations"] for found in reservation["Instances"]}

    def look(self, found: dict[str, Any]) -> Instance:
        """All about one of them."""
        kind = found["InstanceType"]
        if kind not in self.hardware:
            self.hardware[kind] = self.client.describe_instance_types(InstanceTypes=[kind])["InstanceTypes"][0]
        mine = [{"Name": "attachment.instance-id", "Values": [found["InstanceId"]]}]
        # Pods use the largest: the only one on Amazon Linux, the second on Bottlerocket.
        volumes = [volume["Size"] for volume in self.client.describe_volumes(Filters=mine)["Volumes"]]
        zone = found["Placement"]["AvailabilityZone"]
        return Instance(
            id=found["InstanceId"],
            name=found["PrivateDnsName"],
            zone=zone,
            zone_id=self.zone_ids[zone],
            region=self.region,
            address=found["PrivateIpAddress"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
            capacity_type=found.get("InstanceLifecycle", "on-demand"),
            hardware=self.hardware[kind],
            volume_bytes=max(volumes, default=0) * GIB,
        )

    def user_data(self, instance_id: str) -> bytes:
        said = self.client.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"].get("Value", "")
        return base64.b64decode(said)
