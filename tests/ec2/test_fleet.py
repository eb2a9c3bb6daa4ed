"""CreateFleet: which pool is taken, what is refused, what reaches the instance."""

import itertools
import unittest
from typing import Any

from botocore.exceptions import ClientError

from endpoint import CLUSTER, ZONES, EndpointTest

STANDARD = "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/{}/standard/recommended/image_id"
DISCOVERY = [{"Name": "tag:karpenter.sh/discovery", "Values": [CLUSTER]}]
names = itertools.count()


class FleetTest(EndpointTest):
    """What all of these need: clients, subnets by zone, a launch template."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ec2 = cls.endpoint.client("ec2")
        cls.subnets = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in cls.ec2.describe_subnets(Filters=DISCOVERY)["Subnets"]}
        cls.group = cls.ec2.describe_security_groups(Filters=DISCOVERY)["SecurityGroups"][0]["GroupId"]
        ssm = cls.endpoint.client("ssm")
        cls.image = {arch: ssm.get_parameter(Name=STANDARD.format(arch))["Parameter"]["Value"] for arch in ("x86_64", "arm64")}
        cls.template = cls.make_template()

    @classmethod
    def make_template(cls, **data: Any) -> str:
        name = f"template-{next(names)}"
        cls.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": cls.image["x86_64"], **data})
        return name

    def overrides(self, types: list[str], zones: list[str] | None = None, **more: Any) -> list[dict[str, Any]]:
        pools = itertools.product(types, zones or ZONES[:2])
        return [{"InstanceType": name, "SubnetId": self.subnets[zone], "AvailabilityZone": zone, **more} for name, zone in pools]

    def fleet(
        self, overrides: list[dict[str, Any]], count: int = 1, capacity: str = "on-demand", strategy: str = "lowest-price", **more: Any
    ) -> dict[str, Any]:
        template = more.pop("template", self.template)
        options = {"SpotOptions" if capacity == "spot" else "OnDemandOptions": {"AllocationStrategy": strategy}}
        return self.ec2.create_fleet(
            Type="instant",
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateName": template, "Version": "$Latest"}, "Overrides": overrides}],
            TargetCapacitySpecification={"TotalTargetCapacity": count, "DefaultTargetCapacityType": capacity},
            **options,
            **more,
        )

    def instances(self, fleet: dict[str, Any]) -> list[dict[str, Any]]:
        ids = [name for group in fleet["Instances"] for name in group["InstanceIds"]]
        reservations = self.ec2.describe_instances(InstanceIds=ids)["Reservations"] if ids else []
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def pools(self, fleet: dict[str, Any]) -> list[tuple[str, str]]:
        """Type and zone of each instance, as DescribeInstances says."""
        return sorted((instance["InstanceType"], instance["Placement"]["AvailabilityZone"]) for instance in self.instances(fleet))

    def refused(self, *arguments: Any, **more: Any) -> tuple[str, str]:
        with self.assertRaises(ClientError) as caught:
            self.fleet(*arguments, **more)
        return caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]


class Picking(FleetTest):
    """By strategy, price, priority and depth."""

    def test_lowest_price_takes_the_cheapest_type_whatever_its_place(self) -> None:
        fleet = self.fleet(self.overrides(["m5.4xlarge", "m5.xlarge", "m5.large", "m5.2xlarge"], ["us-west-2b"]))
        self.assertEqual(self.pools(fleet), [("m5.large", "us-west-2b")])
        self.assertEqual(fleet["Errors"], [])
        group = fleet["Instances"][0]
        self.assertEqual(group["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"], "us-west-2b")
        self.assertEqual((group["Lifecycle"], group["InstanceType"]), ("on-demand", "m5.large"))

    def test_spot_prices_are_the_advisors_and_can_be_set(self) -> None:
        overrides = self.overrides(["m5.large", "m5.xlarge"])
        spot = {"count": 2, "capacity": "spot", "strategy": "price-capacity-optimized"}
        fleet = self.fleet(overrides, **spot)
        self.assertEqual(self.pools(fleet), [("m5.large", "us-west-2a")] * 2)
        self.assertEqual({instance["InstanceLifecycle"] for instance in self.instances(fleet)}, {"spot"})
        self.settings(prices=[{"instanceType": "m5.xlarge", "zone": "us-west-2b", "capacityType": "spot", "usdMicrosPerHour": 1000}])
        self.assertEqual(self.pools(self.fleet(overrides, **spot)), [("m5.xlarge", "us-west-2b")] * 2)

    def test_the_price_history_says_what_is_picked_by(self) -> None:
        self.settings(prices=[{"instanceType": "m5.xlarge", "zone": "us-west-2b", "capacityType": "spot", "usdMicrosPerHour": 12345}])
        zones = [{"Name": "availability-zone", "Values": ["us-west-2a", "us-west-2b"]}]
        rows = self.ec2.describe_spot_price_history(InstanceTypes=["m5.large", "m5.xlarge"], Filters=zones)["SpotPriceHistory"]
        prices = {(row["InstanceType"], row["AvailabilityZone"]): row["SpotPrice"] for row in rows}
        # The list price is 0.096, and the advisor's saving in us-west-2 is 62 %.
        self.assertEqual(prices["m5.large", "us-west-2a"], "0.036480")
        self.assertEqual(prices["m5.xlarge", "us-west-2b"], "0.012345")
        self.assertEqual((len(rows), {row["ProductDescription"] for row in rows}), (4, {"Linux/UNIX"}))
        pages = self.ec2.get_paginator("describe_spot_price_history").paginate(ProductDescriptions=["Linux/UNIX"])
        counts = [len(page["SpotPriceHistory"]) for page in pages]
        self.assertEqual(set(counts[:-1]), {1000})
        self.assertEqual(self.ec2.describe_spot_price_history(ProductDescriptions=["Windows"])["SpotPriceHistory"], [])

    def test_prioritized_takes_the_lowest_number(self) -> None:
        overrides = self.overrides(["m5.large"], ["us-west-2a"], Priority=7.0) + self.overrides(["m5.4xlarge"], ["us-west-2a"], Priority=2.5)
        overrides += self.overrides(["c5.large"], ["us-west-2a"])
        self.assertEqual(self.pools(self.fleet(overrides, strategy="prioritized")), [("m5.4xlarge", "us-west-2a")])
        fleet = self.fleet(overrides, capacity="spot", strategy="capacity-optimized-prioritized")
        self.assertEqual(self.pools(fleet), [("m5.4xlarge", "us-west-2a")])

    def test_price_capacity_optimized_prefers_a_pool_that_holds_all(self) -> None:
        self.settings(pools=[{"instanceType": "m5.large", "zone": "us-west-2a", "left": 1}])
        overrides = self.overrides(["m5.large"])
        optimized = self.fleet(overrides, count=2, capacity="spot", strategy="price-capacity-optimized")
        self.assertEqual((self.pools(optimized), optimized["Errors"]), ([("m5.large", "us-west-2b")] * 2, []))
        lowest = self.fleet(overrides, count=2, capacity="spot")
        self.assertEqual(self.pools(lowest), [("m5.large", "us-west-2a"), ("m5.large", "us-west-2b")])
        self.assertEqual([error["ErrorCode"] for error in lowest["Errors"]], ["InsufficientInstanceCapacity"])

    def test_diversified_spreads_over_all_pools(self) -> None:
        fleet = self.fleet(self.overrides(["m5.large", "m5.xlarge"]), count=6, capacity="spot", strategy="diversified")
        taken = self.pools(fleet)
        self.assertEqual(len(taken), 6)
        self.assertGreaterEqual(len(set(taken)), 3)

    def test_a_mix_of_spot_and_on_demand(self) -> None:
        fleet = self.ec2.create_fleet(
            Type="instant",
            LaunchTemplateConfigs=[
                {"LaunchTemplateSpecification": {"LaunchTemplateName": self.template, "Version": "1"}, "Overrides": self.overrides(["m5.large"])}
            ],
            TargetCapacitySpecification={"TotalTargetCapacity": 5, "SpotTargetCapacity": 2, "DefaultTargetCapacityType": "on-demand"},
        )
        counts = {group["Lifecycle"]: len(group["InstanceIds"]) for group in fleet["Instances"]}
        self.assertEqual(counts, {"spot": 2, "on-demand": 3})


class Shortage(FleetTest):
    """Pools that a test has emptied."""

    def test_an_empty_pool_is_an_error_beside_the_instance_of_the_next(self) -> None:
        self.settings(pools=[{"instanceType": "m5.large"}])
        fleet = self.fleet(self.overrides(["m5.large", "m5.xlarge"]))
        self.assertEqual(self.pools(fleet), [("m5.xlarge", "us-west-2a")])
        zones = [error["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"] for error in fleet["Errors"]]
        self.assertEqual(zones, ["us-west-2a", "us-west-2b"])
        self.assertEqual({error["ErrorCode"] for error in fleet["Errors"]}, {"InsufficientInstanceCapacity"})
        self.assertIn("m5.large", fleet["Errors"][0]["ErrorMessage"])

    def test_nothing_left_anywhere_is_errors_only(self) -> None:
        self.settings(pools=[{"capacityType": "spot", "left": 0}])
        fleet = self.fleet(self.overrides(["m5.large", "m5.xlarge"]), capacity="spot", strategy="price-capacity-optimized")
        self.assertEqual(fleet["Instances"], [])
        self.assertEqual([error["Lifecycle"] for error in fleet["Errors"]], ["spot"] * 4)
        self.assertEqual(self.pools(self.fleet(self.overrides(["m5.large"]))), [("m5.large", "us-west-2a")])

    def test_too_little_is_fulfilled_in_part_and_used_up(self) -> None:
        self.settings(pools=[{"instanceType": "m5.large", "left": 3}])
        one_zone = self.overrides(["m5.large"], ["us-west-2a"])
        fleet = self.fleet(one_zone, count=5)
        self.assertEqual(len(self.instances(fleet)), 3)
        self.assertEqual(len(fleet["Errors"]), 1)
        self.assertEqual(self.fleet(one_zone)["Instances"], [])
        self.assertEqual(self.endpoint.ask("GET", "/_market")["settings"]["pools"][0]["left"], 0)

    def test_the_code_of_a_shortage_can_be_set(self) -> None:
        self.settings(pools=[{"zone": "us-west-2a", "code": "MaxSpotInstanceCountExceeded"}])
        fleet = self.fleet(self.overrides(["m5.large"], ["us-west-2a"]), capacity="spot")
        self.assertEqual(fleet["Errors"][0]["ErrorCode"], "MaxSpotInstanceCountExceeded")

    def test_a_full_subnet_is_an_error_of_its_own(self) -> None:
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [CLUSTER]}])["Vpcs"][0]["VpcId"]
        self.ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")
        small = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/28", AvailabilityZone="us-west-2a")["Subnet"]
        self.assertEqual(small["AvailableIpAddressCount"], 11)
        fleet = self.fleet([{"InstanceType": "m5.large", "SubnetId": small["SubnetId"]}], count=12)
        self.assertEqual(len(self.instances(fleet)), 11)
        self.assertEqual([error["ErrorCode"] for error in fleet["Errors"]], ["InsufficientFreeAddressesInSubnet"])
        self.ec2.terminate_instances(InstanceIds=fleet["Instances"][0]["InstanceIds"])
        free = self.ec2.describe_subnets(SubnetIds=[small["SubnetId"]])["Subnets"][0]["AvailableIpAddressCount"]
        self.assertEqual(free, 11)


class Refusals(FleetTest):
    """What EC2 does not do, and what this endpoint does not."""

    def error_of(self, override: dict[str, Any], **more: Any) -> tuple[str, str]:
        """The error of a bad override beside a good one, which is taken."""
        fleet = self.fleet([override, *self.overrides(["m5.large"], ["us-west-2b"])], **more)
        self.assertEqual(self.pools(fleet), [("m5.large", "us-west-2b")])
        self.assertEqual(len(fleet["Errors"]), 1, fleet["Errors"])
        return fleet["Errors"][0]["ErrorCode"], fleet["Errors"][0]["ErrorMessage"]

    def test_a_type_that_does_not_exist(self) -> None:
        code, message = self.error_of(self.overrides(["zz9.huge"], ["us-west-2a"])[0])
        self.assertEqual(code, "InvalidParameterValue")
        self.assertIn("zz9.huge", message)

    def test_a_type_that_the_zone_does_not_have(self) -> None:
        rows = self.ec2.describe_instance_type_offerings(LocationType="availability-zone")["InstanceTypeOfferings"]
        where = {zone: {row["InstanceType"] for row in rows if row["Location"] == zone} for zone in ZONES}
        elsewhere = sorted(where["us-west-2b"] - where["us-west-2d"])[0]
        code, message = self.error_of(self.overrides([elsewhere], ["us-west-2d"])[0])
        self.assertEqual(code, "InvalidFleetConfiguration")
        self.assertIn(f"({elsewhere}) is not supported in your requested Availability Zone (us-west-2d)", message)

    def test_a_subnet_of_another_zone(self) -> None:
        override = {"InstanceType": "m5.large", "SubnetId": self.subnets["us-west-2a"], "AvailabilityZone": "us-west-2c"}
        code, message = self.error_of(override)
        self.assertEqual(code, "InvalidParameterValue")
        self.assertIn("is in us-west-2a, not in us-west-2c", message)
        self.assertEqual(self.error_of({"InstanceType": "m5.large", "SubnetId": "subnet-0123456789abcdef0"})[0], "InvalidSubnetID.NotFound")

    def test_an_image_for_another_architecture(self) -> None:
        code, message = self.error_of(self.overrides(["m6g.large"], ["us-west-2a"])[0])
        self.assertEqual(code, "InvalidParameterValue")
        self.assertIn("'arm64' of m6g.large does not match the architecture 'x86_64'", message)
        fleet = self.fleet(self.overrides(["m6g.large"], ["us-west-2a"], ImageId=self.image["arm64"]))
        self.assertEqual(self.pools(fleet), [("m6g.large", "us-west-2a")])
        self.assertEqual(self.error_of(self.overrides(["m5.large"], ["us-west-2a"], ImageId="ami-00000000000000000")[0])[0], "InvalidAMIID.NotFound")

    def test_an_instance_profile_that_does_not_exist(self) -> None:
        template = self.make_template(IamInstanceProfile={"Name": "nobody"})
        fleet = self.fleet(self.overrides(["m5.large"], ["us-west-2a"]), template=template)
        self.assertEqual(fleet["Instances"], [])
        self.assertIn("Invalid IAM Instance Profile", fleet["Errors"][0]["ErrorMessage"])

    def test_a_launch_template_that_does_not_exist(self) -> None:
        code, _ = self.refused(self.overrides(["m5.large"]), template="no-such-template")
        self.assertEqual(code, "InvalidLaunchTemplateName.NotFoundException")

    def test_what_is_not_served_is_named(self) -> None:
        ranges = {"InstanceRequirements": {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 2048}}}
        self.assertIn("InstanceRequirements", self.refused([ranges])[1])
        self.assertIn("WeightedCapacity", self.refused(self.overrides(["m5.large"], WeightedCapacity=2.0))[1])
        code, message = self.refused(self.overrides(["m5.large"]), template=self.make_template(Placement={"GroupName": "near"}))
        self.assertEqual(code, "InvalidParameterValue")
        self.assertIn("does not serve Placement", message)
        self.assertIn("for the allocation strategy", self.refused(self.overrides(["m5.large"]), strategy="price-capacity-optimized")[1])

    def test_a_dry_run_launches_nothing(self) -> None:
        before = self.ec2.describe_instances()["Reservations"]
        self.assertEqual(self.refused(self.overrides(["m5.large"]), DryRun=True)[0], "DryRunOperation")
        self.assertEqual(self.ec2.describe_instances()["Reservations"], before)


class Tokens(FleetTest):
    """A client token is answered once."""

    def test_the_same_request_has_the_same_answer(self) -> None:
        overrides = self.overrides(["m5.large"])
        first = self.fleet(overrides, count=2, ClientToken="claim-1")
        again = self.fleet(overrides, count=2, ClientToken="claim-1")
        self.assertEqual((again["FleetId"], again["Instances"]), (first["FleetId"], first["Instances"]))
        other = self.fleet(overrides, count=2, ClientToken="claim-2")
        self.assertFalse(set(first["Instances"][0]["InstanceIds"]) & set(other["Instances"][0]["InstanceIds"]))

    def test_another_request_is_refused(self) -> None:
        self.fleet(self.overrides(["m5.large"]), ClientToken="claim-3")
        code, _ = self.refused(self.overrides(["m5.large"]), count=2, ClientToken="claim-3")
        self.assertEqual(code, "IdempotentParameterMismatch")

    def test_a_lost_reply_is_had_by_asking_again(self) -> None:
        self.settings(faults=[{"action": "ec2:CreateFleet", "code": "InternalError", "status": 500, "times": 1, "when": "after"}])
        before = sum(len(reservation["Instances"]) for reservation in self.ec2.describe_instances()["Reservations"])
        self.assertEqual(self.refused(self.overrides(["m5.large"]), ClientToken="claim-4")[0], "InternalError")
        self.assertEqual(len(self.instances(self.fleet(self.overrides(["m5.large"]), ClientToken="claim-4"))), 1)
        after = sum(len(reservation["Instances"]) for reservation in self.ec2.describe_instances()["Reservations"])
        self.assertEqual(after, before + 1)


class Template(FleetTest):
    """Every field of a launch template that a node depends on."""

    def test_its_fields_reach_the_instance(self) -> None:
        template = self.make_template(
            UserData="aGVsbG8=",
            IamInstanceProfile={"Name": f"{CLUSTER}-node"},
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            Monitoring={"Enabled": True},
            EbsOptimized=True,
            NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [self.group], "AssociatePublicIpAddress": False}],
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True}}],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}, {"Key": "both", "Value": "template"}]}],
        )
        tags = [
            {"ResourceType": "instance", "Tags": [{"Key": "both", "Value": "request"}, {"Key": "karpenter.sh/nodepool", "Value": "default"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "volume"}]},
            {"ResourceType": "fleet", "Tags": [{"Key": "of", "Value": "fleet"}]},
        ]
        fleet = self.fleet(self.overrides(["m5.large"], ["us-west-2c"]), template=template, TagSpecifications=tags)
        instance = self.instances(fleet)[0]
        worn = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        self.assertEqual((worn["from"], worn["both"], worn["karpenter.sh/nodepool"]), ("template", "request", "default"))
        self.assertEqual(worn["aws:ec2:fleet-id"], fleet["FleetId"])
        self.assertEqual(instance["SubnetId"], self.subnets["us-west-2c"])
        self.assertEqual([group["GroupId"] for group in instance["SecurityGroups"]], [self.group])
        self.assertTrue(instance["IamInstanceProfile"]["Arn"].endswith(f"instance-profile/{CLUSTER}-node"))
        self.assertEqual((instance["MetadataOptions"]["HttpTokens"], instance["MetadataOptions"]["HttpPutResponseHopLimit"]), ("required", 1))
        self.assertEqual((instance["Monitoring"]["State"], instance["EbsOptimized"]), ("enabled", True))
        self.assertNotIn("PublicIpAddress", instance)
        data = self.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")["UserData"]["Value"]
        self.assertEqual(data, "aGVsbG8=")
        volumes = self.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"]
        self.assertEqual([(volume["Size"], volume["VolumeType"], volume["Encrypted"]) for volume in volumes], [(50, "gp3", True)])
        self.assertEqual(volumes[0]["Tags"], [{"Key": "of", "Value": "volume"}])
        described = self.ec2.describe_fleets(FleetIds=[fleet["FleetId"]])["Fleets"][0]
        self.assertEqual((described["Tags"], described["Instances"]), ([{"Key": "of", "Value": "fleet"}], fleet["Instances"]))
        self.ends_without_remains(instance)

    def ends_without_remains(self, instance: dict[str, Any]) -> None:
        name = instance["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[name])
        state = self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]["State"]["Name"]
        self.assertEqual(state, "terminated")
        card = [{"Name": "network-interface-id", "Values": [instance["NetworkInterfaces"][0]["NetworkInterfaceId"]]}]
        self.assertEqual(self.ec2.describe_network_interfaces(Filters=card)["NetworkInterfaces"], [])
        disk = [{"Name": "attachment.instance-id", "Values": [name]}]
        self.assertEqual(self.ec2.describe_volumes(Filters=disk)["Volumes"], [])


if __name__ == "__main__":
    unittest.main()
