"""The OpenAPI document: every path of the door, written by hand because no route is a FastAPI operation.

A decorated route would write its own entry, at 60-150 µs a request (docs/architecture.md). Tests hold this
document against the routes, the messages and the answers.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from http_facade.reply_schemas import REPLIES
from http_facade.request_schemas import REQUESTS
from http_facade.schema import Schema, ref
from switch_grpc import __version__
from switch_grpc.call import ADMIN_READ, ADMIN_WRITE, INFERENCE

_DESCRIPTION: Final = (
    "One OpenAI-compatible API in front of many providers: `model` is a named route, behind which stand "
    "targets with priorities, breakers and fallbacks. Send a key as `x-api-key` or as a Bearer token."
)

_ROUTE_HEADERS: Final[Mapping[str, Schema]] = {
    "X-Used-Provider": {"description": "The target that answered.", "schema": {"type": "string"}},
    "X-Used-Fallback": {
        "description": "`true` when an earlier target was tried or passed over, else absent.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Circuit-Breaker-State": {
        "description": "Of the target that answered.",
        "schema": {"type": "string", "enum": ["closed", "open", "half_open"]},
    },
    "X-Provider-Response-Time": {
        "description": "Milliseconds; to the first byte, for a stream.",
        "schema": {"type": "integer"},
    },
    "X-Switch-Attempts": {"description": "Tries at targets.", "schema": {"type": "integer"}},
    "X-Switch-Cost-Usd": {
        "description": "Price of the call in US dollars, where the catalogue knows it; not on streams.",
        "schema": {"type": "number"},
    },
    "X-Switch-Adaptations": {
        "description": "What was changed or left out of the request to suit the target; sentences.",
        "schema": {"type": "string"},
    },
}
_REQUEST_ID: Final[Schema] = {
    "description": "The caller's, where it sent a usable one, else a new one.",
    "schema": {"type": "string"},
}

_ERRORS: Final[Mapping[str, str]] = {
    "400": "A field, a header or the JSON itself is wrong.",
    "401": "No key, an unknown key, or two different ones.",
    "403": "The key lacks the scope, or may not use the route.",
    "404": "No such route.",
    "408": "The body stopped coming.",
    "413": "The body is too large.",
    "415": "The body is not plain JSON.",
    "429": "The caller's or the provider's rate limit; Retry-After says when.",
    "500": "A bug.",
    "501": "Nothing behind this route can do what was asked.",
    "502": "The provider failed.",
    "503": "No target is available, or the gateway is full or draining.",
    "504": "The deadline passed, or the provider took too long.",
}
_INFERENCE_ERRORS: Final = tuple(_ERRORS)
_READ_ERRORS: Final = ("400", "401", "403", "500", "503")


def _header(name: str, says: str, **schema: object) -> Schema:
    return {"name": name, "in": "header", "required": False, "description": says, "schema": schema}


_INFERENCE_HEADERS: Final = (
    _header(
        "x-request-timeout-ms",
        "The whole call's budget in milliseconds; the gateway's own limit still holds.",
        type="number",
        exclusiveMinimum=0,
    ),
    _header("x-session-id", "Calls with the same id go to the same target, on sticky routes.", type="string"),
    _header(
        "x-switch-fallback",
        "`false`: ask the first target only.",
        type="string",
        enum=["true", "false"],
    ),
    _header("x-request-id", "1 to 128 visible ASCII characters.", type="string", maxLength=128),
    _header("traceparent", "W3C trace context, passed on.", type="string"),
    _header("tracestate", "W3C trace context, passed on.", type="string"),
)


def _path_parameter(name: str, says: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": says, "schema": {"type": "string"}}


def _error_responses(statuses: Iterable[str]) -> dict[str, object]:
    return {
        status: {
            "description": _ERRORS[status],
            "headers": {"X-Request-Id": _REQUEST_ID},
            "content": {"application/json": {"schema": ref("Error")}},
        }
        for status in statuses
    }


def _inference(summary: str, request: str, reply: str, chunk: str | None) -> Schema:
    content: dict[str, object] = {"application/json": {"schema": ref(reply)}}
    if chunk is not None:
        content["text/event-stream"] = {
            "schema": {
                "type": "string",
                "description": f"`data: {{{chunk}}}` events, then `data: [DONE]`; after a break an Error "
                "event and no [DONE]. Comments keep a silent stream alive.",
            },
            "x-event-schema": ref(chunk),
        }
    return {
        "summary": summary,
        "operationId": request[0].lower() + request[1:].removesuffix("Request"),
        "tags": ["inference"],
        "parameters": list(_INFERENCE_HEADERS),
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref(request)}}},
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {**_ROUTE_HEADERS, "X-Request-Id": _REQUEST_ID},
                "content": content,
            },
            **_error_responses(_INFERENCE_ERRORS),
        },
        "x-scope": INFERENCE,
    }


def _keyed(
    summary: str,
    name: str,
    scope: str,
    reply: Schema,
    *,
    media: str = "application/json",
    parameters: Iterable[Schema] = (),
    errors: Iterable[str] = _READ_ERRORS,
) -> Schema:
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["inference" if scope == INFERENCE else "admin"],
        "parameters": list(parameters),
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {"X-Request-Id": _REQUEST_ID},
                "content": {media: {"schema": reply}},
            },
            **_error_responses(errors),
        },
        "x-scope": scope,
    }


def _open(summary: str, name: str, *, can_fail: bool) -> Schema:
    state = {"content": {"application/json": {"schema": ref("State")}}}
    responses: dict[str, object] = {"200": {"description": "Yes.", **state}}
    if can_fail:
        responses["503"] = {"description": "Not configured yet, or draining.", **state}
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["health"],
        "security": [],
        "responses": responses,
    }


_MISSING: Final = (*_READ_ERRORS, "404")
_MODEL_ID: Final = _path_parameter("id", "A route's name or alias; slashes may be sent plainly.")
_RESET_NAMES: Final = (
    _path_parameter("model", "The route's name; slashes may be sent plainly."),
    _path_parameter("provider", "The target's name; a slash must be sent as %2F."),
)

_PATHS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "/v1/chat/completions": {
        "post": _inference("Chat", "ChatRequest", "ChatCompletion", "ChatCompletionChunk")
    },
    "/v1/completions": {
        "post": _inference("Legacy text completion", "CompletionRequest", "Completion", "CompletionChunk")
    },
    "/v1/embeddings": {"post": _inference("Embeddings", "EmbeddingRequest", "EmbeddingList", None)},
    "/v1/models": {"get": _keyed("The routes of this key", "listModels", INFERENCE, ref("ModelList"))},
    "/v1/models/{id}": {
        "get": _keyed(
            "One route", "getModel", INFERENCE, ref("Model"), parameters=[_MODEL_ID], errors=_MISSING
        )
    },
    "/health": {"get": _open("Whether requests are served", "health", can_fail=True)},
    "/livez": {"get": _open("Whether the process runs", "live", can_fail=False)},
    "/readyz": {"get": _open("Whether requests should be sent here", "ready", can_fail=True)},
    "/metrics": {
        "get": _keyed("Prometheus metrics", "metrics", ADMIN_READ, {"type": "string"}, media="text/plain")
    },
    "/admin/providers/status": {
        "get": _keyed("Breakers and figures of all targets", "status", ADMIN_READ, ref("TargetStatuses"))
    },
    "/admin/providers/{model}/{provider}/reset": {
        "post": _keyed(
            "Close a target's breaker",
            "reset",
            ADMIN_WRITE,
            ref("TargetStatuses"),
            parameters=_RESET_NAMES,
            errors=_MISSING,
        )
    },
}


def document(paths: Iterable[str]) -> dict[str, object]:
    """The document for an app that serves `paths`, in OpenAPI's spelling."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Switch", "version": __version__, "description": _DESCRIPTION},
        "paths": {path: dict(_PATHS[path]) for path in paths},
        "components": {
            "schemas": {**REQUESTS, **REPLIES},
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [
            {"name": "inference", "description": "OpenAI's endpoints over named routes."},
            {"name": "admin", "description": "For whoever runs the gateway."},
            {"name": "health", "description": "Open: for probes."},
        ],
    }
