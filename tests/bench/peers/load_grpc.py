"""Load by gRPC, in a process of its own; prints one JSON line.

    python -m tests.bench.peers.load_grpc rate  --target HOST:PORT --conns 8 --rate 80   paced: latency
    python -m tests.bench.peers.load_grpc sizes --target HOST:PORT --out DIRECTORY       for h2load

Throughput is h2load's business, because a grpc.aio client is as slow as the server that it would measure.
`sizes` writes the framed requests that h2load posts, and tells how large true answers to them are: h2load
takes an error for a success, and only the bytes per answer give that away.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import grpc
import uvloop

from switch_grpc.v1 import chat_pb2, switch_pb2_grpc
from tests.bench.peers.percentiles import spread

now = time.perf_counter
_FRAME = 5  # bytes before each message: a flag and its length


def request(model: str, *, usage: bool) -> chat_pb2.ChatRequest:
    """The same as load_http's."""
    made = chat_pb2.ChatRequest(route=model)
    made.messages.add(role=chat_pb2.ROLE_SYSTEM, content="You are a helpful assistant.")
    made.messages.add(role=chat_pb2.ROLE_USER, content="Hello! Say something nice, please.")
    if usage:
        made.stream_options.include_usage = True
    return made


def framed(message: chat_pb2.ChatRequest) -> bytes:
    body = message.SerializeToString()
    return b"\0" + len(body).to_bytes(4, "big") + body


def metadata(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in (h.split("=", 1) for h in options.header))


async def rate(options: argparse.Namespace) -> dict[str, Any]:
    asked, keys = request(options.model, usage=False), metadata(options)
    latencies: list[float] = []
    bad = 0
    begin = now() + 0.2

    async def work(number: int) -> None:
        nonlocal bad
        # a connection each: by default channels to one target share one
        own = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(options.target, own) as channel:
            stub = switch_pb2_grpc.SwitchServiceStub(channel)
            await stub.Chat(asked, metadata=keys)
            due = begin + number / options.rate
            while due <= begin + options.secs:
                since = due
                if (wait := due - now()) > 0:
                    await asyncio.sleep(wait)
                    since = now()
                due += options.conns / options.rate
                try:
                    await stub.Chat(asked, metadata=keys, timeout=options.timeout)
                except grpc.RpcError:
                    bad += 1
                else:
                    latencies.append(now() - since)

    await asyncio.gather(*(work(number) for number in range(options.conns)))
    return {"bad": bad, **spread(latencies)}


async def sizes(options: argparse.Namespace) -> dict[str, Any]:
    """Writes unary.bin and stream.bin to `out`; raises grpc.RpcError if the gateway does not answer them."""
    unary, stream = request(options.model, usage=False), request(options.model, usage=True)
    (options.out / "unary.bin").write_bytes(framed(unary))
    (options.out / "stream.bin").write_bytes(framed(stream))
    async with grpc.aio.insecure_channel(options.target) as channel:
        stub = switch_pb2_grpc.SwitchServiceStub(channel)
        answer = await stub.Chat(unary, metadata=metadata(options), timeout=options.timeout)
        call = stub.StreamChat(stream, metadata=metadata(options), timeout=options.timeout)
        chunks = [chunk async for chunk in call]
    return {
        "unary_bytes": answer.ByteSize() + _FRAME,
        "stream_bytes": sum(chunk.ByteSize() + _FRAME for chunk in chunks),
        "stream_messages": len(chunks),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["rate", "sizes"])
    parser.add_argument("--target", required=True)
    parser.add_argument("--conns", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=20, help="requests per second, all connections together"
    )
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--timeout", type=float, default=15)
    parser.add_argument("--model", default="gpt-4o-mini")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(json.dumps(uvloop.run({"rate": rate, "sizes": sizes}[options.what](options))))


if __name__ == "__main__":
    main()
