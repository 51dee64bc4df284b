"""The examples run as they stand."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from switch_grpc.v1 import chat_pb2
from tests.support.scripted_backend import chat_reply, chat_stream
from tests.support.scripted_engine import ScriptedEngine, serving

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "clients/examples"


async def output(name: str, engine: ScriptedEngine) -> str:
    async with serving(engine) as address:
        path = os.pathsep.join([str(ROOT), str(ROOT / "clients/python")])
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", EXAMPLES / f"{name}.py", "lite"),
            env=os.environ | {"SWITCH_TARGET": address, "SWITCH_API_KEY": "admin-key", "PYTHONPATH": path},
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await program.communicate()
    assert program.returncode == 0
    return told.decode()


async def test_chat_prints_the_answer_and_who_gave_it():
    assert await output("chat", ScriptedEngine(chat_reply())) == "Hello\n-- a (openai), 5 tokens, 12 ms\n"


async def test_stream_prints_every_answer():
    assert (await output("stream", ScriptedEngine(*chat_stream()))).count("Hello") == 3


async def test_tools_answers_the_models_call():
    class Asks(ScriptedEngine):
        async def unary(self, permit, head, body):  # type: ignore[no-untyped-def,override]
            request = body.message()
            self.requests.append(request)
            if len(request.messages) > 1:
                return chat_reply(request.messages[-1].content)
            call = chat_pb2.FunctionCall(name="weather", arguments='{"city": "Oslo"}')
            reply = chat_reply()
            reply.choices[0].message.tool_calls.add(id="1").function.CopyFrom(call)
            return reply

    engine = Asks()
    told = await output("tools", engine)
    assert told == '-> weather({"city": "Oslo"})\nIt is sunny in Oslo.\n'
    assert [message.tool_call_id for message in engine.requests[1].messages] == ["", "", "1"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_every_example_has_a_test(file: Path):
    assert file.stem in {"chat", "stream", "tools"}
