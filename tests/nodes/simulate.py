"""Plays the nodes of a cluster until standard input closes: every instance that EC2 runs for the cluster becomes a Node by what its user data
says, its pods run and end, and the Node of an instance that ends is removed. Prints the URL of its settings once it looks.
"""

import argparse
import sys
import threading
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from agenda import Agenda
from api_server import ApiServer
from behaviour import Settings
from door import Door
from instances import Ec2
from machine import Instance
from node import Node
from pods import Pods

# Requests to the API server that run at once.
THREADS = 6
LOOK_SECONDS = 0.5


class Simulator:
    """All nodes of one cluster."""

    def __init__(self, api: ApiServer, ec2: Ec2, cluster: str):
        self.api = api
        self.ec2 = ec2
        self.cluster = cluster
        self.settings = Settings()
        self.agenda = Agenda(THREADS)
        self.stopping = threading.Event()
        self.nodes: dict[str, Node] = {}
        self.by_name: dict[str, Node] = {}
        self.pods = Pods(api, lambda name: self.by_name.get(name))

    def start(self) -> None:
        threading.Thread(target=self.look_for_instances, daemon=True).start()
        bound = {"fieldSelector": "spec.nodeName!="}
        threading.Thread(target=self.api.follow, args=("/api/v1/pods", self.pods.see, self.stopping), kwargs=bound, daemon=True).start()

    def look_for_instances(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            try:
                alive = self.ec2.alive()
                for instance_id, found in alive.items():
                    if instance_id not in self.nodes:
                        self.begin(self.ec2.look(found))
            except (ClientError, BotoCoreError) as why:
                # Throttled, as a test may want it, or not there: the next look is soon.
                print(f"no look at EC2: {why}", file=sys.stderr)
                continue
            for instance_id, node in self.nodes.items():
                if instance_id not in alive and node.alive.is_set():
                    self.finish(node)

    def begin(self, instance: Instance) -> None:
        user_data = self.ec2.user_data(instance.id)
        node = Node(instance, self.settings.of(instance), self.api, self.agenda)
        self.nodes[instance.id] = node
        self.by_name[instance.name] = node
        node.boot(user_data, self.cluster)

    def finish(self, node: Node) -> None:
        node.end()
        after = self.settings.removeNodesSeconds
        if after is not None:
            self.agenda.after(after, lambda: self.remove(node))

    def remove(self, node: Node) -> None:
        """As the cloud provider's node lifecycle controller does, by provider id: the name may be another machine's by now."""
        while not self.stopping.is_set():
            try:
                found = self.api.get(node.path)
                if found and found["spec"].get("providerID", "").endswith(f"/{node.instance.id}"):
                    self.api.delete(node.path, preconditions={"uid": found["metadata"]["uid"]})
                return
            except OSError:
                time.sleep(LOOK_SECONDS)

    def end(self) -> None:
        self.stopping.set()
        self.agenda.end()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="URL of EC2")
    parser.add_argument("--region", default="us-west-2", help="where (default: %(default)s)")
    parser.add_argument("--cluster", required=True, help="instances with the tag kubernetes.io/cluster/CLUSTER: owned are its nodes")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="of a user who may do what kubelets and the cloud provider do")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    simulator = Simulator(ApiServer(given.kubeconfig), Ec2(given.endpoint, given.region, given.cluster), given.cluster)
    simulator.start()
    with Door(simulator) as url:
        print(url, flush=True)
        sys.stdin.read()
    simulator.end()


if __name__ == "__main__":
    main()
