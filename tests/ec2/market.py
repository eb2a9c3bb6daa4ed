"""What a test decides about the cloud: prices, how much is left in each pool, faults, delays. And what it may ask: which calls were made.

A capacity pool is an instance type in a zone, spot or on-demand. Prices are integer micro US dollars per hour.
"""

import csv
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

PRICES = Path(__file__).resolve().parents[2] / "src" / "catalog" / "prices"
MICROS = 1_000_000
# Types without a price rank behind all that have one.
UNPRICED = 10**15
CAPACITY_TYPES = ("spot", "on-demand")


class Malformed(Exception):
    """A setting that means nothing; the message names it."""


@dataclass(frozen=True)
class Pool:
    """Where capacity comes from."""

    instance_type: str
    zone: str
    capacity_type: str


@dataclass
class Rule:
    """Something about the pools it matches; a part that is left out matches all. The first rule that matches holds."""

    instanceType: str | None = None
    zone: str | None = None
    capacityType: str | None = None

    def matches(self, pool: Pool) -> bool:
        wanted = ((self.instanceType, pool.instance_type), (self.zone, pool.zone), (self.capacityType, pool.capacity_type))
        return all(rule is None or rule == value for rule, value in wanted)


@dataclass
class Depth(Rule):
    """How many instances the matched pools have left together, and what EC2 says once that is too few."""

    left: int = 0
    code: str = "InsufficientInstanceCapacity"


@dataclass
class Price(Rule):
    """The price of each matched pool."""

    usdMicrosPerHour: int = UNPRICED


@dataclass
class Fault:
    """What becomes of the next `times` calls of an action (all, if left out). With `code` null they are only slow."""

    # `ec2:*` is every action of EC2.
    action: str = ""
    # The access key id of whom it meets; everybody, if left out.
    caller: str | None = None
    code: str | None = "RequestLimitExceeded"
    message: str = "Request limit exceeded."
    status: int = 503
    times: int | None = None
    # `before`: refused, nothing happens. `after`: it happens, and the caller is told that it failed. The delay comes at the same place.
    when: str = "before"
    delaySeconds: float = 0.0

    def meets(self, action: str, caller: str) -> bool:
        return self.times != 0 and fnmatchcase(action, self.action) and self.caller in (None, caller)


@dataclass
class Call:
    """A call as it came in, and the code that it was refused with on a test's behalf."""

    at: float
    caller: str
    action: str
    refused: str | None = None


@dataclass
class Settings:
    """All that a test can set."""

    pools: list[Depth] = field(default_factory=list)
    prices: list[Price] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    # How long a new instance is unknown to DescribeInstances.
    visibleAfterSeconds: float = 0.0


class Market:
    """The settings, the published prices and the record of calls. Safe to use from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.on_demand = {row["instance_type"]: micros(row["usd_per_hour"]) for row in rows("on-demand.csv")}
        self.savings = {(row["region"], row["instance_type"]): int(row["savings_percent"]) for row in rows("spot-advisor.csv")}
        self.log: list[Call] = []
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.settings = Settings()
            self.calls: Counter[str] = Counter()
            self.last: dict[str, float] = {}

    def change(self, document: Any) -> None:
        """Replaces each setting that the document names."""
        if not isinstance(document, dict):
            raise Malformed(f"expected an object with {', '.join(item.name for item in fields(Settings))}")
        items = {"pools": Depth, "prices": Price, "faults": Fault}
        changed: dict[str, Any] = {}
        for name, value in document.items():
            if name in items:
                changed[name] = [parse(items[name], item, f"{name}[{at}]") for at, item in enumerate(value)]
            elif name == "visibleAfterSeconds" and is_amount(value):
                changed[name] = value
            else:
                raise Malformed(f"{name}: {value!r} is no setting")
        with self.lock:
            for name, value in changed.items():
                setattr(self.settings, name, value)

    def describe(self) -> dict[str, Any]:
        with self.lock:
            return {"settings": asdict(self.settings), "calls": dict(sorted(self.calls.items())), "last": dict(sorted(self.last.items()))}

    def price(self, pool: Pool) -> int:
        with self.lock:
            for rule in self.settings.prices:
                if rule.matches(pool):
                    return rule.usdMicrosPerHour
        on_demand = self.on_demand.get(pool.instance_type, UNPRICED)
        if pool.capacity_type == "on-demand" or on_demand == UNPRICED:
            return on_demand
        savings = self.savings.get((pool.zone.rstrip("abcdefghijklmnopqrstuvwxyz"), pool.instance_type), 0)
        return on_demand * (100 - savings) // 100

    def depth(self, pool: Pool) -> Depth | None:
        """None where there is no end to it."""
        with self.lock:
            return next((rule for rule in self.settings.pools if rule.matches(pool)), None)

    def record(self, action: str, caller: str) -> Fault | None:
        """Counts a call, and says what is to become of it."""
        call = Call(time.time(), caller, action)
        with self.lock:
            self.calls[action] += 1
            self.last[action] = call.at
            self.log.append(call)
            for fault in self.settings.faults:
                if fault.meets(action, caller):
                    if fault.times is not None:
                        fault.times -= 1
                    call.refused = fault.code
                    return fault
        return None

    def history(self) -> list[dict[str, Any]]:
        """Every call since the server began, whatever was reset meanwhile."""
        with self.lock:
            return [asdict(call) for call in self.log]


def rows(name: str) -> list[dict[str, str]]:
    with open(PRICES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def micros(usd: str) -> int:
    whole, _, part = usd.partition(".")
    return int(whole) * MICROS + int(part.ljust(6, "0")[:6])


def is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def parse(kind: type[Any], document: Any, at: str) -> Any:
    known = {item.name for item in fields(kind)}
    if not isinstance(document, dict) or not document.keys() <= known:
        raise Malformed(f"{at}: {document!r} is not an object of {', '.join(sorted(known))}")
    item = kind(**document)
    for name in ("left", "times", "usdMicrosPerHour", "delaySeconds"):
        value = getattr(item, name, None)
        if value is not None and not is_amount(value):
            raise Malformed(f"{at}.{name}: {value!r} is no amount")
    if getattr(item, "capacityType", None) not in (None, *CAPACITY_TYPES):
        raise Malformed(f"{at}.capacityType: {item.capacityType!r} is none of {', '.join(CAPACITY_TYPES)}")
    if kind is Fault and (":" not in item.action or item.when not in ("before", "after")):
        raise Malformed(f'{at}: a fault has an action such as "ec2:CreateFleet" and is "before" or "after"')
    return item
