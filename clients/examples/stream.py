"""Answers as they come, several at a time: `python clients/examples/stream.py [ROUTE]`."""

# ruff: noqa: T201 (an example prints)

import asyncio
import os
import sys

from switch_client import AsyncSwitch, RateLimited, SwitchError

ROUTE = sys.argv[1] if len(sys.argv) > 1 else "demo"
TARGET = os.environ.get("SWITCH_TARGET", "localhost:50051")
QUESTIONS = ["What is a gateway?", "What is a route?", "What is a breaker?"]


async def ask(client: AsyncSwitch, question: str) -> str:
    """The whole answer, or what went wrong."""
    pieces = []
    try:
        async with client.stream_chat(ROUTE, question, timeout=30) as stream:
            async for piece in stream.text():
                pieces.append(piece)  # noqa: PERF401 (an error must leave what has come)
    except RateLimited as error:
        return f"busy; try again in {error.retry_after or 1:.0f} s"
    except SwitchError as error:  # StreamInterrupted: `pieces` are not the whole answer
        return f"failed after {len(pieces)} pieces: {error}"
    return "".join(pieces)


async def main() -> None:
    async with AsyncSwitch(TARGET, api_key=os.environ.get("SWITCH_API_KEY")) as client:
        answers = await asyncio.gather(*(ask(client, question) for question in QUESTIONS))
    for question, answer in zip(QUESTIONS, answers, strict=True):
        print(f"{question}\n  {answer}")


asyncio.run(main())
