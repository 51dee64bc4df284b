"""The log's thread: what a reader of the log may do to the gateway, which is nothing."""

import asyncio
import fcntl
import io
import json
import os
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from switch_grpc.events import ConfigReloaded
from switch_grpc.observers import log
from switch_grpc.observers.log import AccessLog

pytestmark = pytest.mark.timing

RELOADED = ConfigReloaded(version="v" * 200, source="s", problems=0)


def access_log(stream: TextIO) -> AccessLog:
    return AccessLog(stream, wall=lambda: 0.0)


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe that holds one page, and the stream that writes to it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(writing, "w") as stream:
        yield reading, stream
    os.close(reading)


def read(reading: int, count: int) -> list[dict[str, object]]:
    """The next so many lines, or what came of them in 5 s."""
    data, ends = b"", time.monotonic() + 5
    os.set_blocking(reading, False)
    while data.count(b"\n") < count and time.monotonic() < ends:
        try:
            data += os.read(reading, 1 << 20)
        except BlockingIOError:
            time.sleep(0.005)
    return [json.loads(line) for line in data.splitlines()]


async def test_a_line_is_written_soon_and_without_anyone_asking():
    stream = io.StringIO()
    access_log(stream)(RELOADED)
    async with asyncio.timeout(5):
        while not stream.getvalue():  # noqa: ASYNC110  # a stream has no event
            await asyncio.sleep(0.02)
    assert json.loads(stream.getvalue())["time"] == "1970-01-01T00:00:00.000+00:00"


async def test_closing_writes_what_is_pending():
    stream = io.StringIO()
    made = access_log(stream)
    made(RELOADED)
    made(RELOADED)
    made.close()
    assert len(stream.getvalue().splitlines()) == 2


async def test_a_reader_that_stalls_keeps_nobody_waiting(pipe: tuple[int, TextIO]):
    _, stream = pipe
    made = access_log(stream)
    longest = 0.0
    for _ in range(6):
        for _ in range(100):
            made(RELOADED)
        began = time.monotonic()
        await asyncio.sleep(0.1)
        longest = max(longest, time.monotonic() - began)
    began = time.monotonic()
    made.close(0.1)
    assert time.monotonic() - began < 2.0
    assert longest < 2.0


async def test_lines_past_the_limit_push_out_the_oldest_and_are_counted(
    pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
):
    reading, stream = pipe
    monkeypatch.setattr(log, "PENDING_LIMIT", 50)
    monkeypatch.setattr(log, "FLUSH_SECONDS", 0.01)
    made = access_log(stream)
    for _ in range(40):
        made(RELOADED)
    while made._pending:  # noqa: ASYNC110  # until the writer has taken them, and stands
        await asyncio.sleep(0.01)
    for number in range(200):
        made(ConfigReloaded(version=str(number), source="s", problems=0))
    assert made.dropped == 150
    lines = await asyncio.to_thread(read, reading, 91)
    assert [line.get("version") for line in lines[41:]] == [str(number) for number in range(150, 200)]
    assert (lines[40]["event"], lines[40]["dropped"]) == ("log", 150)


async def test_lines_for_a_reader_that_is_gone_are_counted():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        made = access_log(stream)
        made(RELOADED)
        made.close()
    assert made.dropped == 1


async def test_a_pipe_that_does_not_block_loses_nothing(pipe: tuple[int, TextIO]):
    """Whoever shares standard output may have set it so."""
    reading, stream = pipe
    os.set_blocking(stream.fileno(), False)
    made = access_log(stream)
    for _ in range(100):
        made(RELOADED)
    assert len(await asyncio.to_thread(read, reading, 100)) == 100
    assert made.dropped == 0
