"""One server for a test, its clients, and what a test asks of it."""

import atexit
import functools
import json
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

HERE = Path(__file__).resolve().parent
CLUSTER = "windlass-test"
REGION = "us-west-2"
ZONES = [f"{REGION}{letter}" for letter in "abcd"]


class Endpoint:
    """A server with an account for `CLUSTER`; it ends with the block."""

    def __init__(self, *more: str):
        self.more = more

    def __enter__(self) -> "Endpoint":
        command = [sys.executable, HERE / "serve.py", "--cluster", CLUSTER, "--region", REGION, *self.more]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.server.stdout.readline().strip()
        if not self.url.startswith("http://127.0.0.1:"):
            raise AssertionError("serve.py printed no URL: see its messages above")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()

    def client(self, service: str, attempts: int = 1, key: str = "test") -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "test"}
        retries = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=retries, **keys)

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url + path, data=body, method=method)
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def refusal(self, path: str, document: Any) -> str:
        """What a setting that must be refused is refused with."""
        try:
            self.ask("POST", path, document)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)["error"]
        raise AssertionError(f"{path} took {document}")


@functools.cache
def shared() -> Endpoint:
    """The one server of all tests that need none of their own: it takes seconds to start."""
    endpoint = Endpoint().__enter__()
    atexit.register(endpoint.__exit__)
    return endpoint


class EndpointTest(unittest.TestCase):
    """Tests of the shared server. Settings and calls are forgotten between them, what was launched is not."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.endpoint = shared()

    def setUp(self) -> None:
        self.endpoint.ask("DELETE", "/_market")

    def settings(self, **settings: Any) -> None:
        self.endpoint.ask("POST", "/_market", settings)

    def calls(self) -> dict[str, int]:
        return self.endpoint.ask("GET", "/_market")["calls"]
