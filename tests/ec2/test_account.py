"""What a cluster's account has before nodes come, the faults that a test can ask for, and the record of calls."""

import base64
import json
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from endpoint import CLUSTER, ZONES, Endpoint, EndpointTest

EKS = "/aws/service/eks/optimized-ami"
BOTTLEROCKET = "/aws/service/bottlerocket"
TAGGED = [{"Name": "tag:karpenter.sh/discovery", "Values": [CLUSTER]}]
# For something that takes a second or two on an idle machine.
PATIENCE_SECONDS = 60


class Images(EndpointTest):
    """SSM aliases and the AMIs they name."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ssm = cls.endpoint.client("ssm")
        cls.ec2 = cls.endpoint.client("ec2")

    def image(self, parameter: str) -> dict[str, Any]:
        ami = self.ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
        return self.ec2.describe_images(ImageIds=[ami])["Images"][0]

    def test_every_family_resolves_to_an_image_of_its_architecture(self) -> None:
        wanted = {
            f"{EKS}/1.37/amazon-linux-2023/x86_64/standard/recommended/image_id": ("amazon-eks-node-al2023-x86_64-standard-1.37-v20261015", "x86_64"),
            f"{EKS}/1.37/amazon-linux-2023/arm64/nvidia/recommended/image_id": ("amazon-eks-node-al2023-arm64-nvidia-1.37-v20261015", "arm64"),
            f"{EKS}/1.37/amazon-linux-2023/x86_64/neuron/recommended/image_id": ("amazon-eks-node-al2023-x86_64-neuron-1.37-v20261015", "x86_64"),
            f"{EKS}/1.31/amazon-linux-2/recommended/image_id": ("amazon-eks-node-1.31-v20261015", "x86_64"),
            f"{EKS}/1.31/amazon-linux-2-arm64/recommended/image_id": ("amazon-eks-arm64-node-1.31-v20261015", "arm64"),
            f"{EKS}/1.31/amazon-linux-2-gpu/recommended/image_id": ("amazon-eks-gpu-node-1.31-v20261015", "x86_64"),
            f"{BOTTLEROCKET}/aws-k8s-1.37/arm64/latest/image_id": ("bottlerocket-aws-k8s-1.37-arm64-v1.52.0", "arm64"),
            f"{BOTTLEROCKET}/aws-k8s-1.37-nvidia/x86_64/latest/image_id": ("bottlerocket-aws-k8s-1.37-nvidia-x86_64-v1.52.0", "x86_64"),
        }
        for parameter, expected in wanted.items():
            image = self.image(parameter)
            self.assertEqual((image["Name"], image["Architecture"]), expected)
            self.assertEqual(image["ImageOwnerAlias"], "amazon")

    def test_a_pinned_release_is_the_older_image(self) -> None:
        folder = f"{EKS}/1.37/amazon-linux-2023/x86_64/standard"
        pinned = self.image(f"{folder}/amazon-eks-node-al2023-x86_64-standard-1.37-v20260901/image_id")
        newest = self.image(f"{folder}/recommended/image_id")
        self.assertLess(pinned["CreationDate"], newest["CreationDate"])
        self.assertNotEqual(pinned["ImageId"], newest["ImageId"])
        self.assertEqual(self.image(f"{BOTTLEROCKET}/aws-k8s-1.37/x86_64/1.50.0/image_id")["Name"], "bottlerocket-aws-k8s-1.37-x86_64-v1.50.0")

    def test_what_aws_does_not_publish_is_not_found(self) -> None:
        for parameter in (
            f"{EKS}/1.33/amazon-linux-2/recommended/image_id",
            f"{EKS}/1.99/amazon-linux-2023/x86_64/standard/recommended/image_id",
            f"{EKS}/1.37/amazon-linux-2023/arm64/neuron/recommended/image_id",
            f"{EKS}/1.37/amazon-linux-2023/x86_64/standard/amazon-eks-node-al2023-x86_64-standard-1.37-v19990101/image_id",
            f"{BOTTLEROCKET}/aws-k8s-1.37/x86_64/9.9.9/image_id",
        ):
            with self.assertRaises(ClientError) as caught:
                self.ssm.get_parameter(Name=parameter)
            self.assertEqual(caught.exception.response["Error"]["Code"], "ParameterNotFound", parameter)

    def test_images_are_there_to_be_selected_by_name(self) -> None:
        by_name = [{"Name": "name", "Values": ["amazon-eks-node-al2023-*-standard-1.37-v20261015"]}]
        images = self.ec2.describe_images(Owners=["amazon"], Filters=by_name)["Images"]
        self.assertEqual(sorted(image["Architecture"] for image in images), ["arm64", "x86_64"])


class Account(EndpointTest):
    """Network, role, cluster and queue."""

    def test_network_and_role_are_found_as_a_node_class_selects_them(self) -> None:
        ec2 = self.endpoint.client("ec2")
        subnets = ec2.describe_subnets(Filters=TAGGED)["Subnets"]
        self.assertEqual(sorted(subnet["AvailabilityZone"] for subnet in subnets), ZONES)
        self.assertTrue(all(subnet["AvailabilityZoneId"].startswith("usw2-az") for subnet in subnets))
        self.assertEqual(len(ec2.describe_security_groups(Filters=TAGGED)["SecurityGroups"]), 1)
        profile = self.endpoint.client("iam").get_instance_profile(InstanceProfileName=f"{CLUSTER}-node")["InstanceProfile"]
        self.assertEqual([role["RoleName"] for role in profile["Roles"]], [f"{CLUSTER}-node"])

    def test_a_notice_reaches_the_queue(self) -> None:
        sqs = self.endpoint.client("sqs")
        queue = sqs.get_queue_url(QueueName=CLUSTER)["QueueUrl"]
        self.endpoint.ask("POST", "/_notice", {"instanceId": "i-0123456789abcdef0", "kind": "spot"})
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        event = json.loads(messages[0]["Body"])
        self.assertEqual((len(messages), event["detail-type"]), (1, "EC2 Spot Instance Interruption Warning"))
        self.assertEqual(event["detail"], {"instance-id": "i-0123456789abcdef0", "instance-action": "terminate"})
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
        self.assertIn("one of spot, rebalance", self.endpoint.refusal("/_notice", {"instanceId": "i-0", "kind": "meteor"}))

    def test_the_cluster_is_the_api_server_that_was_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            authority = Path(folder) / "ca.crt"
            authority.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
            options = ("--api-server", "https://127.0.0.1:20443", "--certificate-authority", str(authority), "--kubernetes-version", "1.36")
            with Endpoint(*options) as endpoint:
                cluster = endpoint.client("eks").describe_cluster(name=CLUSTER)["cluster"]
        self.assertEqual((cluster["endpoint"], cluster["version"], cluster["status"]), ("https://127.0.0.1:20443", "1.36", "ACTIVE"))
        self.assertEqual(base64.b64decode(cluster["certificateAuthority"]["data"]), b"-----BEGIN CERTIFICATE-----\n")
        self.assertEqual(cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"], "10.100.0.0/16")


class Faults(EndpointTest):
    """Throttling, lateness, and the count of calls."""

    def test_throttling_lasts_as_many_calls_as_asked(self) -> None:
        self.settings(faults=[{"action": "ec2:DescribeSubnets", "times": 2}])
        once = self.endpoint.client("ec2")
        with self.assertRaises(ClientError) as caught:
            once.describe_subnets()
        self.assertEqual(caught.exception.response["Error"]["Code"], "RequestLimitExceeded")
        self.assertTrue(self.endpoint.client("ec2", attempts=3).describe_subnets()["Subnets"])
        self.assertEqual(self.calls(), {"ec2:DescribeSubnets": 3})

    def test_without_a_number_it_lasts_until_it_is_taken_back(self) -> None:
        self.settings(faults=[{"action": "ssm:GetParameter", "code": "ThrottlingException", "message": "Rate exceeded", "status": 400}])
        ssm = self.endpoint.client("ssm")
        for _ in range(3):
            with self.assertRaises(ClientError) as caught:
                ssm.get_parameter(Name=f"{BOTTLEROCKET}/aws-k8s-1.37/x86_64/latest/image_id")
            self.assertEqual(caught.exception.response["Error"]["Code"], "ThrottlingException")
        self.settings(faults=[])
        ssm.get_parameter(Name=f"{BOTTLEROCKET}/aws-k8s-1.37/x86_64/latest/image_id")
        self.assertEqual(self.calls()["ssm:GetParameter"], 4)

    def test_a_fault_meets_whom_it_names_in_all_of_a_service(self) -> None:
        self.settings(faults=[{"action": "ec2:*", "caller": "them"}])
        them, us = self.endpoint.client("ec2", key="them"), self.endpoint.client("ec2", key="us")
        for call in (them.describe_subnets, them.describe_images):
            with self.assertRaises(ClientError):
                call()
        us.describe_subnets()
        self.endpoint.client("sts", key="them").get_caller_identity()
        self.endpoint.ask("DELETE", "/_market")
        last = self.endpoint.ask("GET", "/_calls")[-4:]
        refused = "RequestLimitExceeded"
        wanted = [("them", "ec2:DescribeSubnets", refused), ("them", "ec2:DescribeImages", refused), ("us", "ec2:DescribeSubnets", None)]
        self.assertEqual([(call["caller"], call["action"], call["refused"]) for call in last], [*wanted, ("them", "sts:GetCallerIdentity", None)])

    def test_a_slow_call_is_answered_all_the_same(self) -> None:
        self.settings(faults=[{"action": "ec2:DescribeSubnets", "code": None, "delaySeconds": 0.01, "times": 1}])
        self.assertTrue(self.endpoint.client("ec2").describe_subnets()["Subnets"])
        self.assertEqual(self.endpoint.ask("GET", "/_market")["settings"]["faults"][0]["times"], 0)

    def test_calls_are_counted_by_the_names_of_iam_policies(self) -> None:
        self.endpoint.client("eks").describe_cluster(name=CLUSTER)
        self.endpoint.client("sqs").get_queue_url(QueueName=CLUSTER)
        self.endpoint.client("ec2").describe_instances()
        self.assertEqual(self.calls(), {"ec2:DescribeInstances": 1, "eks:DescribeCluster": 1, "sqs:GetQueueUrl": 1})

    def test_a_new_instance_is_late_in_descriptions(self) -> None:
        ec2 = self.endpoint.client("ec2")
        subnet = ec2.describe_subnets(Filters=TAGGED)["Subnets"][0]
        parameter = f"{EKS}/1.37/amazon-linux-2023/x86_64/standard/recommended/image_id"
        image = self.endpoint.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        template = ec2.create_launch_template(LaunchTemplateName="late", LaunchTemplateData={"ImageId": image, "InstanceType": "m5.large"})
        specification = {"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}
        self.settings(visibleAfterSeconds=3600)
        fleet = ec2.create_fleet(
            Type="instant",
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": specification, "Overrides": [{"SubnetId": subnet["SubnetId"]}]}],
            TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
        )
        name = fleet["Instances"][0]["InstanceIds"][0]
        self.assertEqual(ec2.describe_instances()["Reservations"], [])
        with self.assertRaises(ClientError) as caught:
            ec2.describe_instances(InstanceIds=[name])
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidInstanceID.NotFound")
        self.settings(visibleAfterSeconds=0.1)
        deadline = time.monotonic() + PATIENCE_SECONDS
        mine = [{"Name": "instance-id", "Values": [name]}]
        while not ec2.describe_instances(Filters=mine)["Reservations"]:
            self.assertLess(time.monotonic(), deadline, "the instance never became visible")
            time.sleep(0.1)

    def test_a_reply_can_be_held_back_after_the_call_is_carried_out(self) -> None:
        ec2 = self.endpoint.client("ec2")
        self.settings(faults=[{"action": "ec2:CreateVpc", "code": None, "when": "after", "delaySeconds": 0.5, "times": 1}])
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        said = self.endpoint.ask("GET", "/_market")
        self.assertGreaterEqual(time.time() - said["last"]["ec2:CreateVpc"], 0.5)
        self.assertEqual([found["VpcId"] for found in ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]], [vpc])

    def test_a_setting_that_means_nothing_is_refused_and_changes_nothing(self) -> None:
        refusals = {
            "sunny": {"weather": "sunny"},
            "pools[0]": {"pools": [{"instance_type": "m5.large"}]},
            "capacityType": {"pools": [{"capacityType": "cheap"}]},
            "left": {"pools": [{"left": -1}]},
            "action": {"faults": [{"action": "CreateFleet"}]},
        }
        before = self.endpoint.ask("GET", "/_market")["settings"]
        for named, document in refusals.items():
            self.assertIn(named, self.endpoint.refusal("/_market", document))
        self.assertEqual(self.endpoint.ask("GET", "/_market")["settings"], before)


if __name__ == "__main__":
    unittest.main()
