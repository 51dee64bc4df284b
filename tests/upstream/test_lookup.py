"""Names become addresses: asked once for many, remembered for seconds, and judged each time."""

import asyncio
import socket

import pytest

from switch_grpc.upstream.addresses import Denied
from switch_grpc.upstream.lookup import REMEMBERED, Address, Lookup, interleaved
from tests.support.virtual_time import now, virtual

V4, V6 = socket.AF_INET, socket.AF_INET6
Row = tuple[int, int, int, str, tuple[object, ...]]


class Names:
    """A name server in place of the loop's."""

    def __init__(self, *addresses: str, seconds: float = 0.0) -> None:
        self.addresses = addresses
        self.seconds = seconds
        self.asked: list[str] = []
        asyncio.get_running_loop().getaddrinfo = self.getaddrinfo  # type: ignore[method-assign,assignment]

    async def getaddrinfo(self, host: str, port: int, *, type: int) -> list[Row]:
        self.asked.append(host)
        await asyncio.sleep(self.seconds)
        if len(host) > 63:
            raise UnicodeError("label empty or too long")  # as the system's does
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(V6 if ":" in each else V4, type, 6, "", (each, port)) for each in self.addresses]


async def found(lookup: Lookup, host: str = "api.example.com") -> list[object]:
    return [each.sockaddr[0] for each in await lookup.find(host, 443)]


@virtual
async def test_a_name_is_asked_about_once_in_some_seconds():
    names, lookup = Names("192.0.2.1"), Lookup(())
    for _ in range(3):
        assert await found(lookup) == ["192.0.2.1"]
    names.addresses = ("192.0.2.2",)
    await asyncio.sleep(REMEMBERED + 0.1)
    assert await found(lookup) == ["192.0.2.2"]
    assert len(names.asked) == 2


@virtual
async def test_who_asks_at_the_same_time_gets_the_same_answer():
    names, lookup = Names("192.0.2.1", seconds=1.0), Lookup(())
    assert await asyncio.gather(*(found(lookup) for _ in range(5))) == [["192.0.2.1"]] * 5
    assert len(names.asked) == 1


@virtual
async def test_who_stops_waiting_leaves_the_answer_to_the_others():
    Names("192.0.2.1", seconds=1.0)
    lookup = Lookup(())
    first, second = asyncio.create_task(found(lookup)), asyncio.create_task(found(lookup))
    await asyncio.sleep(0.5)
    first.cancel()
    assert await second == ["192.0.2.1"]
    assert now() == pytest.approx(1001.0)


@virtual
async def test_a_failure_is_not_remembered():
    names, lookup = Names(), Lookup(())
    with pytest.raises(socket.gaierror):
        await found(lookup)
    names.addresses = ("192.0.2.1",)
    assert await found(lookup) == ["192.0.2.1"]


@virtual
async def test_addresses_in_denied_ranges_are_left_out():
    Names("169.254.169.254", "192.0.2.1")
    assert await found(Lookup(())) == ["192.0.2.1"]
    assert await found(Lookup(("api.example.com",))) == ["169.254.169.254", "192.0.2.1"]


@virtual
async def test_a_name_with_denied_addresses_only_is_denied():
    Names("169.254.169.254")
    with pytest.raises(Denied):
        await found(Lookup(()))


@virtual
async def test_a_denied_literal_is_not_even_asked_about():
    names = Names("192.0.2.1")
    with pytest.raises(Denied):
        await found(Lookup(()), "169.254.169.254")
    assert names.asked == []


@virtual
async def test_a_name_that_cannot_be_one_does_not_resolve():
    Names("192.0.2.1")
    with pytest.raises(socket.gaierror, match="host name"):
        await found(Lookup(()), "a" * 70 + ".localhost")


@virtual
async def test_a_closed_lookup_waits_for_nobody():
    Names("192.0.2.1", seconds=100.0)
    lookup = Lookup(())
    task = asyncio.create_task(found(lookup))
    await asyncio.sleep(1.0)
    await lookup.close()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_second_address_is_of_the_other_family():
    six, four = (
        [Address(V6, (f"::{n}", 80)) for n in range(3)],
        [Address(V4, (f"10.0.0.{n}", 80)) for n in range(2)],
    )
    assert interleaved([*six, *four]) == [six[0], four[0], six[1], four[1], six[2]]
    assert interleaved([*four, *six]) == [four[0], six[0], four[1], six[1], six[2]]
    assert interleaved(four) == four
    assert interleaved([]) == []
