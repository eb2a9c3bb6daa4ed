"""A cluster to play with: everything the e2e tests start, with the controller and the Spark example, until it is told to stop. `scripts/dev`
starts it in the background and stops it.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from controller import Controller
from environment import Environment, eventually
from spark import DRIVER, NAMESPACE, Spark

# Long enough to look around with kubectl, short enough to see the machines go.
EXECUTORS_RUN = "90s"
DRIVER_RUNS = "150s"
EXECUTORS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="an empty folder for logs, credentials and data")
    folder = parser.parse_args().dir
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with Environment(folder) as environment:
        environment.install()
        job = Spark(environment)
        job.prepare()
        with Controller(environment, "windlass", "--disable-leader-election") as controller:
            controller.wait_until_ready()
            job.submit(DRIVER_RUNS)
            (folder / "ready").write_text(f"{environment.kubeconfig}\n{environment.aws_url}\n{environment.nodes_url}\n", encoding="utf-8")
            running = f"/api/v1/namespaces/{NAMESPACE}/pods/{DRIVER}"
            eventually("the driver runs", lambda: stopping.is_set() or environment.api.get(running)["status"].get("phase") == "Running")
            if not stopping.is_set():
                job.ask_for_executors(1, EXECUTORS, EXECUTORS_RUN)
            while not stopping.wait(1):
                if controller.process.poll() is not None:
                    sys.exit(f"the controller ended with {controller.process.returncode}:\n{controller.tail()}")


main()
