"""DescribeSpotPriceHistory with the prices that CreateFleet picks by. moto says the same for every pool, at a time long past, on one page."""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.spot_instances import SpotInstances

from fleet import offered
from market import MICROS, UNPRICED, Market, Pool

PRODUCT = "Linux/UNIX"
# EC2's own limit, and what it gives where a request says nothing.
PAGE_LARGEST = 1000


def install(market: Market) -> None:
    def describe_spot_price_history(response: SpotInstances) -> ActionResult:
        wanted = {
            "instance-type": response._get_param("InstanceTypes", []),
            "product-description": response._get_param("ProductDescriptions", []),
            "availability-zone": [zone] if (zone := response._get_param("AvailabilityZone")) else [],
        }
        for name, values in response._filters_from_querystring().items():
            if name not in wanted:
                raise EC2ClientError("InvalidParameterValue", f"DescribeSpotPriceHistory: this endpoint does not serve the filter {name}.")
            wanted[name] = [value for value in values if value in wanted[name]] if wanted[name] else values
        found = history(market, response.region, wanted)
        start = int(response._get_param("NextToken", "0"))
        end = start + min(int(response._get_param("MaxResults", PAGE_LARGEST)), PAGE_LARGEST)
        return ActionResult({"SpotPriceHistory": found[start:end], "NextToken": str(end) if end < len(found) else ""})

    SpotInstances.describe_spot_price_history = describe_spot_price_history


def history(market: Market, region: str, wanted: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The price of each pool now: nothing here has a past."""
    if wanted["product-description"] and PRODUCT not in wanted["product-description"]:
        return []
    now = utcnow()
    found = []
    for instance_type, zone in sorted(offered(region)):
        named = not wanted["instance-type"] or instance_type in wanted["instance-type"]
        price = market.price(Pool(instance_type, zone, "spot"))
        if named and price < UNPRICED and (not wanted["availability-zone"] or zone in wanted["availability-zone"]):
            usd = f"{price // MICROS}.{price % MICROS:06}"
            row = {"InstanceType": instance_type, "AvailabilityZone": zone, "ProductDescription": PRODUCT, "SpotPrice": usd, "Timestamp": now}
            found.append(row)
    return found
