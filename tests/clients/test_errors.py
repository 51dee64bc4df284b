import pickle

import grpc
import pytest

from switch_client import errors
from switch_client.errors import SwitchError, error_from, family
from switch_grpc.faults import RULES, Fault, Kind
from switch_grpc.server.status import short, trailers_of
from switch_grpc.v1 import fault_pb2

Trailers = tuple[tuple[str, str | bytes], ...]


def rpc_error(code: grpc.StatusCode, details: str = "", trailers: Trailers = ()) -> grpc.RpcError:
    metadata = grpc.aio.Metadata(*trailers)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details)


def refused(fault: Fault) -> SwitchError:
    return error_from(rpc_error(fault.rule.code, short(fault.message), trailers_of(fault, "r1")))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_fault_comes_back_as_its_reason(kind: Kind):
    error = refused(Fault(kind, "why"))
    assert (error.reason, error.code, error.message) == (kind, RULES[kind].code, "why")
    assert error.should_retry is RULES[kind].retry


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_family(kind: Kind):
    assert type(refused(Fault(kind, "why"))) is not SwitchError


FAMILIES = {
    errors.BadRequest: "BAD_REQUEST INVALID_JSON TOO_LARGE HEADERS_TOO_LARGE UNSUPPORTED CLIENT_FAULT",
    errors.ContextLengthExceeded: "CONTEXT_LENGTH",
    errors.ContentFiltered: "CONTENT_FILTER",
    errors.RouteNotFound: "UNKNOWN_ROUTE",
    errors.NotFound: "NOT_FOUND_OBJECT",
    errors.AuthError: "NO_KEY BAD_KEY",
    errors.Forbidden: "FORBIDDEN",
    errors.RateLimited: "CALLER_RATE_LIMIT UPSTREAM_RATE_LIMIT",
    errors.Unavailable: "OVERLOADED DRAINING NO_TARGET LOCAL UNREACHABLE",
    errors.UpstreamError: "CREDENTIALS CLOCK_SKEW CONFLICT UPSTREAM_AUTH UPSTREAM_ERROR UPSTREAM_TLS",
    errors.StreamInterrupted: "STREAM_INTERRUPTED",
    errors.DeadlineExceeded: "DEADLINE",
    errors.Cancelled: "CANCELLED",
    errors.GatewayBug: "BUG",
}


@pytest.mark.parametrize(("kind", "reasons"), FAMILIES.items())
def test_the_family_follows_the_reason(kind: type[SwitchError], reasons: str):
    assert {family(reason) for reason in reasons.split()} == {kind}


def test_all_that_the_gateway_says_is_there():
    fault = Fault(
        Kind.UPSTREAM_RATE_LIMIT, "busy", param="messages[0]", retry_after=1.5, retry=True, target="a"
    )
    fault.attempts = [fault_pb2.AttemptInfo(target="a", upstream_status=429)]
    error = refused(fault)
    assert isinstance(error, errors.RateLimited)
    assert (error.param, error.retry_after, error.should_retry) == ("messages[0]", 1.5, True)
    assert (error.target, error.request_id, error.attempts) == ("a", "r1", tuple(fault.attempts))
    assert str(error) == "busy (UPSTREAM_RATE_LIMIT, request r1)"


def test_what_the_gateway_does_not_say_is_none():
    error = refused(Fault(Kind.NO_TARGET, "none"))
    assert (error.param, error.retry_after, error.should_retry, error.target) == (None,) * 4
    assert error.attempts == ()


def test_a_long_message_comes_whole():
    assert refused(Fault(Kind.CLIENT_FAULT, "語" * 600)).message == "語" * 600


@pytest.mark.parametrize(
    ("code", "details", "reason", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, "connection refused", "UNREACHABLE", errors.Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", "DEADLINE", errors.DeadlineExceeded),
        (grpc.StatusCode.CANCELLED, "", "CANCELLED", errors.Cancelled),
        (grpc.StatusCode.UNIMPLEMENTED, "", "UNSUPPORTED", errors.BadRequest),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "SERVER: Received message larger than max (9 vs. 8)",
            "TOO_LARGE",
            errors.BadRequest,
        ),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "received metadata size exceeds hard limit",
            "HEADERS_TOO_LARGE",
            errors.BadRequest,
        ),
        (grpc.StatusCode.DATA_LOSS, "", "DATA_LOSS", SwitchError),
    ],
)
def test_a_status_that_grpc_itself_made_has_a_reason_too(
    code: grpc.StatusCode, details: str, reason: str, kind: type[SwitchError]
):
    error = error_from(rpc_error(code, details))
    assert (type(error), error.reason, error.code, error.detail) == (kind, reason, code, None)
    assert error.message


def test_a_connection_lost_after_the_first_chunk_is_an_interrupted_stream():
    lost = rpc_error(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    assert isinstance(error_from(lost, started=True), errors.StreamInterrupted)
    assert isinstance(error_from(lost), errors.Unavailable)


@pytest.mark.parametrize("details", [b"\xff\xff", b"", "text"])
def test_details_that_cannot_be_read_leave_the_status(details: str | bytes):
    error = error_from(rpc_error(grpc.StatusCode.INTERNAL, "boom", (("grpc-status-details-bin", details),)))
    assert (error.reason, error.message) == ("INTERNAL", "boom")


def test_a_reason_that_this_version_does_not_know_is_told_by_name():
    fault = Fault(Kind.BUG, "new")
    details = dict(trailers_of(fault, "r"))["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    newer = details.replace(b"\x0a\x03BUG", b"\x0a\x03NEW")
    error = error_from(rpc_error(grpc.StatusCode.INTERNAL, "x", (("grpc-status-details-bin", newer),)))
    assert (type(error), error.reason) == (SwitchError, "NEW")


def test_an_error_survives_pickling():
    error = refused(Fault(Kind.NO_KEY, "send a key"))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.detail) == (type(error), str(error), error.detail)
