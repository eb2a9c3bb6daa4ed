"""Serves AWS on loopback until standard input closes: EC2, SSM, EKS, SQS and IAM by moto, with the parts that decide what a provisioner gets
made honest (fleet.py, spot_prices.py, visibility.py, images.py). Prints its URL once it listens.
"""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

# moto's own 1,300 images are a tenth of a second in every launch; images.py has those that nodes start from.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import account  # noqa: E402
import images  # noqa: E402
import spot_prices  # noqa: E402
import visibility  # noqa: E402
import wire  # noqa: E402
from fleet import Launcher  # noqa: E402
from market import Market  # noqa: E402

# What a request met is for the caller to say, not for our standard error.
logging.disable(logging.CRITICAL)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", help="make an account for a cluster of this name: network, role, images, EKS cluster, queue")
    parser.add_argument("--region", default="us-west-2", help="where (default: %(default)s)")
    parser.add_argument("--kubernetes-version", default="1.37", help="what EKS says the cluster runs (default: %(default)s)")
    parser.add_argument("--api-server", default="https://127.0.0.1:6443", help="the cluster's URL, as EKS says it")
    parser.add_argument("--certificate-authority", type=Path, help="PEM file of the authority that signed the API server's certificate")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    market = Market()
    Launcher(market).install()
    spot_prices.install(market)
    visibility.install(market)
    images.install()
    wanted = None
    if given.cluster:
        wanted = account.Wanted(given.cluster, given.region, given.kubernetes_version, given.api_server, given.certificate_authority)
        account.create(wanted)
    door = wire.Door(DomainDispatcherApplication(create_backend_app), market, wanted)
    server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()
    server.shutdown()


main()
