"""Instances that somebody else launches: a managed node group, or a test of the nodes themselves."""

from typing import Any

import yaml
from environment import CLUSTER, Environment

OWNED = {"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": "owned"}
IMAGES = "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023"


def node_config(environment: Environment, flags: list[str], config: dict[str, Any]) -> str:
    cluster = {
        "name": CLUSTER,
        "apiServerEndpoint": environment.api.url,
        "certificateAuthority": environment.api.authority,
        "cidr": "10.100.0.0/16",
    }
    document = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"cluster": cluster, "kubelet": {"config": config, "flags": flags}},
    }
    return (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\n'
        f"Content-Type: application/node.eks.aws\n\n{yaml.safe_dump(document)}\n--//--\n"
    )


def launch(environment: Environment, user_data: str, kind: str = "m6g.large", **tags: str) -> str:
    """An instance's id."""
    ec2 = environment.ec2
    subnet = ec2.describe_subnets(Filters=[{"Name": "tag:karpenter.sh/discovery", "Values": [CLUSTER]}])["Subnets"][1]
    hardware = ec2.describe_instance_types(InstanceTypes=[kind])["InstanceTypes"][0]
    architecture = hardware["ProcessorInfo"]["SupportedArchitectures"][-1]
    parameter = f"{IMAGES}/{architecture}/standard/recommended/image_id"
    image = environment.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    more = [{"Key": f"windlass.test/{name}", "Value": value} for name, value in tags.items()]
    started = ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId=image,
        InstanceType=kind,
        SubnetId=subnet["SubnetId"],
        UserData=user_data,
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [OWNED, *more]}],
    )
    return started["Instances"][0]["InstanceId"]
