"""What a node has and keeps, against figures of the documents of EKS, and which behaviour applies to it."""

import unittest
from typing import Any

from behaviour import Malformed, Settings
from machine import GIB, MIB, Instance, allocatable, capacity, cores_kept, devices, joining, labels, quantity
from user_data import Kubelet

M6G_LARGE = {
    "InstanceType": "m6g.large",
    "VCpuInfo": {"DefaultVCpus": 2},
    "MemoryInfo": {"SizeInMiB": 8192},
    "ProcessorInfo": {"SupportedArchitectures": ["arm64"]},
    "NetworkInfo": {"MaximumNetworkInterfaces": 3, "Ipv4AddressesPerInterface": 10},
}


def instance(hardware: Any = None, **tags: str) -> Instance:
    place = {"zone": "us-west-2b", "zone_id": "usw2-az1", "region": "us-west-2", "address": "10.0.0.4"}
    found = {"hardware": hardware or M6G_LARGE, "volume_bytes": 20 * GIB, "capacity_type": "spot", "tags": tags}
    return Instance(id="i-1", name="ip-10-0-0-4.us-west-2.compute.internal", **place, **found)


def kubelet(**settings: Any) -> Kubelet:
    return Kubelet(settings.pop("family", "AL2023"), "shop", "https://api.example", "Y2E=", **settings)


class Machines(unittest.TestCase):
    def test_cores_are_kept_by_tiers(self) -> None:
        self.assertEqual([cores_kept(cores * 1000) for cores in (1, 2, 4, 8, 96)], [60, 70, 80, 90, 310])

    def test_an_m6g_large_runs_29_pods_and_keeps_memory_for_them(self) -> None:
        has = capacity(instance(), kubelet())
        self.assertEqual((has["pods"], has["cpu"]), (29, 2000))
        left = allocatable(has, M6G_LARGE, kubelet())
        self.assertEqual(left["cpu"], 1930)
        self.assertEqual(has["memory"] - left["memory"], (255 + 11 * 29 + 100) * MIB)
        self.assertEqual(has["ephemeral-storage"] - left["ephemeral-storage"], GIB + has["ephemeral-storage"] // 10)

    def test_what_user_data_reserves_replaces_the_images_share(self) -> None:
        given = kubelet(max_pods=110, kube_reserved={"memory": "1Gi"}, system_reserved={"cpu": "100m"}, eviction_hard={"memory.available": "5%"})
        has = capacity(instance(), given)
        left = allocatable(has, M6G_LARGE, given)
        self.assertEqual((left["pods"], left["cpu"]), (110, 2000 - 70 - 100))
        self.assertEqual(has["memory"] - left["memory"], GIB + has["memory"] // 20)

    def test_bottlerocket_counts_the_pods_it_may_run(self) -> None:
        given = kubelet(family="Bottlerocket", max_pods=110)
        has = capacity(instance(), given)
        self.assertEqual(has["memory"] - allocatable(has, M6G_LARGE, given)["memory"], (255 + 11 * 110 + 100) * MIB)

    def test_devices(self) -> None:
        gpus = {"GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", "Count": 4}]}}
        neuron = {"NeuronInfo": {"NeuronDevices": [{"Count": 2, "CoreInfo": {"Count": 4}}]}}
        self.assertEqual(devices(M6G_LARGE), {})
        self.assertEqual(devices({**M6G_LARGE, **gpus}), {"nvidia.com/gpu": 4})
        self.assertEqual(devices({**M6G_LARGE, **neuron}), {"aws.amazon.com/neuron": 2, "aws.amazon.com/neuroncore": 8})

    def test_a_node_joins_tainted_and_not_ready(self) -> None:
        node = joining(instance(), kubelet(labels={"team": "blue"}, taints=[{"key": "a", "effect": "NoSchedule"}]))
        self.assertEqual(node["spec"]["providerID"], "aws:///us-west-2b/i-1")
        self.assertEqual([taint["key"] for taint in node["spec"]["taints"]], ["a", "node.cloudprovider.kubernetes.io/uninitialized"])
        self.assertEqual(node["status"]["conditions"][0]["status"], "False")
        self.assertEqual((node["metadata"]["labels"]["team"], node["metadata"]["labels"]["kubernetes.io/arch"]), ("blue", "arm64"))
        self.assertNotIn("topology.kubernetes.io/zone", node["metadata"]["labels"])
        self.assertEqual(labels(instance())["topology.kubernetes.io/zone"], "us-west-2b")

    def test_quantities(self) -> None:
        self.assertEqual([quantity(text) for text in ("100m", "2", "1Ki", "1.5G")], [quantity("0.1"), 2, 1024, 15 * 10**8])
        with self.assertRaises(ValueError):
            quantity("a lot")


class Behaviours(unittest.TestCase):
    def setUp(self) -> None:
        self.settings = Settings()

    def test_the_first_rule_holds_and_tags_come_before(self) -> None:
        rules = [
            {"zone": "us-west-2a", "behaviour": {"joinSeconds": 9}},
            {"capacityType": "spot", "behaviour": {"joinSeconds": None}, "times": 1},
            {"behaviour": {"joinSeconds": 3}},
        ]
        self.settings.change({"default": {"podSeconds": 2}, "rules": rules})
        tagged = instance(**{"windlass.test/readySeconds": "7"})
        first, second = self.settings.of(instance()), self.settings.of(tagged)
        self.assertEqual((first.joinSeconds, first.podSeconds), (None, 2))
        self.assertEqual((second.joinSeconds, second.readySeconds), (3, 7))
        self.settings.reset()
        self.assertEqual(self.settings.of(instance()).joinSeconds, 1.0)

    def test_a_setting_that_means_nothing_is_refused_and_changes_nothing(self) -> None:
        before = self.settings.describe()
        for wrong in ({"weather": 1}, {"default": {"joins": 1}}, {"rules": [{"zone": "a"}]}, {"rules": [{"colour": 1, "behaviour": {}}]}):
            with self.assertRaises(Malformed):
                self.settings.change(wrong)
        self.assertEqual(self.settings.describe(), before)


if __name__ == "__main__":
    unittest.main()
