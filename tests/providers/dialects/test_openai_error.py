"""Laws of reading a server's error, whatever its shape."""

import json

import pytest

from switch_grpc.providers.dialects.base import UpstreamError, UpstreamFailure
from switch_grpc.providers.dialects.openai_error import error_of, raise_error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
            UpstreamError(type="t", code="c", message="m", param="p"),
        ),
        ({"error": {"message": "m", "type": None, "param": None, "code": None}}, UpstreamError(message="m")),
        ({"error": {"message": "m", "code": 400}}, UpstreamError(message="m", code="400")),
        ({"error": {"message": "m", "code": True, "type": []}}, UpstreamError(message="m")),
        ({"code": "c", "error": "m"}, UpstreamError(code="c", message="m")),
        ({"error": "m"}, UpstreamError(message="m")),
        (
            {"object": "error", "message": "m", "type": "t", "code": 7},
            UpstreamError(type="t", code="7", message="m"),
        ),
        ({"message": "m", "request_id": "r"}, UpstreamError(message="m")),
        ({"detail": "m"}, UpstreamError(message="m")),
        (
            {"detail": [{"type": "missing", "loc": ["body", "messages", 0], "msg": "required"}]},
            UpstreamError(code="missing", message="body.messages.0: required", param="messages.0"),
        ),
        (
            {"message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "n"], "msg": "no"}]}},
            UpstreamError(code="extra_forbidden", message="body.n: no", param="n"),
        ),
        ({"message": [{"msg": "a"}, "b", 3]}, UpstreamError(message="a; b")),
        (
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}],
            UpstreamError(code="400", message="m"),
        ),
        (
            {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "slow down"}}},
            UpstreamError(code="429", message="Provider returned error: slow down"),
        ),
        (
            {"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"]}}},
            UpstreamError(code="content_filter", message="flagged"),
        ),
        ({}, UpstreamError()),
        ([], UpstreamError()),
        (None, UpstreamError()),
        ("text", UpstreamError()),
        ({"error": None}, UpstreamError()),
        ({"error": 5}, UpstreamError()),
        ({"error": {"message": {"a": 1}}}, UpstreamError()),
    ],
)
def test_each_shape(body: object, error: UpstreamError) -> None:
    assert error_of(json.dumps(body).encode()) == error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"{",
        b"\xff",
        b"null",
        b'{"error": NaN}',
        b'{"error": {"message": "\\ud800"}}',
        b'{"error": {"code": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        b'{"message": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"detail": ' + b'{"detail": ' * 500 + b"1" + b"}" * 501,
    ],
)
def test_garbage_is_an_empty_error(body: bytes) -> None:
    assert error_of(body) == UpstreamError()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 503}, 503),
        ({"code": "503"}, 503),
        ({"status_code": 400, "code": "tool_use_failed"}, 400),
        ({"status": 429}, 429),
        ({"code": 200}, 500),
        ({"code": 1234}, 500),
        ({"code": "٥٠٣"}, 500),
        ({"code": "context_length_exceeded"}, 400),
        ({"code": "model_not_found", "type": "invalid_request_error"}, 404),
        ({"code": "x", "type": "rate_limit_error"}, 429),
        ({"type": "authentication_error"}, 401),
        ({"type": "overloaded_error"}, 529),
        ({"type": "server_error"}, 500),
        ({"message": "?"}, 500),
    ],
)
def test_the_status_that_an_inner_error_would_have_had(error: dict[str, object], status: int) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        raise_error(json.dumps({"error": error}).encode())
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body", [{"error": None}, {"error": {}}, {"error": ""}, {"choices": [{"error": None}]}, [], 1]
)
def test_what_is_no_error_raises_nothing(body: object) -> None:
    raise_error(json.dumps(body).encode())


def test_azures_inner_error_tells_that_its_content_filter_refused() -> None:
    """Older API versions have no code of their own for it."""
    inner = b'"innererror":{"code":"ResponsibleAIPolicyViolation"}'
    body = b'{"error":{"code":"BadRequest","message":"no",%s}}' % inner
    assert error_of(body).code == "content_filter"
    assert error_of(b'{"error":{"code":"BadRequest","innererror":{"code":"other"}}}').code == "BadRequest"
