"""`--dry-run` decides and tells, and changes nothing: neither in the cluster nor in AWS."""

import unittest

from cluster_test import NAMESPACE, ClusterTest, deployment, node_class, node_pool
from environment import eventually
from instance import launch, node_config

READS = ("Describe", "Get", "List")


class DryRun(ClusterTest):
    """With pods to launch for, and an empty node that a real run would have an opinion on."""

    def test_nothing_is_written_but_events(self) -> None:
        environment = self.environment
        managed = launch(environment, node_config(environment, ["--node-labels=team=blue"], {}))
        eventually("somebody else's node is there", environment.nodes)
        environment.market()
        before, calls = len(environment.writes()), environment.calls()
        environment.apply(node_class(), node_pool(), deployment("web", 3, cpu="7", memory="8Gi"))
        with self.controller("--dry-run") as controller:
            controller.wait_until_ready()

            def told() -> bool:
                events = environment.api.items(f"/api/v1/namespaces/{NAMESPACE}/events")
                return any(each.get("reportingComponent", "").startswith("windlass") for each in events) or "planned nodes=" in controller.tail()

            eventually("it says what it would do", told)
        written = {(each["verb"], each["objectRef"]["resource"]) for each in environment.writes()[before:]}
        self.assertLessEqual({resource for _, resource in written}, {"events"}, written)
        made = {action: count - calls.get(action, 0) for action, count in environment.calls().items()}
        changing = [action for action, count in made.items() if count and not action.partition(":")[2].startswith(READS)]
        self.assertEqual(changing, [])
        self.assertEqual([found["InstanceId"] for found in environment.instances()], [managed])
        self.assertEqual(self.claims(), [])


if __name__ == "__main__":
    unittest.main()
