"""CreateFleet of type `instant` as EC2 does it: the override is picked by allocation strategy, capacity and price, what cannot be had is in
`Errors`, the launch template's fields reach the instance, and a client token is answered once.

moto picks the first override whatever is asked, takes types that do not exist and knows no client tokens. What is not served here is refused
with a message that names it.
"""

import functools
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.fleets import Fleet
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.responses.fleets import Fleets
from moto.ec2.utils import convert_tag_spec, filter_iam_instance_profiles, random_fleet_id

from market import Market, Pool

STRATEGIES = {
    "spot": ("lowest-price", "price-capacity-optimized", "capacity-optimized", "capacity-optimized-prioritized", "diversified"),
    "on-demand": ("lowest-price", "prioritized"),
}
# What a request, an option, an override and a launch template may say here. `Context` and tags decide nothing about capacity.
REQUEST = {
    *("Type", "ClientToken", "DryRun", "SpotOptions", "OnDemandOptions", "TargetCapacitySpecification", "LaunchTemplateConfigs"),
    *("TagSpecifications", "Context"),
}
CAPACITY = {"TotalTargetCapacity", "SpotTargetCapacity", "OnDemandTargetCapacity", "DefaultTargetCapacityType", "TargetCapacityUnitType"}
OPTIONS = {"AllocationStrategy"}
OVERRIDE = {"InstanceType", "SubnetId", "AvailabilityZone", "Priority", "ImageId", "WeightedCapacity"}
TEMPLATE = {
    *("ImageId", "InstanceType", "UserData", "SecurityGroupIds", "NetworkInterfaces", "IamInstanceProfile", "MetadataOptions"),
    *("BlockDeviceMappings", "TagSpecifications", "Monitoring", "EbsOptimized", "KeyName"),
    # Taken and of no effect on what DescribeInstances says.
    *("CpuOptions", "EnclaveOptions", "PrivateDnsNameOptions", "CapacityReservationSpecification", "InstanceInitiatedShutdownBehavior"),
}
OVERRIDES_MOST = 300
TOKEN_LONGEST = 64
LOWEST_PRIORITY = float("inf")


class Refused(EC2ClientError):
    """The whole request is wrong."""


class Unfit(Exception):
    """One override is wrong: `code` and message go to `Errors`, the others are tried."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass
class Candidate:
    """One override, resolved."""

    specification: dict[str, Any]
    override: dict[str, Any]
    version: LaunchTemplateVersion
    at: int
    pool: Pool = field(init=False)
    subnet: Any = field(init=False)
    image: str = field(init=False)
    launched: list[Any] = field(default_factory=list)

    def echo(self) -> dict[str, Any]:
        said = {"LaunchTemplateSpecification": self.specification}
        return {**said, "Overrides": self.override} if self.override else said


class Launcher:
    """CreateFleet for every account and region of one server."""

    def __init__(self, market: Market):
        self.market = market
        self.lock = threading.Lock()
        self.answered: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}

    def install(self) -> None:
        otherwise = Fleets.create_fleet

        def create_fleet(response: Fleets) -> ActionResult:
            if response._get_param("Type", if_none="maintain") != "instant":
                return otherwise(response)
            return ActionResult(self.create(response.ec2_backend, dict(response.params)))

        Fleets.create_fleet = create_fleet
        # DescribeFleets shows a fleet as it was answered.
        found = Fleet.instances
        Fleet.instances = property(lambda fleet: fleet.answer["Instances"] if hasattr(fleet, "answer") else found.fget(fleet))

    def create(self, backend: Any, request: dict[str, Any]) -> dict[str, Any]:
        only(request, REQUEST, "CreateFleet")
        if request.get("DryRun"):
            raise Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
        # One at a time: two calls with one token must not both launch, nor two calls take the same last instance of a pool.
        with self.lock:
            token = request.get("ClientToken")
            if not token:
                return self.launch(backend, request)
            if len(token) > TOKEN_LONGEST:
                raise Refused("InvalidParameterValue", f"Value ({token}) for parameter ClientToken is invalid. At most {TOKEN_LONGEST} characters.")
            key = (backend.account_id, backend.region_name, token)
            asked = json.dumps(request, sort_keys=True, default=str)
            if key not in self.answered:
                self.answered[key] = (asked, self.launch(backend, request))
            if self.answered[key][0] != asked:
                raise Refused("IdempotentParameterMismatch", f"The client token {token} was used with other parameters before.")
            return self.answered[key][1]

    def launch(self, backend: Any, request: dict[str, Any]) -> dict[str, Any]:
        wanted = capacity(request)
        options = {"spot": request.get("SpotOptions") or {}, "on-demand": request.get("OnDemandOptions") or {}}
        for capacity_type, given in options.items():
            only(given, OPTIONS, f"{capacity_type} options")
            strategy = given.setdefault("AllocationStrategy", "lowest-price")
            if strategy not in STRATEGIES[capacity_type]:
                raise Refused("InvalidParameterValue", f"Value ({strategy}) for the allocation strategy of {capacity_type} is invalid.")
        listed = candidates(backend, request)
        fleet = register(backend, request)
        tags = convert_tag_spec(request.get("TagSpecifications") or [])
        result: dict[str, Any] = {"FleetId": fleet.id, "Instances": [], "Errors": []}
        fleet.answer = result
        for capacity_type, count in wanted.items():
            if count:
                self.fill(backend, fleet, Share(capacity_type, count, options[capacity_type]["AllocationStrategy"], tags), listed, result)
        return result

    def fill(self, backend: Any, fleet: Fleet, share: "Share", listed: list[Candidate], result: dict[str, Any]) -> None:
        """Takes what one capacity type's share asks for from the best pools that have it."""
        fit = []
        for candidate in listed:
            try:
                check(backend, candidate, share.capacity_type)
                fit.append(candidate)
            except Unfit as why:
                result["Errors"].append(error(candidate, share.capacity_type, why.code, str(why)))
        left = share.count
        empty = set()
        for candidate, most in self.picks(fit, share):
            if not left:
                break
            if candidate.at in empty:
                continue
            taken, code = self.take(candidate, min(left, most))
            if taken:
                instances = start(backend, fleet, candidate, taken, share)
                candidate.launched.extend(instances)
                left -= taken
            if code:
                empty.add(candidate.at)
                result["Errors"].append(error(candidate, share.capacity_type, code, explain(code, candidate.pool)))
        for candidate in fit:
            if candidate.launched:
                result["Instances"].append(
                    {
                        "LaunchTemplateAndOverrides": candidate.echo(),
                        "Lifecycle": share.capacity_type,
                        "InstanceIds": [instance.id for instance in candidate.launched],
                        "InstanceType": candidate.pool.instance_type,
                    }
                )
                candidate.launched = []

    def picks(self, fit: list[Candidate], share: "Share") -> Iterable[tuple[Candidate, int]]:
        """The candidates in the order in which EC2 tries them, and how many instances it takes from each at most."""
        if share.strategy == "diversified":
            each = -(-share.count // max(1, len(fit)))
            return [(candidate, each) for candidate in fit] + [(candidate, share.count) for candidate in fit]
        return [(candidate, share.count) for candidate in sorted(fit, key=lambda candidate: self.rank(candidate, share))]

    def rank(self, candidate: Candidate, share: "Share") -> tuple[float, ...]:
        depth = self.market.depth(candidate.pool)
        shallow = depth is not None and depth.left < share.count
        price = self.market.price(candidate.pool)
        priority = float(candidate.override.get("Priority", LOWEST_PRIORITY))
        ranks: dict[str, tuple[float, ...]] = {
            "lowest-price": (price,),
            "prioritized": (priority,),
            "price-capacity-optimized": (shallow, price),
            "capacity-optimized": (shallow,),
            "capacity-optimized-prioritized": (shallow, priority),
        }
        return (*ranks[share.strategy], candidate.at)

    def take(self, candidate: Candidate, count: int) -> tuple[int, str | None]:
        """How many the pool gives, and the code of the error if that is not all."""
        free = candidate.subnet.available_ip_address_count
        with self.market.lock:
            depth = self.market.depth(candidate.pool)
            has = count if depth is None else min(count, depth.left)
            taken = min(has, max(0, free))
            if depth is not None:
                depth.left -= taken
        if taken == count:
            return taken, None
        return taken, depth.code if depth is not None and has < count else "InsufficientFreeAddressesInSubnet"


@dataclass
class Share:
    """What one request wants of one capacity type."""

    capacity_type: str
    count: int
    strategy: str
    tags: dict[str, dict[str, str]]


def only(given: dict[str, Any], known: set[str], where: str) -> None:
    for name in given:
        if name not in known and given[name] not in (None, [], {}):
            raise Refused("InvalidParameterValue", f"{where}: this endpoint does not serve {name}.")


def capacity(request: dict[str, Any]) -> dict[str, int]:
    """Instances wanted by capacity type."""
    asked = request.get("TargetCapacitySpecification") or {}
    only(asked, CAPACITY, "TargetCapacitySpecification")
    total = int(asked.get("TotalTargetCapacity", 0))
    wanted = {"spot": int(asked.get("SpotTargetCapacity") or 0), "on-demand": int(asked.get("OnDemandTargetCapacity") or 0)}
    default = asked.get("DefaultTargetCapacityType") or "on-demand"
    if default not in wanted:
        raise Refused("InvalidParameterValue", f"TargetCapacitySpecification: this endpoint does not serve {default}.")
    if asked.get("TargetCapacityUnitType") not in (None, "units"):
        raise Refused("InvalidParameterValue", "TargetCapacitySpecification: this endpoint serves units only.")
    wanted[default] += max(0, total - sum(wanted.values()))
    if total < 1 or sum(wanted.values()) != total:
        raise Refused("InvalidTargetCapacitySpecification", f"The target capacities {wanted} do not add up to a total of {total}, at least 1.")
    return wanted


def candidates(backend: Any, request: dict[str, Any]) -> list[Candidate]:
    """Every override with its launch template's version. A template that does not exist fails the request, as EC2 does."""
    listed: list[Candidate] = []
    for config in request.get("LaunchTemplateConfigs") or []:
        asked = config.get("LaunchTemplateSpecification") or {}
        if "LaunchTemplateId" in asked:
            template = backend.get_launch_template(template_id=asked["LaunchTemplateId"])
        else:
            template = backend.get_launch_template_by_name(name=asked.get("LaunchTemplateName", ""))
        version = template.get_version(asked.get("Version", "$Default"))
        only(version.data, TEMPLATE, f"launch template {template.name}")
        specification = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(version.number)}
        for override in config.get("Overrides") or [{}]:
            only(override, OVERRIDE, "override")
            if float(override.get("WeightedCapacity", 1)) != 1:
                raise Refused("InvalidParameterValue", "override: this endpoint serves no WeightedCapacity but 1.")
            listed.append(Candidate(specification, override, version, len(listed)))
    if not listed or len(listed) > OVERRIDES_MOST:
        raise Refused("InvalidFleetConfiguration", f"A fleet has 1 to {OVERRIDES_MOST} overrides, not {len(listed)}.")
    return listed


def check(backend: Any, candidate: Candidate, capacity_type: str) -> None:
    """Resolves type, subnet and image, or says what is wrong with them."""
    data, override = candidate.version.data, candidate.override
    instance_type = override.get("InstanceType") or data.get("InstanceType") or ""
    if instance_type not in INSTANCE_TYPES:
        raise Unfit("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    candidate.subnet = subnet(backend, override, data)
    zone = candidate.subnet.availability_zone
    if override.get("AvailabilityZone", zone) != zone:
        message = f"The subnet {candidate.subnet.id} is in {zone}, not in {override['AvailabilityZone']}."
        raise Unfit("InvalidParameterValue", message)
    if (instance_type, zone) not in offered(backend.region_name):
        message = f"Your requested instance type ({instance_type}) is not supported in your requested Availability Zone ({zone})."
        raise Unfit("InvalidFleetConfiguration", message)
    if capacity_type not in INSTANCE_TYPES[instance_type]["SupportedUsageClasses"]:
        raise Unfit("InvalidFleetConfiguration", f"{instance_type} is not to be had as {capacity_type}.")
    candidate.image = override.get("ImageId") or data.get("ImageId") or ""
    image = backend.amis.get(candidate.image)
    if image is None:
        raise Unfit("InvalidAMIID.NotFound", f"The image id '[{candidate.image}]' does not exist")
    architectures = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in architectures:
        message = f"The architecture '{', '.join(architectures)}' of {instance_type} does not match the architecture '{image.architecture}' of the AMI."
        raise Unfit("InvalidParameterValue", message)
    if not profile_exists(backend, data.get("IamInstanceProfile") or {}):
        raise Unfit("InvalidParameterValue", f"Invalid IAM Instance Profile: {data['IamInstanceProfile']}")
    candidate.pool = Pool(instance_type, zone, capacity_type)


@functools.cache
def offered(region: str) -> frozenset[tuple[str, str]]:
    """Types and the zones that have them."""
    return frozenset((row["InstanceType"], row["Location"]) for row in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, []))


def subnet(backend: Any, override: dict[str, Any], data: dict[str, Any]) -> Any:
    primary = next((card for card in data.get("NetworkInterfaces") or [] if int(card.get("DeviceIndex", 0)) == 0), {})
    subnet_id = override.get("SubnetId") or primary.get("SubnetId")
    if subnet_id:
        try:
            return backend.get_subnet(subnet_id)
        except EC2ClientError as why:
            raise Unfit("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist") from why
    zone = override.get("AvailabilityZone")
    default = backend.get_default_subnets()
    if zone not in default:
        raise Unfit("InvalidFleetConfiguration", f"The override names no subnet, and there is no default subnet in {zone or 'no zone'}.")
    return default[zone]


def profile_exists(backend: Any, profile: dict[str, Any]) -> bool:
    if not profile:
        return True
    try:
        return filter_iam_instance_profiles(backend.account_id, backend.partition, profile.get("Arn"), profile.get("Name")) is not None
    except Exception:  # noqa: BLE001  moto raises IAM's own errors, of several bases
        return False


def register(backend: Any, request: dict[str, Any]) -> Fleet:
    """A fleet without instances yet."""
    fleet = Fleet(
        ec2_backend=backend,
        fleet_id=random_fleet_id(),
        on_demand_options=request.get("OnDemandOptions") or {},
        spot_options=request.get("SpotOptions") or {},
        target_capacity_specification={"TotalTargetCapacity": 0},
        launch_template_configs=[],
        excess_capacity_termination_policy="",
        replace_unhealthy_instances=False,
        terminate_instances_with_expiration=False,
        fleet_type="instant",
        valid_from=None,
        valid_until=None,
        tag_specifications=request.get("TagSpecifications") or [],
    )
    fleet.target_capacity_specification = request["TargetCapacitySpecification"]
    fleet.target_capacity = int(request["TargetCapacitySpecification"]["TotalTargetCapacity"])
    backend.fleets[fleet.id] = fleet
    return fleet


def start(backend: Any, fleet: Fleet, candidate: Candidate, count: int, share: Share) -> list[Any]:
    """Instances as the launch template describes them."""
    data = candidate.version.data
    tags = convert_tag_spec(data.get("TagSpecifications") or [])
    instance_tags = {**tags.get("instance", {}), **share.tags.get("instance", {}), "aws:ec2:fleet-id": fleet.id}
    cards, groups = network(data, candidate.subnet.id)
    more = {"block_device_mappings": devices} if (devices := block_devices(data)) else {}
    reservation = backend.run_instances(
        image_id=candidate.image,
        count=count,
        user_data=data.get("UserData"),
        security_group_names=[],
        security_group_ids=groups,
        instance_type=candidate.pool.instance_type,
        is_instance_type_default=False,
        region_name=backend.region_name,
        placement=candidate.pool.zone,
        subnet_id=candidate.subnet.id,
        nics=cards,
        key_name=data.get("KeyName"),
        ebs_optimized=bool(data.get("EbsOptimized")),
        monitoring_state="enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        metadata_options=data.get("MetadataOptions") or {},
        instance_market_options={"MarketType": "spot"} if share.capacity_type == "spot" else None,
        launch_template={"LaunchTemplateId": candidate.specification["LaunchTemplateId"], "Version": candidate.specification["Version"]},
        tags={"instance": instance_tags, "volume": {**tags.get("volume", {}), **share.tags.get("volume", {})}},
        fleet_id=fleet.id,
        **more,
    )
    profile = data.get("IamInstanceProfile") or {}
    for instance in reservation.instances:
        if profile:
            backend.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))
        fleet.on_demand_instances.append({"id": reservation.id, "instance": instance})
    fleet.fulfilled_capacity += count
    return reservation.instances


def network(data: dict[str, Any], subnet_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Network cards, which go with their instance, and the security groups of the first."""
    cards = [dict(card) for card in data.get("NetworkInterfaces") or []] or [{"DeviceIndex": 0}]
    groups = list(data.get("SecurityGroupIds") or [])
    for at, card in enumerate(cards):
        card["DeviceIndex"] = int(card.get("DeviceIndex", at))
        card["SubnetId"] = subnet_id
        card["DeleteOnTermination"] = card.get("DeleteOnTermination", True)
        if card["DeviceIndex"] == 0:
            groups += card.pop("Groups", [])
    return cards, groups


def block_devices(data: dict[str, Any]) -> list[dict[str, Any]]:
    disks = [dict(device) for device in data.get("BlockDeviceMappings") or [] if device.get("Ebs")]
    for device in disks:
        device["Ebs"] = {"DeleteOnTermination": True, **device["Ebs"]}
    return disks


def error(candidate: Candidate, capacity_type: str, code: str, message: str) -> dict[str, Any]:
    return {"LaunchTemplateAndOverrides": candidate.echo(), "Lifecycle": capacity_type, "ErrorCode": code, "ErrorMessage": message}


def explain(code: str, pool: Pool) -> str:
    if code == "InsufficientInstanceCapacity" and pool.capacity_type == "spot":
        return "There is no Spot capacity available that matches your request."
    if code == "InsufficientInstanceCapacity":
        return f"We currently do not have sufficient {pool.instance_type} capacity in the Availability Zone you requested ({pool.zone})."
    return f"{code}: {pool.instance_type} in {pool.zone}, {pool.capacity_type}"
