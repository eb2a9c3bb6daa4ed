"""How nodes behave, and how they misbehave: settings for all, rules for some, tags on one instance. Times are seconds; null is never."""

import json
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from machine import Instance

TAG = "windlass.test/"


class Malformed(Exception):
    """A setting that means nothing; the message names it."""


@dataclass
class Behaviour:
    """What one node does. An instance's tag `windlass.test/FIELD` with a JSON value comes first, then the first rule that matches it."""

    # From the first sight of the instance to its Node.
    joinSeconds: float | None = 1.0
    # From the Node to its condition Ready.
    readySeconds: float | None = 0.5
    # From Ready to devices in its capacity, if it has any.
    devicesSeconds: float | None = 0.0
    # From Ready to the end of all heartbeats, as if its network went.
    silentSeconds: float | None = None
    # From Ready to the removal of startup taints, by key: what the agent does for which the taint waits.
    untaint: dict[str, float] = field(default_factory=dict)
    # From a pod's binding to its containers running.
    podSeconds: float = 0.3
    # What containers take to end once they are told to; the pod's grace period is the most.
    stopSeconds: float = 0.1


@dataclass
class Rule:
    """Behaviour of the instances that match; what is left out of a rule matches all."""

    behaviour: dict[str, Any]
    capacityType: str | None = None
    instanceType: str | None = None
    zone: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    # How many instances it still applies to.
    times: int | None = None

    def matches(self, instance: Instance) -> bool:
        wanted = ((self.capacityType, instance.capacity_type), (self.instanceType, instance.hardware["InstanceType"]), (self.zone, instance.zone))
        tagged = self.tags.items() <= instance.tags.items()
        return self.times != 0 and tagged and all(rule is None or rule == value for rule, value in wanted)


class Settings:
    """All that a test can set. Safe to use from any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.default = Behaviour()
            self.rules: list[Rule] = []
            # From an instance's end to that of its Node; null leaves it to others.
            self.removeNodesSeconds: float | None = 1.0

    def of(self, instance: Instance) -> Behaviour:
        """Asked once for each instance, since rules count."""
        with self.lock:
            chosen = asdict(self.default)
            for rule in self.rules:
                if rule.matches(instance):
                    chosen |= rule.behaviour
                    rule.times = None if rule.times is None else rule.times - 1
                    break
        for name, value in instance.tags.items():
            if name.removeprefix(TAG) in chosen and name.startswith(TAG):
                chosen[name.removeprefix(TAG)] = json.loads(value)
        return Behaviour(**chosen)

    def change(self, document: Any) -> None:
        """Replaces what the document names."""
        if not isinstance(document, dict) or not document.keys() <= {"default", "rules", "removeNodesSeconds"}:
            raise Malformed(f"expected an object with default, rules, removeNodesSeconds: {document!r}")
        default = Behaviour(**{**asdict(Behaviour()), **checked(document.get("default", {}))})
        rules = [rule(item) for item in document.get("rules", [])]
        with self.lock:
            self.default = default if "default" in document else self.default
            self.rules = rules if "rules" in document else self.rules
            self.removeNodesSeconds = document.get("removeNodesSeconds", self.removeNodesSeconds)

    def describe(self) -> dict[str, Any]:
        with self.lock:
            rules = [asdict(rule) for rule in self.rules]
            return {"default": asdict(self.default), "rules": rules, "removeNodesSeconds": self.removeNodesSeconds}


def checked(behaviour: Any) -> dict[str, Any]:
    known = {item.name for item in fields(Behaviour)}
    if not isinstance(behaviour, dict) or not behaviour.keys() <= known:
        raise Malformed(f"{behaviour!r} is not an object of {', '.join(sorted(known))}")
    return behaviour


def rule(item: Any) -> Rule:
    known = {each.name for each in fields(Rule)}
    if not isinstance(item, dict) or "behaviour" not in item or not item.keys() <= known:
        raise Malformed(f"{item!r} is not an object of {', '.join(sorted(known))}")
    return Rule(**{**item, "behaviour": checked(item["behaviour"])})
