"""A small client of the Kubernetes API: JSON requests on one kept connection per thread, and lists that are followed by a watch.

Kubeconfigs are read as far as the ones of scripts/controlplane go: one cluster, a bearer token.
"""

import base64
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
REPLY_SECONDS = 30
# The server ends a watch after this long, and we begin another.
WATCH_SECONDS = 240
AGAIN_SECONDS = 0.3
UNREACHABLE = (OSError, http.client.HTTPException)
# How it shows that the other side has closed a connection.
CLOSED = (ssl.SSLEOFError, BrokenPipeError, ConnectionResetError)


class Refusal(Exception):
    """The API server said no."""

    def __init__(self, status: int, answer: Any, asked: str):
        super().__init__(f"{asked}: {status} {answer.get('message', answer) if isinstance(answer, dict) else answer}")
        self.status = status
        self.answer = answer


class ApiServer:
    """Who answers at a kubeconfig's address. Safe to use from any thread."""

    def __init__(self, kubeconfig: Path):
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self.url: str = cluster["server"]
        self.authority: str = cluster["certificate-authority-data"]
        self.token: str = config["users"][0]["user"]["token"]
        self.address = urlsplit(self.url)
        self.context = ssl.create_default_context(cadata=base64.b64decode(self.authority).decode())
        self.kept = threading.local()

    def connect(self, timeout: float) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self.address.hostname or "", self.address.port, timeout=timeout, context=self.context)
        connection.connect()
        # A request's headers and body are two small writes: without this the second waits for the first one's acknowledgement.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def headers(self, content_type: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": "application/json"}

    def call(self, method: str, path: str, document: Any = None, content_type: str = "application/json") -> Any:
        """The answer; `Refusal` if it is an error, an `UNREACHABLE` if there is none."""
        body = None if document is None else json.dumps(document).encode()
        request = (method, path, body, self.headers(content_type))
        kept = getattr(self.kept, "connection", None)
        self.kept.connection = None
        try:
            reply, text = self.ask(kept or self.connect(REPLY_SECONDS), *request)
        except CLOSED:
            if kept is None:
                raise
            # It had been idle for so long that the server has closed it meanwhile.
            reply, text = self.ask(self.connect(REPLY_SECONDS), *request)
        is_json = "json" in (reply.headers.get("Content-Type") or "")
        answer = json.loads(text) if is_json else text.decode(errors="replace")
        if reply.status >= http.HTTPStatus.BAD_REQUEST:
            raise Refusal(reply.status, answer, f"{method} {path}")
        return answer

    def ask(
        self, connection: http.client.HTTPSConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """The reply with its body. The connection is kept for the next call of this thread."""
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            text = reply.read()
        except BaseException:
            connection.close()
            raise
        self.kept.connection = connection
        return reply, text

    def close(self) -> None:
        """Of this thread's connection."""
        if connection := getattr(self.kept, "connection", None):
            connection.close()
            self.kept.connection = None

    def get(self, path: str) -> Any:
        """The object, or nothing if there is none."""
        try:
            return self.call("GET", path)
        except Refusal as why:
            if why.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Any]:
        return self.call("GET", f"{path}?{urlencode(query)}")["items"]

    def delete(self, path: str, **options: Any) -> None:
        """Gone already is gone."""
        try:
            self.call("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", **options})
        except Refusal as why:
            if why.status != http.HTTPStatus.NOT_FOUND:
                raise

    def follow(self, path: str, see: Callable[[str, Any], None], stopping: threading.Event, **query: str) -> None:
        """Calls `see` with every object as ADDED, and then with what becomes of it, until told to stop; what was seen may be seen again."""
        while not stopping.is_set():
            try:
                listed = self.call("GET", f"{path}?{urlencode(query)}")
                for item in listed["items"]:
                    see("ADDED", item)
                version = listed["metadata"]["resourceVersion"]
                while not stopping.is_set():
                    for event in self.watch(path, version, query):
                        if event["type"] == "ERROR":
                            raise Refusal(event["object"].get("code", 0), event["object"], f"watch of {path}")
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            see(event["type"], event["object"])
                        if stopping.is_set():
                            return
            except (Refusal, *UNREACHABLE):
                time.sleep(AGAIN_SECONDS)

    def watch(self, path: str, version: str, query: dict[str, str]) -> Iterator[Any]:
        asked = {**query, "watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)}
        connection = self.connect(WATCH_SECONDS + REPLY_SECONDS)
        try:
            connection.request("GET", f"{path}?{urlencode(asked)}", headers=self.headers("application/json"))
            reply = connection.getresponse()
            if reply.status != http.HTTPStatus.OK:
                raise Refusal(reply.status, json.loads(reply.read()), f"watch of {path}")
            for line in reply:
                yield json.loads(line)
        finally:
            connection.close()
