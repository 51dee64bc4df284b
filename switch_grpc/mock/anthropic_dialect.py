"""Anthropic's dialect: its paths, its keys and versions, its models, and the same messages on Vertex AI.

On Vertex the path names the model, the body the version, and the key is a bearer token.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import msgspec

from switch_grpc.mock.answers import prompt_tokens
from switch_grpc.mock.anthropic import WIRE, message, request_id
from switch_grpc.mock.anthropic_ask import read_count, read_messages
from switch_grpc.mock.anthropic_fields import Members, Terms, refused, wrong
from switch_grpc.mock.dialect import (
    PLAIN,
    Asked,
    Dialect,
    Incoming,
    Operation,
    bearer,
    same_key,
    script_of,
    under,
)
from switch_grpc.mock.fields import Json
from switch_grpc.mock.ledger import Request
from switch_grpc.mock.steps import Headers, Whole

_VERSIONS: Final = ("2023-06-01", "2026-10-21")
_VERTEX_VERSIONS: Final = ("vertex-2023-10-16", "2026-10-21")
_MODELS: Final = ("mock", "mock-fallback")
_PAGE: Final = 20  # models, unless `limit` says otherwise


def _authorize(request: Request, key: str | None) -> None:
    sent = request.headers.get("x-api-key") or bearer(request)
    _check_key(sent, key)
    version = request.headers.get("anthropic-version")
    if version is None:
        raise refused("anthropic-version: header is required")
    if version not in _VERSIONS:
        raise refused(f'anthropic-version: "{version}" is not a valid version')


def _authorize_vertex(request: Request, key: str | None) -> None:
    _check_key(bearer(request), key)


def _check_key(sent: str | None, key: str | None) -> None:
    if key is None:
        return
    if not sent:
        raise refused("x-api-key header is required", type="authentication_error", status=401)
    if not same_key(sent, key):
        raise refused("invalid x-api-key", type="authentication_error", status=401)


def _headers(attempt: str) -> Headers:
    return (
        ("request-id", request_id(attempt)),
        ("anthropic-organization-id", "mock-organization"),
        ("anthropic-ratelimit-requests-limit", "10000"),
        ("anthropic-ratelimit-requests-remaining", "9999"),
    )


def _body(incoming: Incoming) -> Members:
    try:
        value: Json = msgspec.json.decode(incoming.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused(f"The request body is not valid JSON: {error}") from error
    return Members(value, "")


def _read_messages(incoming: Incoming) -> Asked:
    body = _body(incoming)
    return _asked(body, body.needed_text("model", least=1), _terms(incoming))


def _terms(incoming: Incoming) -> Terms:
    version, betas = incoming.headers
    return Terms(version=version, beta=betas != "")


def _vertex_terms(body: Members) -> Terms:
    version = body.needed_text("anthropic_version", _VERTEX_VERSIONS)
    return Terms(version=version.removeprefix("vertex-"), beta=bool(body.array("anthropic_beta")))


def _read_vertex(*, stream: bool) -> Callable[[Incoming], Asked]:
    """What reads a body of rawPredict (`stream` must not be asked for) or of streamRawPredict (it must)."""

    def read(incoming: Incoming) -> Asked:
        body = _body(incoming)
        terms = _vertex_terms(body)
        if (body.flag("stream") is True) is not stream:
            raise wrong("stream", f"Input should be {str(stream).lower()} here")
        return _asked(body, incoming.model, terms)

    return read


def _asked(body: Members, model: str, terms: Terms) -> Asked:
    script = script_of(model)
    ask, options = read_messages(body, model, terms)
    return Asked(model, script, message(ask, options, script))


def _read_count(incoming: Incoming) -> Asked:
    body = _body(incoming)
    model = body.needed_text("model", least=1)
    return _counted(body, model, _terms(incoming))


def _read_vertex_count(incoming: Incoming) -> Asked:
    """The path names a model that counts for all; the body says for which."""
    body = _body(incoming)
    terms = _vertex_terms(body)
    return _counted(body, body.needed_text("model", least=1), terms)


def _counted(body: Members, model: str, terms: Terms) -> Asked:
    script = script_of(model)
    ask = read_count(body, model, terms)
    whole = msgspec.json.encode({"input_tokens": prompt_tokens(ask)})
    return Asked(model, script, lambda context: Whole(headers=context.headers, body=whole, wire=WIRE))


def _read_models(incoming: Incoming) -> Asked:
    """A page of the list, or one entry if the path names a model."""
    if incoming.model:
        script_of(incoming.model)
        return _shows(_entry(incoming.model))
    asked = parse_qs(incoming.query)
    after = asked.get("after_id", [""])[-1]
    limit = asked.get("limit", [""])[-1]
    if limit and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= 1000):
        raise wrong("limit", "Input should be a valid integer from 1 to 1000")
    rest = _MODELS[_MODELS.index(after) + 1 :] if after in _MODELS else _MODELS
    page = rest[: int(limit[:9])] if limit else rest[:_PAGE]
    return _shows(
        {
            "data": [_entry(model) for model in page],
            "has_more": len(page) < len(rest),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


def _entry(model: str) -> dict[str, Json]:
    return {
        "type": "model",
        "id": model,
        "display_name": f"Mock {model}",
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "capabilities": None,
    }


def _shows(value: dict[str, Json]) -> Asked:
    body = msgspec.json.encode(value)
    return Asked("", PLAIN, lambda context: Whole(headers=context.headers, body=body, wire=WIRE))


def _is_versioned(request: Request) -> bool:
    """Other vendors list models at this path too, but only Anthropic's clients send a version."""
    return "anthropic-version" in request.headers


ANTHROPIC: Final = Dialect(
    name="anthropic",
    wire=WIRE,
    operations=(
        Operation(method="POST", pattern=under("messages"), read=_read_messages),
        Operation(method="POST", pattern=under("messages/count_tokens"), read=_read_count),
        Operation(
            method="GET", pattern=under("models(?:/(?P<model>.+))?"), read=_read_models, when=_is_versioned
        ),
    ),
    authorize=_authorize,
    headers=_headers,
    reads_headers=("anthropic-version", "anthropic-beta"),
)

_VERTEX: Final = "publishers/anthropic/models/"
ANTHROPIC_ON_VERTEX: Final = Dialect(
    name="anthropic on vertex",
    wire=WIRE,
    operations=(
        Operation(
            method="POST",
            pattern=under(_VERTEX + "count-tokens(?:@[^/]*)?:rawPredict"),
            read=_read_vertex_count,
        ),
        Operation(
            method="POST",
            pattern=under(_VERTEX + "(?P<model>[^/]+):rawPredict"),
            read=_read_vertex(stream=False),
        ),
        Operation(
            method="POST",
            pattern=under(_VERTEX + "(?P<model>[^/]+):streamRawPredict"),
            read=_read_vertex(stream=True),
        ),
    ),
    authorize=_authorize_vertex,
    headers=_headers,
)
