"""Prints what EC2 says of an instance as JSON, with its user data, what an image would make of it, and its volumes. Arguments: the endpoint's
URL, region, id.
"""

import base64
import json
import sys
from dataclasses import asdict
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "nodes"))

import user_data  # noqa: E402


def main(url: str, region: str, instance_id: str) -> None:
    ec2 = boto3.client("ec2", endpoint_url=url, region_name=region, aws_access_key_id="test", aws_secret_access_key="test")
    seen = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    attribute = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]
    given = base64.b64decode(attribute.get("Value") or "")
    seen["UserData"] = given.decode() or None
    try:
        seen["Kubelet"] = asdict(user_data.decode(given))
    except user_data.Broken as why:
        seen["Kubelet"] = str(why)
    attached = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    seen["Volumes"] = ec2.describe_volumes(Filters=attached)["Volumes"]
    json.dump(seen, sys.stdout, default=str)


main(*sys.argv[1:])
