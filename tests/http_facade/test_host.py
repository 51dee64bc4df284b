"""The Host header, checked before anything is routed."""

import pytest

from http_facade.host import KNOWN, Hosts
from http_facade.settings import HttpSettings
from switch_grpc.faults import Fault
from tests.http_facade.conftest import Door
from tests.support.http_server import exchange, request_bytes

GOOD = [
    "localhost",
    "localhost:3000",
    "LOCALHOST:3000",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::1]:3000",
    "[::ffff:127.0.0.1]:80",
    "switch.example.com",
    "switch.svc.cluster.local.",
    "my_service:3000",
    "xn--zrich-kva.example",
]

# 40 ways to make a URL built from Host say another path or another host (CVE-2026-48710)
BAD = [
    "",
    "x/public",
    "x/public?",
    "x/health?a=",
    "x/health#",
    "a#",
    "a?",
    "a?b",
    "a/",
    "/",
    "//",
    "@",
    "a@b",
    "user:pass@host",
    "host@/health",
    "a b",
    "a,b",
    "a;b",
    "a\\b",
    "\\health",
    "a%2fhealth",
    "%00",
    "a'b",
    'a"b',
    "<a>",
    "a{b}",
    "a|b",
    "a^b",
    "a`b",
    "a(b)",
    "a*b",
    "a!b",
    "a$b",
    "a&b",
    "a=b",
    "a+b",
    "host:",
    "host:80:80",
    "host:http",
    "host:99999",
    "host:-1",
    "[::1",
    "::1",
    "[::1]x",
    "[::1%25eth0]",
    "-host",
    ".host",
    "h\xf6st",
    "h" * 300,
]
ADMIN = ["/admin/providers/status", "/admin/providers/lite/a/reset", "/metrics", "/health"]


@pytest.mark.parametrize("host", GOOD)
def test_a_name_or_address_with_a_port_is_taken(host: str) -> None:
    hosts = Hosts(frozenset())
    for _ in range(2):  # the second time from memory
        hosts.check([host.encode()], "1.1")


@pytest.mark.parametrize("host", BAD)
def test_anything_else_is_refused(host: str) -> None:
    hosts = Hosts(frozenset())
    for _ in range(2):
        with pytest.raises(Fault, match="header host"):
            hosts.check([host.encode("latin-1")], "1.1")


def test_the_memory_of_names_is_bounded_and_changes_no_verdict() -> None:
    hosts = Hosts(frozenset({"*.example.com"}))
    for number in range(2 * KNOWN):
        hosts.check([b"n%d.example.com" % number], "1.1")
    with pytest.raises(Fault, match="header host"):
        hosts.check([b"n1.example.org"], "1.1")
    assert len(hosts._known) == KNOWN


@pytest.mark.parametrize("host", BAD)
async def test_a_bad_host_is_400_before_routing_and_before_the_key(door: Door, host: str) -> None:
    for path in ADMIN:
        raw = request_bytes(path, method="GET", host=host, x_api_key="admin-key")
        answer = await exchange(door.port, raw)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"qwen3" not in answer
    assert door.backend.calls == []


async def test_one_host_is_sent_exactly_once(door: Door) -> None:
    whole = request_bytes("/health", method="GET")
    for raw in (whole.replace(b"host: gateway\r\n", b""), whole.replace(b"host:", b"host: a\r\nhost:")):
        answer = await exchange(door.port, raw)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"x-request-id" in answer


async def test_a_probe_by_http_1_0_may_leave_it_out(door: Door) -> None:
    assert b" 200 OK" in await exchange(door.port, b"GET /health HTTP/1.0\r\n\r\n")


class TestAllowedHosts:
    @pytest.fixture
    def settings(self) -> HttpSettings:
        return HttpSettings(allowed_hosts=frozenset({"switch.local", "*.example.com"}))

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("switch.local:3000", 200),
            ("SWITCH.local", 200),
            ("a.example.com", 200),
            ("example.com", 400),
            ("evilexample.com", 400),
            ("other", 400),
        ],
    )
    async def test_only_listed_names_are_served(self, door: Door, host: str, status: int) -> None:
        assert (await door.client.get("/health", headers={"host": host})).status_code == status
