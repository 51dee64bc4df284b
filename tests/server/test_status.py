import base64
import urllib.parse

import pytest
from google.rpc import error_details_pb2, status_pb2

from switch_grpc.faults import RULES, Fault, Kind
from switch_grpc.server.status import DETAILS, details_of, short, trailers_of
from switch_grpc.v1 import fault_pb2

FULL = Fault(
    Kind.UPSTREAM_RATE_LIMIT,
    "every target is busy",
    param="messages[0]",
    code="slow_down",
    http=430,
    retry_after=1.25,
    target="a",
)
FULL.attempts = (
    fault_pb2.AttemptInfo(target="a", reason="FAULT_REASON_UPSTREAM_RATE_LIMIT", duration_ms=3.0),
)


def unpacked(fault: Fault) -> tuple[status_pb2.Status, list[object]]:
    status = status_pb2.Status.FromString(details_of(fault, "r1"))
    kinds = (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo, fault_pb2.FaultDetail)
    messages = []
    for packed in status.details:
        kind = next(kind for kind in kinds if packed.Is(kind.DESCRIPTOR))
        messages.append(kind.FromString(packed.value))
    return status, messages


def test_the_details_are_error_info_retry_info_and_our_own():
    status, (info, retry, detail) = unpacked(FULL)
    assert (status.code, status.message) == (8, "every target is busy")
    assert info == error_details_pb2.ErrorInfo(
        reason="UPSTREAM_RATE_LIMIT",
        domain="switch",
        metadata={"request_id": "r1", "target": "a", "param": "messages[0]"},
    )
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 250_000_000)
    assert detail == fault_pb2.FaultDetail(
        reason="FAULT_REASON_UPSTREAM_RATE_LIMIT",
        message="every target is busy",
        param="messages[0]",
        openai_type="rate_limit_error",
        openai_code="slow_down",
        http_status=430,
        retry_after=1.25,
        target="a",
        request_id="r1",
        attempts=FULL.attempts,
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_reason_in_the_contract(kind: Kind):
    status, messages = unpacked(Fault(kind, "why"))
    detail = messages[-1]
    assert isinstance(detail, fault_pb2.FaultDetail)
    assert fault_pb2.FaultReason.Name(detail.reason) == f"FAULT_REASON_{kind}"
    assert status.code == RULES[kind].code.value[0]


def test_the_contract_has_no_reason_that_is_no_kind():
    names = {name.removeprefix("FAULT_REASON_") for name in fault_pb2.FaultReason.DESCRIPTOR.values_by_name}
    assert names - {"UNSPECIFIED"} == {kind.value for kind in Kind}


def trailers(fault: Fault) -> dict[str, str | bytes]:
    return dict(trailers_of(fault, "r1"))


def test_the_request_id_is_in_the_trailers():
    assert trailers(Fault(Kind.NO_KEY, "why"))["x-request-id"] == "r1"


@pytest.mark.parametrize(
    ("fault", "pushback"),
    [
        (Fault(Kind.BAD_REQUEST, "no retry helps"), "-1"),
        (Fault(Kind.UPSTREAM_ERROR, "no retry helps", retry_after=3.0), "-1"),
        (Fault(Kind.OVERLOADED, "soon", retry_after=1.5), "1500"),
        (Fault(Kind.NO_TARGET, "soon", retry_after=0.0), "0"),
        (Fault(Kind.OVERLOADED, "some time"), None),
        (Fault(Kind.UPSTREAM_RATE_LIMIT, "no hint"), None),
    ],
    ids=repr,
)
def test_pushback_tells_grpcs_own_retry_logic_when_or_never(fault: Fault, pushback: str | None):
    assert trailers(fault).get("grpc-retry-pushback-ms") == pushback


def test_retry_info_is_left_out_where_a_retry_cannot_help():
    _, messages = unpacked(Fault(Kind.UPSTREAM_ERROR, "we retried", retry_after=3.0))
    assert [type(message).__name__ for message in messages] == ["ErrorInfo", "FaultDetail"]


@pytest.mark.parametrize("message", ["x" * 9000, "%" * 9000, "語" * 9000, "\x00\n" * 4000, "😀" * 5000])
def test_the_longest_error_fits_into_the_8_kib_that_clients_accept(message: str):
    fault = Fault(Kind.CLIENT_FAULT, message, param=message, target="t" * 100)
    fault.attempts = [fault_pb2.AttemptInfo(target="t" * 100, upstream_status=500, duration_ms=1.5)] * 20
    details = trailers(fault)[DETAILS]
    assert isinstance(details, bytes)
    sent = len(base64.b64encode(details)) + len(urllib.parse.quote(short(message)))
    assert sent < 8 * 1024 - 512


def test_a_short_message_is_sent_as_it_is():
    assert short("naïve 100 %") == "naïve 100 %"


def test_the_whole_message_is_in_the_detail_where_the_status_line_has_its_beginning():
    message = "語" * 600
    _, messages = unpacked(Fault(Kind.CLIENT_FAULT, message))
    assert getattr(messages[-1], "message") == message  # noqa: B009
    assert short(message).endswith("…")
    assert len(short(message)) < 200
