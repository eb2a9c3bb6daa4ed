"""A door between one controller and the API server. It can hold a request, or the answer to one, and let watches fall silent: their connections
stay open and nothing comes through any more, as when a middlebox has forgotten them.
"""

import asyncio
import base64
import contextlib
import re
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CHUNK = 1 << 16
START_SECONDS = 10
WATCH = re.compile(r"[?&]watch=(true|1)\b")


class Hold:
    """One request that is kept from the server (`before`), or whose answer is kept from the client (`after`)."""

    def __init__(self, asked: str, when: str):
        verb, _, resource = asked.partition(" ")
        kind, _, part = resource.partition("/")
        self.verb = verb
        self.path = re.compile(rf"/{kind}/[^/?]+/{part}(\?|$)" if part else rf"/{kind}(/[^/?]+)?(\?|$)")
        self.when = when
        self.taken = False
        # The request has come, or the server has answered it.
        self.met = threading.Event()

    def takes(self, verb: str, target: str) -> bool:
        found = not self.taken and verb == self.verb and self.path.search(target) is not None
        self.taken = self.taken or found
        return found


class Connection:
    """One of the client's, with one of our own to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: tuple[asyncio.StreamReader, asyncio.StreamWriter]):
        self.client = client
        self.reader, self.writer = server
        self.watching = False
        self.silent = False
        self.held: Hold | None = None

    def abort(self) -> None:
        for each in (self.client, self.writer):
            each.transport.abort()


class Proxy:
    """Plain HTTP on a loopback port in front of the API server of a kubeconfig; it ends with the block."""

    def __init__(self, kubeconfig: Path, folder: Path):
        self.config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = self.config["clusters"][0]["cluster"]
        self.server = urlsplit(cluster["server"])
        self.context = ssl.create_default_context(cadata=base64.b64decode(cluster.pop("certificate-authority-data")).decode())
        self.kubeconfig = folder / "proxy.kubeconfig"
        self.connections: set[Connection] = set()
        self.hold: Hold | None = None
        # Bytes of the server that came to nobody.
        self.swallowed = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self.thread.start()
        self.listener = self.run(asyncio.start_server(self.serve, "127.0.0.1", 0))
        port = self.listener.sockets[0].getsockname()[1]
        self.config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{port}"
        self.kubeconfig.write_text(yaml.safe_dump(self.config), encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(START_SECONDS)

    async def end(self) -> None:
        self.listener.close()
        for connection in self.connections:
            connection.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    def wait_for(self, asked: str, when: str) -> Hold:
        """The next request such as `PUT nodeclaims/status`."""
        self.hold = Hold(asked, when)
        return self.hold

    def silence(self) -> int:
        """From now on nothing comes through the watches that there are. Says how many these are."""
        watches = [each for each in self.connections.copy() if each.watching]
        for watch in watches:
            watch.silent = True
        return len(watches)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(self.server.hostname, self.server.port, ssl=self.context)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(writer, server)
        self.connections.add(connection)
        down = asyncio.create_task(self.answers(connection))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.requests(connection, reader)
        connection.abort()
        await down
        self.connections.discard(connection)

    async def requests(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            request = head + await reader.readexactly(int(length[1]) if length else 0)
            verb, target, _ = head.decode("latin-1").split(" ", 2)
            connection.watching = WATCH.search(target) is not None
            if self.hold and self.hold.takes(verb, target):
                connection.held = self.hold
                if self.hold.when == "before":
                    self.hold.met.set()
                    continue
            if not connection.silent:
                connection.writer.write(request)
                await connection.writer.drain()

    async def answers(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            while answer := await connection.reader.read(CHUNK):
                if connection.held:
                    connection.held.met.set()
                elif connection.silent:
                    self.swallowed += len(answer)
                else:
                    connection.client.write(answer)
                    await connection.client.drain()
        if not (connection.silent or connection.held):
            connection.client.close()
