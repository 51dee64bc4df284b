"""`switch mock` as a process: its line, its signals, its errors, and the same faults under uvloop."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

START = (
    "import argparse, sys; from switch_grpc.cli.mock import add_parser; p = argparse.ArgumentParser(); "
    "add_parser(p.add_subparsers()); a = p.parse_args(); sys.exit(a.run(a))"
)
ROOT = Path(__file__).parents[2]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, "mock", *arguments,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The process once it listens, and its port."""
    process = await start("--port", "0", *arguments)
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(r"mock provider on http://127\.0\.0\.1:(\d+)/v1\n", line)
        assert found is not None, line
        yield process, int(found[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_0_and_nothing_more_to_say(number: signal.Signals):
    async with running("--key", "sk-cli") as (process, port):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1") as client:
            assert (await client.get("/models")).status_code == 401
            assert (await client.get("/models", headers={"x-api-key": "sk-cli"})).status_code == 200
            process.send_signal(number)  # while a connection is kept alive
            out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_a_port_in_use_is_a_clear_error_and_1():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start("--port", str(port))
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (
        f"switch mock: cannot listen on 127.0.0.1:{port}: the port is in use; "
        "stop what listens there, or take another with --port\n"
    )


async def test_an_impossible_address_or_port_is_a_clear_error_too():
    process = await start("--port", "0", "--host", "203.0.113.1")  # a documentation address: nobody's
    _, err = await process.communicate()
    assert process.returncode == 1
    assert b"check --host and --port" in err
    assert b"Traceback" not in err
    process = await start("--port", "70000")
    _, err = await process.communicate()
    assert process.returncode == 2
    assert b"'70000' is no port" in err


def chat(model: str, *, stream: bool) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": stream}
    data = json.dumps(body).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: m\r\ncontent-length: %d\r\n\r\n" % len(data) + data


async def test_resets_and_cuts_work_on_uvloops_transports_too():
    async with running() as (_, port):
        for model, tokens in (("mock;fault=reset", 0), ("mock;fault=rst-mid;after=2", 3)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(chat(model, stream=True))
            for _ in range(tokens):
                await reader.readuntil(b"\n\n\r\n")
            with pytest.raises(ConnectionResetError):
                await reader.read(-1)
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chat("mock;fault=cut;after=1", stream=True))
        assert not (await reader.read(-1)).endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_slow_reader_of_fifty_megabytes_costs_the_process_no_memory():
    async with running() as (process, port):
        statm = Path(f"/proc/{process.pid}/statm")

        def resident() -> int:
            return int(statm.read_text().split()[1]) * resource.getpagesize()

        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        writer.write(chat("mock", stream=False))
        await reader.readuntil(b"\r\n\r\n")
        before = resident()
        writer.write(chat("mock;bytes=50000000", stream=True))
        got = b""
        size = peak = 0
        while not got.endswith(b"0\r\n\r\n"):
            got = await reader.read(65536)
            size, peak = size + len(got), max(peak, resident())
        writer.close()
        assert size > 50_000_000
        assert peak - before < 8_000_000
