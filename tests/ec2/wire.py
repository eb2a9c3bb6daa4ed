"""What sees every request before moto does: names the action, counts it, makes it fail where a test wants that, and answers tests themselves.

For tests: GET /_market describes settings and calls, POST changes settings, DELETE forgets both; GET /_calls lists every call; POST /_notice puts
an interruption notice into the queue. Everything else is AWS.
"""

import io
import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import account
from market import Fault, Malformed, Market

Start = Callable[..., Any]
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}
EKS_ACTIONS = {("GET", True): "DescribeCluster", ("GET", False): "ListClusters", ("POST", False): "CreateCluster"}


class Door:
    """A WSGI application around moto's."""

    def __init__(self, app: Callable[..., Iterable[bytes]], market: Market, wanted: account.Wanted | None):
        self.app = app
        self.market = market
        self.wanted = wanted

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ.get("PATH_INFO", "")
        if path in ("/_market", "/_calls", "/_notice"):
            return self.control(environ["REQUEST_METHOD"], path, body, start)
        caller, service = signature(environ)
        fault = self.market.record(f"{service}:{name(environ, body, service)}", caller)
        if fault is None:
            return self.app(environ, start)
        if fault.when == "before":
            time.sleep(fault.delaySeconds)
            return self.app(environ, start) if fault.code is None else failure(service, fault, start)
        status: list[Any] = []
        reply = b"".join(self.app(environ, lambda *said: status.extend(said)))
        time.sleep(fault.delaySeconds)
        if fault.code is None:
            start(*status)
            return [reply]
        # The caller will never see that answer.
        return failure(service, fault, start)

    def control(self, method: str, path: str, body: bytes, start: Start) -> Iterable[bytes]:
        try:
            if path == "/_notice" and method == "POST":
                self.notice(json.loads(body))
            elif path == "/_market" and method == "POST":
                self.market.change(json.loads(body))
            elif path == "/_market" and method == "DELETE":
                self.market.reset()
            elif path == "/_calls" and method == "GET":
                return answer(start, 200, "application/json", json.dumps(self.market.history()))
            elif path != "/_market" or method != "GET":
                return answer(start, 405, "application/json", json.dumps({"error": f"{method} {path}"}))
        except (Malformed, ValueError, TypeError) as why:
            return answer(start, 400, "application/json", json.dumps({"error": str(why)}))
        return answer(start, 200, "application/json", json.dumps(self.market.describe()))

    def notice(self, document: Any) -> None:
        if self.wanted is None:
            raise Malformed("no queue: the server was started without --cluster")
        if not isinstance(document, dict) or document.keys() != {"instanceId", "kind"} or document["kind"] not in account.NOTICES:
            raise Malformed(f"expected an object with instanceId, and kind: one of {', '.join(account.NOTICES)}")
        account.notify(self.wanted, document["instanceId"], document["kind"])


def signature(environ: dict[str, Any]) -> tuple[str, str]:
    """Who signed the request, by access key id, and for which service."""
    signed = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    return (signed.group(1), signed.group(2)) if signed else ("", "unsigned")


def name(environ: dict[str, Any], body: bytes, service: str) -> str:
    """The action as IAM policies write it, as far as the request tells."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0]
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if service == "eks" and (found := re.fullmatch(r"/clusters(/[^/]+)?", path)):
        return EKS_ACTIONS.get((method, found.group(1) is not None), f"{method} {path}")
    return f"{method} {path}"


def failure(service: str, fault: Fault, start: Start) -> Iterable[bytes]:
    """The error in the form that the service's clients read."""
    if service == "ec2":
        error = f"<Code>{escape(fault.code or '')}</Code><Message>{escape(fault.message)}</Message>"
        text = f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error>{error}</Error></Errors><RequestID>test</RequestID></Response>'
        return answer(start, fault.status, "text/xml;charset=UTF-8", text)
    text = json.dumps({"__type": fault.code, "message": fault.message})
    return answer(start, fault.status, "application/x-amz-json-1.1", text, [("x-amzn-ErrorType", fault.code or "")])


def answer(start: Start, status: int, content_type: str, text: str, more: Iterable[tuple[str, str]] = ()) -> Iterable[bytes]:
    body = text.encode()
    start(f"{status} {REASONS.get(status, 'Error')}", [("Content-Type", content_type), ("Content-Length", str(len(body))), *more])
    return [body]
