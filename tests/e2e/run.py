"""All end-to-end tests, in two clusters side by side: most of their time is waiting. Says how long each class took, and in the end what the
controller is allowed and has never done. With names of modules or classes only those are run, and nothing is said of rights.
"""

import contextlib
import io
import multiprocessing
import queue
import sys
import time
import unittest
from collections.abc import Iterator
from multiprocessing import Queue
from multiprocessing.context import SpawnProcess
from pathlib import Path

from cluster_test import allowed_actions
from environment import ACCOUNT, rendered, shared

HERE = Path(__file__).resolve().parent
CLUSTERS = 2
LOOK_SECONDS = 5
# What keeps both cores busy has them for itself.
ALONE = ("test_thousand_pods.ThousandPods",)
# What takes longest comes first, so that the clusters end together.
LONGEST = ("test_kill.Kill", "test_spark.SparkJob", "test_throttled.Throttled", "test_silence.Silence", "test_kill.KillLeader")

Right = tuple[str, str, str]
# Rights that no test here uses, and why the controller has them all the same.
WITHOUT_USE: dict[Right, str] = {
    ("karpenter.sh", "nodeclaims/finalizers", "update"): "owner references, where OwnerReferencesPermissionEnforcement is on",
    ("karpenter.sh", "nodepools/finalizers", "update"): "owner references, where OwnerReferencesPermissionEnforcement is on",
}
UNCALLED = {
    "ec2:CreateTags": "of what CreateFleet and CreateLaunchTemplate make, which EC2 checks beside them",
    "ec2:RunInstances": "of what CreateFleet launches, which EC2 checks beside it",
    "iam:PassRole": "of instances and instance profiles, which AWS checks beside the calls",
    "iam:TagInstanceProfile": "of what CreateInstanceProfile makes, which IAM checks beside it",
    "ec2:DeleteLaunchTemplate": "what was not used for ten minutes is swept: tests/cloud",
    "ec2:DescribeLaunchTemplates": "what was not used for ten minutes is swept: tests/cloud",
    "iam:ListInstanceProfiles": "swept every five minutes: tests/cloud",
    "iam:RemoveRoleFromInstanceProfile": "swept every five minutes: tests/cloud",
    "iam:DeleteInstanceProfile": "swept every five minutes: tests/cloud",
}


def classes(suite: unittest.TestSuite) -> Iterator[str]:
    """Of the tests, each once, in their order."""
    seen = set()
    for each in suite:
        found = classes(each) if isinstance(each, unittest.TestSuite) else [f"{type(each).__module__}.{type(each).__qualname__}"]
        for name in found:
            if name not in seen:
                seen.add(name)
                yield name


def work(jobs: "Queue[str | None]", results: "Queue[tuple[str, float, bool, str]]", used: "Queue[tuple[set[Right], set[str]]]") -> None:
    """One cluster."""
    while name := jobs.get():
        said, began = io.StringIO(), time.monotonic()
        with contextlib.redirect_stdout(said):
            result = unittest.TextTestRunner(stream=said, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromName(name))
        results.put((name, time.monotonic() - began, result.wasSuccessful(), said.getvalue()))
    began_one = shared.cache_info().currsize
    used.put((used_rights(), {call["action"] for call in shared().history()}) if began_one else (set(), set()))


def used_rights() -> set[Right]:
    requests = [(each["objectRef"], each["verb"]) for each in shared().asked() if "objectRef" in each]
    return {
        (target.get("apiGroup", ""), "/".join(filter(None, (target["resource"], target.get("subresource")))), verb) for target, verb in requests
    }


def granted_rights() -> set[Right]:
    """To the controller, by the chart, with every setting that grants more."""
    objects = rendered("settings.defaultSpread=system")
    roles = {(each["kind"], each["metadata"]["name"]): each["rules"] for each in objects if each["kind"] in ("Role", "ClusterRole")}
    bindings = [each for each in objects if each["kind"].endswith("Binding") and each["subjects"][0]["name"] == ACCOUNT]
    rules = [rule for binding in bindings for rule in roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}


def differences(rights: set[Right], actions: set[str]) -> list[str]:
    """What is granted and not used, or said not to be used and is."""
    found = [f"{right} is granted and never used" for right in granted_rights() - rights - WITHOUT_USE.keys()]
    found += [f"{right} is used: it needs no reason" for right in WITHOUT_USE.keys() & rights]
    found += [f"{action} is allowed and never called" for action in allowed_actions() - actions - UNCALLED.keys()]
    found += [f"{action} is called: it needs no reason" for action in UNCALLED.keys() & actions]
    return sorted(found)


def outcome(results: "Queue[tuple[str, float, bool, str]]", workers: list[SpawnProcess]) -> tuple[str, float, bool, str]:
    """The next; a cluster that has gone gives none."""
    while True:
        try:
            return results.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if not all(worker.is_alive() for worker in workers):
                sys.exit("a process that runs tests has ended")


def main() -> int:
    loader = unittest.defaultTestLoader
    asked = sys.argv[1:]
    names = list(classes(loader.loadTestsFromNames(asked) if asked else loader.discover(str(HERE))))
    names.sort(key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    context = multiprocessing.get_context("spawn")
    jobs, results, used = context.Queue(), context.Queue(), context.Queue()
    workers = [context.Process(target=work, args=(jobs, results, used)) for _ in range(CLUSTERS)]
    for worker in workers:
        worker.start()
    failed = []
    for batch in ([name for name in names if name in ALONE], [name for name in names if name not in ALONE]):
        for name in batch:
            jobs.put(name)
        for _ in batch:
            name, seconds, good, said = outcome(results, workers)
            print(f"{'ok' if good else 'FAILED'} {seconds:6.1f} s  {name}", flush=True)
            if not good:
                failed.append(name)
                print(said, flush=True)
    for _ in workers:
        jobs.put(None)
    done = [used.get() for _ in workers]
    for worker in workers:
        worker.join()
    if not asked and not failed:
        failed = differences(set().union(*(rights for rights, _ in done)), set().union(*(actions for _, actions in done)))
    for each in failed:
        print(f"failed: {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
