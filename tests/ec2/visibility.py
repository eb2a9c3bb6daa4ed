"""EC2 is eventually consistent: for a while DescribeInstances does not know a new instance. How long is the market's setting."""

import copy
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.instances import Instance, InstanceBackend, Reservation

from market import Market


def install(market: Market) -> None:
    listed = InstanceBackend.describe_instances
    named = InstanceBackend.get_reservations_by_instance_ids

    def visible(instance: Instance) -> bool:
        return utcnow() - instance.launch_time >= timedelta(seconds=market.settings.visibleAfterSeconds)

    def describe_instances(backend: InstanceBackend, filters: Any = None) -> list[Reservation]:
        shown = []
        for reservation in listed(backend, filters):
            part = copy.copy(reservation)
            part.instances = [instance for instance in reservation.instances if visible(instance)]
            if part.instances:
                shown.append(part)
        return shown

    def get_reservations_by_instance_ids(backend: InstanceBackend, instance_ids: list[str], filters: Any = None) -> list[Reservation]:
        hidden = [instance.id for instance in backend.all_instances() if instance.id in instance_ids and not visible(instance)]
        if hidden:
            raise InvalidInstanceIdError(hidden)
        return named(backend, instance_ids, filters)

    InstanceBackend.describe_instances = describe_instances
    InstanceBackend.get_reservations_by_instance_ids = get_reservations_by_instance_ids
