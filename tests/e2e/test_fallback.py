"""Whatever happens at one target before the first token, another answers; without one it is told exactly."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
import trustme

from switch_grpc.mock.server import MockServer
from tests.support.callers import WAYS, Caller, Way, all_ways, calling
from tests.support.gateway import Running, route, running, target

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Lost(NamedTuple):
    """What a caller hears where nobody else is left: gRPC code, HTTP status and OpenAI code."""

    grpc: str
    http: int
    code: str | None


UNREACHABLE = Lost("UNAVAILABLE", 502, "upstream_unreachable")
TIMEOUT = Lost("UNAVAILABLE", 504, "upstream_timeout")
PROTOCOL = Lost("UNAVAILABLE", 502, "upstream_protocol_error")
ERROR = Lost("UNAVAILABLE", 502, "upstream_error")
CUT = Lost("UNAVAILABLE", 502, "stream_interrupted")

# A fault's whole answer and its stream may fail in different ways.
FAULTS: dict[str, tuple[Lost, Lost]] = {
    "reset": (UNREACHABLE, UNREACHABLE),
    "close": (UNREACHABLE, UNREACHABLE),
    "hang": (TIMEOUT, TIMEOUT),
    "hang-head": (TIMEOUT, TIMEOUT),
    "slow-head": (TIMEOUT, TIMEOUT),
    "slow-body": (TIMEOUT, TIMEOUT),
    "garbage": (PROTOCOL, PROTOCOL),
    "html": (PROTOCOL, PROTOCOL),
    "cut": (ERROR, CUT),
    "rst-mid": (ERROR, CUT),
    "eof": (PROTOCOL, CUT),
    "stall": (TIMEOUT, TIMEOUT),
    "comments": (TIMEOUT, TIMEOUT),
    "malformed-json": (PROTOCOL, PROTOCOL),
    "malformed-sse": (PROTOCOL, PROTOCOL),
    "error-event": (ERROR, ERROR),
    "role-then-error": (ERROR, ERROR),
    "error-body": (ERROR, ERROR),
}
STATUSES: dict[int, Lost] = {
    401: Lost("FAILED_PRECONDITION", 502, "upstream_auth_failed"),
    402: Lost("UNAVAILABLE", 503, "upstream_quota_exhausted"),
    403: Lost("FAILED_PRECONDITION", 502, "upstream_auth_failed"),
    404: Lost("FAILED_PRECONDITION", 502, "upstream_model_not_found"),
    408: TIMEOUT,
    409: Lost("ABORTED", 409, "conflict"),
    429: Lost("RESOURCE_EXHAUSTED", 429, "upstream_rate_limited"),
    500: ERROR,
    502: ERROR,
    503: Lost("UNAVAILABLE", 503, "upstream_overloaded"),
    504: ERROR,
    529: Lost("UNAVAILABLE", 503, "upstream_overloaded"),
}
UNBROKEN = {"circuitBreaker": {"enabled": False}, "timeouts": {"ttfbMs": 400, "idleMs": 400}}
QUICK = {"MIN_TIMEOUT_MS": "100"}
BRIEF: dict[str, Any] = {"maxRetries": 0, "timeout": 700}


def bad(name: str) -> dict[str, Any]:
    """The target that fails as its route says."""
    if name.isdecimal():
        return target("bad", f"mock;status={name}", **BRIEF)
    return target("bad", f"mock;fault={name};after=0;rate=300", **BRIEF)


NAMES = [*FAULTS, *map(str, STATUSES)]


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port where nothing listens, and nothing can be made to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(closed_port: int) -> AsyncIterator[Running]:
    untrusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(untrusted)
    async with MockServer(tls=untrusted) as secure:
        at = secure.url.replace("127.0.0.1", "localhost")
        special = {
            "refused": target("bad", apiBase=f"http://127.0.0.1:{closed_port}/v1", **BRIEF),
            "certificate": target("bad", apiBase=at, **BRIEF),
            "not TLS": target("bad", apiBase=f"https://127.0.0.1:{closed_port}/v1", **BRIEF),
        }
        models: dict[str, Any] = {}
        for name, broken in {**{name: bad(name) for name in NAMES}, **special}.items():
            models[f"rescued {name}"] = route(broken, target("good"), **UNBROKEN)
            models[f"lost {name}"] = route(broken, **UNBROKEN)
        async with running(models, environ=QUICK) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(gateway: Running) -> AsyncIterator[Caller]:
    async with calling(gateway) as made:
        yield made


@pytest.mark.parametrize("name", [*NAMES, "refused", "certificate", "not TLS"])
async def test_before_the_first_token_every_fault_ends_in_success_where_another_target_is_well(
    caller: Caller, name: str
):
    for way, heard in (await all_ways(caller, f"rescued {name}")).items():
        assert heard.ok, (way, heard)
        assert (heard.target, heard.fallback) == ("good", True)
        assert heard.text.startswith("You said")


def lost(name: str, way: Way) -> Lost:
    if name in FAULTS:
        return FAULTS[name][way.stream]
    return STATUSES[int(name)]


@pytest.mark.parametrize("name", NAMES)
async def test_where_nobody_is_left_the_fault_is_told_exactly(caller: Caller, name: str):
    if name == "429":  # each of them makes the target cool
        heard = {}
        for way in WAYS:
            await caller.reset(f"lost {name}")
            heard[str(way)] = await caller.ask(way, f"lost {name}")
            assert heard[str(way)].retry_after == pytest.approx(5.0, abs=0.5)
    else:
        heard = await all_ways(caller, f"lost {name}")
    for way in WAYS:
        got, expected = heard[str(way)], lost(name, way)
        assert (got.http, got.code, got.text) == (expected.http, expected.code, ""), way
        assert got.target == "bad", way
        if way.door == "grpc":
            assert got.grpc == expected.grpc


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("refused", UNREACHABLE),
        ("certificate", Lost("FAILED_PRECONDITION", 502, "upstream_tls_failed")),
        ("not TLS", UNREACHABLE),
    ],
)
async def test_a_target_that_cannot_be_connected_to_is_told_exactly(
    caller: Caller, name: str, expected: Lost
):
    heard = await all_ways(caller, f"lost {name}")
    assert {(each.http, each.code) for each in heard.values()} == {(expected.http, expected.code)}
    assert heard["grpc-unary"].grpc == heard["grpc-stream"].grpc == expected.grpc


async def test_a_line_without_end_is_not_collected(caller: Caller):
    """A stream's line of 5 MiB is refused at a bound, and another target answers."""
    models = {
        "huge": route(target("bad", "mock;fault=huge-line", **BRIEF), target("good"), **UNBROKEN),
    }
    async with running(models, environ=QUICK) as gateway, calling(gateway) as made:
        for way in WAYS:
            if way.stream:
                assert (await made.ask(way, "huge")).target == "good"


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_caller_may_opt_out_of_the_fallback(caller: Caller, way: Way):
    heard = await caller.ask(way, "rescued 503", fallback=False)
    assert (heard.http, heard.code) == (503, "upstream_overloaded")


async def test_the_sum_of_what_was_tried_is_told(caller: Caller):
    """Who was asked, and how each ended, in order."""
    models = {
        "lite": route(
            target("a", "mock;status=500", **BRIEF),
            target("b", "mock;fault=garbage", **BRIEF),
            target("c"),
            **UNBROKEN,
        )
    }
    async with running(models, environ=QUICK) as gateway, calling(gateway) as made:
        for way in WAYS:
            heard = await made.ask(way)
            assert heard.target == "c"
            if heard.info is not None:
                assert [(each.target, each.upstream_status) for each in heard.info.attempts] == [
                    ("a", 500),
                    ("b", 0),
                    ("c", 200),
                ]
