"""OpenAI's dialect: its paths, its keys, and what reads a body there."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from switch_grpc.mock.dialect import (
    PLAIN,
    Asked,
    Dialect,
    Incoming,
    Job,
    Operation,
    bearer,
    same_key,
    script_of,
    under,
)
from switch_grpc.mock.failures import invalid
from switch_grpc.mock.fields import Json, missing, needed_string, record
from switch_grpc.mock.ledger import Request
from switch_grpc.mock.openai import WIRE, chat
from switch_grpc.mock.openai_text import complete, embed, model_entry, model_list
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Headers, Whole

_Read = Callable[[dict[str, Json], str, Script], Job]


def _authorize(request: Request, key: str | None) -> None:
    """The key may come in any of the headers that OpenAI-compatible vendors use."""
    if key is None:
        return
    sent = bearer(request) or request.headers.get("x-api-key") or request.headers.get("api-key")
    if not sent:
        raise invalid(
            "You didn't provide an API key. You need to provide your API key in an Authorization header "
            "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            status=401,
        )
    if not same_key(sent, key):
        shown = sent[:3] + "*" * 5 + sent[-2:] if len(sent) > 12 else "*" * 5
        raise invalid(f"Incorrect API key provided: {shown}.", code="invalid_api_key", status=401)


def _headers(attempt: str) -> Headers:
    return (
        ("x-request-id", f"req_{attempt}"),
        ("openai-processing-ms", "1"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
    )


def _reads(operation: _Read) -> Callable[[Incoming], Asked]:
    """What reads a JSON body that names its model."""

    def read(incoming: Incoming) -> Asked:
        body = _decoded(incoming.body)
        model = needed_string(body.get("model"), "model")
        script = script_of(model)
        return Asked(model, script, operation(body, model, script))

    return read


def _decoded(data: bytes) -> dict[str, Json]:
    try:
        value: Json = msgspec.json.decode(data)
        body = record(value, "body")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
            "your HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
            f"JSON: {error})"
        ) from error
    if body is None:
        raise missing("body")
    return body


def _read_models(incoming: Incoming) -> Asked:
    """The list, or one entry if the path names a model."""
    if incoming.model:
        script_of(incoming.model)
    return _shows(model_entry(incoming.model) if incoming.model else model_list())


def _shows(value: Mapping[str, Json]) -> Asked:
    body = msgspec.json.encode(value)
    return Asked("", PLAIN, lambda context: Whole(headers=context.headers, body=body, wire=WIRE))


def _post(pattern: str, operation: _Read) -> Operation:
    return Operation(method="POST", pattern=under(pattern), read=_reads(operation))


OPENAI: Final = Dialect(
    name="openai",
    wire=WIRE,
    operations=(
        _post("chat/completions", chat),
        _post("(?<!chat/)completions", complete),
        _post("embeddings", embed),
        Operation(
            method="GET", pattern=re.compile(r"/(?:.*?/)?models(?:/(?P<model>.+))?"), read=_read_models
        ),
    ),
    authorize=_authorize,
    headers=_headers,
)
