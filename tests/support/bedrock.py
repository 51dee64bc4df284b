"""Bedrock as AWS's SDK knows it: its event stream, its service model as a judge, a server that checks keys.

Nothing here uses the gateway's code: frames are written from the specification and read back by botocore.
"""

import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

# What Bedrock takes (recorded traffic has it) and the pinned botocore does not know yet.
NEWER = frozenset({"outputConfig", "serviceTier", "strict", "ttl"})
EVENT_STREAM = "application/vnd.amazon.eventstream"


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream."""
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(name: str, payload: Mapping[str, Any]) -> bytes:
    """An event, or an exception if it is named like one."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    return frame(headers, json.dumps(payload, separators=(",", ":")).encode())


def stream(events: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    return b"".join(event(name, payload) for name, payload in events)


# -- the service model as a judge --


@cache
def model() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def check_request(operation: str, path_model: str, body: Mapping[str, Any]) -> None:
    """Raises AssertionError where `body` is not what the operation's input shape says."""
    shape = model().operation_model(operation).input_shape
    params = _typed(shape, {"modelId": path_model, **body})
    report = ParamValidator().validate(params, shape)
    assert not report.has_errors(), report.generate_report()


def _typed(shape: Any, value: Any) -> Any:
    """JSON as botocore takes parameters: bytes where the wire has base64."""
    match shape.type_name:
        case "structure" if not getattr(shape, "is_document_type", False):
            return {
                name: _typed(shape.members[name], item) if name in shape.members else item
                for name, item in value.items()
                if name in shape.members or name not in NEWER
            }
        case "list":
            return [_typed(shape.member, item) for item in value]
        case "blob":
            return base64.b64decode(value, validate=True)
        case _:
            return value


# -- a server --


@dataclass(slots=True)
class Received:
    """A request whose signature, or bearer key, was right."""

    path: str  # as it came
    region: str  # "" with a bearer key
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Bedrock:
    """A server for one or more regions, each under its own path: `{url}/{region}`."""

    keys: Mapping[str, str] = field(default_factory=lambda: {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG"})
    token: str | None = None  # the session token that must come with the keys
    bearer: str = "bedrock-api-key-1"
    answers: dict[str, Any] = field(
        default_factory=dict
    )  # region -> (status, headers, body), or a stream's bytes
    received: list[Received] = field(default_factory=list)
    refused: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        region = self._region_of(request, body)
        if region is None:
            self.refused += 1
            told = {"message": "The security token included in the request is invalid."}
            named = {"x-amzn-errortype": "UnrecognizedClientException"}
            return web.json_response(told, status=403, headers=named)
        place = request.path.split("/")[1]
        self.received.append(Received(request.raw_path, region, dict(request.headers), json.loads(body)))
        answer = self.answers.get(place) or self.answers[""]
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type=EVENT_STREAM)
        status, headers, content = answer
        return web.json_response(content, status=status, headers=headers)

    def _region_of(self, request: web.Request, body: bytes) -> str | None:
        """Where the request was signed for; None where it was not, or wrongly."""
        told = request.headers.get("authorization", "")
        if told.startswith("Bearer "):
            return "" if told == f"Bearer {self.bearer}" else None
        try:
            parts = dict(
                part.strip().split("=", 1) for part in told.removeprefix("AWS4-HMAC-SHA256 ").split(",")
            )
            key_id, _, region, service, _ = parts["Credential"].split("/")
        except (KeyError, ValueError):
            return None
        if key_id not in self.keys or service != "bedrock":
            return None
        if request.headers.get("x-amz-security-token") != self.token:
            return None
        expected = sign(
            request.method,
            f"http://{request.host}{request.raw_path}",
            {name: request.headers[name] for name in parts["SignedHeaders"].split(";")},
            body,
            Credentials(self.keys[key_id] and key_id, self.keys[key_id]),
            region,
        )
        return region if expected == parts["Signature"] else None


def sign(
    method: str, url: str, headers: Mapping[str, str], body: bytes, keys: Credentials, region: str
) -> str:
    """The signature that botocore makes of these headers, at the time that they tell."""
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(keys, "bedrock", region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(text, request))


@asynccontextmanager
async def bedrock(**settings: Any) -> AsyncIterator[Bedrock]:
    server = Bedrock(**settings)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def model_in(path: str) -> str:
    """The model's id in a request's path."""
    return unquote(path.split("/model/", 1)[1].rsplit("/", 1)[0])
