"""The shapes in which servers that speak OpenAI say that something went wrong.

    {"error": {"message", "type", "param", "code"}}             OpenAI, and most
    {"error": {"message", "code": 429, "metadata": {"raw"}}}    OpenRouter, of another provider's error
    {"error": "message", "code": "..."}                         xAI, Ollama
    {"object": "error", "message", "type", "code"}              Mistral, older vLLM
    {"message": {"detail": [{"type", "loc", "msg"}]}}           Mistral's validator
    {"detail": [{"type", "loc", "msg"}]}, {"detail": "..."}     FastAPI servers
    {"error": {..., "innererror": {"code"}}}                    Azure, of what its content filter refused
    [{"error": {...}}]                                          Google's compatible endpoint

An error inside a 200 is one of these, in a body, in an event named `error` or in any other, or in a choice.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure

# What an error inside a 200 that names no status stands for, by its code or type.
_STATUS_OF: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "bad_request": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
    "content_filter": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "unavailable_error": 503,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "server_is_overloaded": 503,
    "overloaded_error": 529,
    "timeout": 504,
}


def error_of(body: bytes) -> UpstreamError:
    """The envelope of an error's body; an empty one where it cannot be read. Never raises."""
    return _read(_document(body))


def raise_error(data: bytes, *, named_error: bool = False) -> None:
    """Raises UpstreamFailure if the JSON text `data` holds an error, or its event was named one."""
    document = _document(data)
    failed = document if named_error else _failed(document)
    if failed is not None or named_error:
        error = _read(failed)
        raise UpstreamFailure(_status(_envelope(failed), error), error)


def _failed(document: object) -> object:
    """The part of a 200's JSON that says it failed, None if nothing does."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    if document.get("error") or document.get("object") in ("error", "Error"):
        return document
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return choice
    return None


def _read(document: object) -> UpstreamError:
    envelope = _envelope(document)
    detail = _detail(envelope)
    path = detail.get("loc")
    code = _text(detail.get("type")) or _text(envelope.get("code"))
    message = _message(envelope.get("message") or envelope.get("detail"))
    metadata = envelope.get("metadata")
    if isinstance(metadata, dict):
        # https://openrouter.ai/docs/api/reference/errors-and-debugging
        if isinstance(metadata.get("raw"), str):
            message = f"{message}: {metadata['raw']}"
        if metadata.get("reasons") or metadata.get("flagged_input"):
            code = "content_filter"
    inner = envelope.get("innererror")
    if isinstance(inner, dict) and inner.get("code") == "ResponsibleAIPolicyViolation":
        code = "content_filter"
    return UpstreamError(
        type=_text(envelope.get("type")),
        code=code,
        message=message,
        param=_text(envelope.get("param")) or (_joined(path[1:]) if isinstance(path, list) else ""),
    )


def _status(envelope: Mapping[str, Any], error: UpstreamError) -> int:
    """The HTTP status that an error inside a 200 would have come with."""
    for name in ("status_code", "code", "status"):
        value = _text(envelope.get(name))
        if len(value) == 3 and value.isascii() and value.isdecimal() and 400 <= int(value) <= 599:
            return int(value)
    return _STATUS_OF.get(error.code) or _STATUS_OF.get(error.type) or 500


def _envelope(document: object) -> Mapping[str, Any]:
    """The object with the message: the `error`, or the document itself where it is not nested."""
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return {}
    error = document.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {**document, "message": error}
    return document


def _detail(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """A validator's first finding, else nothing."""
    details, message = envelope.get("detail"), envelope.get("message")
    if isinstance(message, dict):
        details = message.get("detail")
    elif isinstance(message, list):
        details = message
    if isinstance(details, list) and details and isinstance(details[0], dict):
        return details[0]
    return {}


def _message(value: object) -> str:
    match value:
        case str():
            return value
        case {"detail": [*findings]} | [*findings]:
            return "; ".join(filter(None, map(_finding, findings)))
        case {"detail": str(text)}:
            return text
        case _:
            return ""


def _finding(value: object) -> str:
    match value:
        case {"msg": str(text), "loc": [*path]}:
            return f"{_joined(path)}: {text}"
        case {"msg": str(text)}:
            return text
        case str():
            return value
        case _:
            return ""


def _joined(path: list[object]) -> str:
    return ".".join(_text(part) for part in path)


def _text(value: object) -> str:
    """A string, or a whole number as text; "" for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _document(data: bytes) -> Any:
    """The JSON value, None if it is none."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
