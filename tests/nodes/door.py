"""Where tests ask the simulator: GET / describes settings and nodes, POST / changes settings, DELETE / forgets them, and POST /nodes with
`{"name": NODE, "do": "silence"}` makes one node misbehave now (`silence`, `not-ready`, `ready`).
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from behaviour import Malformed


class Door:
    """An HTTP server on loopback, for as long as the block lasts."""

    def __init__(self, simulator: Any):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(200, describe(simulator))

            def do_POST(self) -> None:
                try:
                    change(simulator, self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                except (Malformed, ValueError, TypeError) as why:
                    self.answer(400, {"error": str(why)})
                else:
                    self.answer(200, describe(simulator))

            def do_DELETE(self) -> None:
                simulator.settings.reset()
                self.answer(200, describe(simulator))

            def answer(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Who asked what is no news."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def describe(simulator: Any) -> dict[str, Any]:
    return {"settings": simulator.settings.describe(), "nodes": [node.describe() for node in list(simulator.nodes.values())]}


def change(simulator: Any, path: str, document: Any) -> None:
    if path == "/":
        simulator.settings.change(document)
        return
    if path != "/nodes" or not isinstance(document, dict) or document.keys() != {"name", "do"}:
        raise Malformed(f"expected POST / or POST /nodes with name and do: {path} {document!r}")
    node = simulator.by_name.get(document["name"])
    if node is None:
        raise Malformed(f"no node is called {document['name']!r}")
    acts = {"silence": node.fall_silent, "not-ready": lambda: node.later(0, lambda: node.report(False)), "ready": node.recover}
    if document["do"] not in acts:
        raise Malformed(f"a node can {', '.join(acts)}: {document['do']!r}")
    acts[document["do"]]()
