"""The job of deploy/examples/emr-spark as Spark itself would submit it: a runner and a driver, then executors as they are asked for."""

import copy
import subprocess
from typing import Any

import yaml
from controller import binary
from environment import CLUSTER, ROOT, Environment
from instance import launch, node_config

EXAMPLE = ROOT / "deploy" / "examples" / "emr-spark"
NAMESPACE = "emr-jobs"
JOB = "0000000threadsleep"
DRIVER = f"spark-{JOB}-driver"
RUN_FOR = "windlass.test/run-for"


def documents(name: str) -> list[Any]:
    with open(EXAMPLE / name, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def converted() -> list[Any]:
    """The Provisioners as NodePools and EC2NodeClasses, with what `windlass convert` leaves to be filled in."""
    command = [binary(), "convert", "-f", EXAMPLE / "provisioners.yaml"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [document for document in yaml.safe_load_all(text.replace("KARPENTER_NODE_ROLE", f"{CLUSTER}-node")) if document]


class Spark:
    """One job in one cluster."""

    def __init__(self, environment: Environment):
        self.environment = environment
        self.runner, self.driver, self.executor = documents("job.yaml")[:3]

    def prepare(self) -> str:
        """What is there before any job: a machine of a managed node group, daemons, the pools. The machine's id."""
        environment = self.environment
        environment.namespace(NAMESPACE)
        managed = launch(environment, node_config(environment, ["--node-labels=eks.amazonaws.com/nodegroup=singleaz-ng-ondemand"], {}), "m5.xlarge")
        for daemon in (each for each in documents("cluster.yaml") if each["kind"] == "DaemonSet"):
            account = {"name": daemon["metadata"]["name"], "namespace": "kube-system"}
            environment.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}, daemon)
        environment.apply(*converted())
        return managed

    def submit(self, run_for: str | None = None) -> None:
        """The job runner and what it makes: a ConfigMap that owns the driver, and the driver."""
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{JOB}-spark-defaults", "namespace": NAMESPACE}}
        template = self.runner["spec"]["template"]
        template["metadata"] = annotated(template["metadata"], run_for)
        self.environment.apply(settings, self.runner)
        driver = copy.deepcopy(self.driver)
        driver["metadata"] = annotated(driver["metadata"], run_for)
        driver["metadata"]["ownerReferences"][0]["uid"] = self.uid(settings)
        self.environment.apply(driver)

    def ask_for_executors(self, first: int, count: int, run_for: str | None = None) -> None:
        """As dynamic allocation does."""
        driver = self.uid(self.driver)
        for number in range(first, first + count):
            pod = copy.deepcopy(self.executor)
            labels = pod["metadata"]["labels"] | {"spark-exec-id": str(number)}
            pod["metadata"] = annotated(pod["metadata"] | {"name": f"threadsleep-exec-{number}", "labels": labels}, run_for)
            pod["metadata"]["ownerReferences"][0]["uid"] = driver
            self.environment.apply(pod)

    def uid(self, document: Any) -> str:
        return self.environment.api.get(self.environment.path(document))["metadata"]["uid"]


def annotated(metadata: Any, run_for: str | None) -> Any:
    return metadata | ({"annotations": {RUN_FOR: run_for}} if run_for else {})
