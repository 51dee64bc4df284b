"""The client works where only the base dependencies are: at their floors, and at their newest."""

import asyncio
import hashlib
import os
import subprocess
import textwrap
import threading
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.processes import CACHE
from tests.support.scripted_backend import chat_reply, chat_stream
from tests.support.scripted_engine import ScriptedEngine, serving

ROOT = Path(__file__).resolve().parents[2]
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]

FLOOR = [requirement.split(",")[0].replace(">=", "==") for requirement in DEPENDENCIES]

# Everything that the package offers, by both clients. Any warning is an error.
PROGRAM = """
    import asyncio, importlib.util, sys
    import switch_client

    assert importlib.util.find_spec("msgspec") is None, "not a base-only environment"
    target = sys.argv[1]

    with switch_client.Switch(target, api_key="admin-key", timeout=10) as client:
        print(client.chat("lite", "Hello").choices[0].message.content)
        print("".join(client.stream_chat("lite", [{"role": "user", "content": "Hello"}]).text()))
        try:
            client.chat("lite", "Hello", api_key="wrong")
        except switch_client.AuthError as error:
            print(error.reason)

    async def main():
        async with switch_client.AsyncSwitch(target, api_key="admin-key", timeout=10) as client:
            print((await client.chat("lite", "Hello")).choices[0].message.content)
            print((await client.stream_chat("lite", "Hello").response()).choices[0].message.content)
            try:
                await client.chat("lite", "Hello", api_key="wrong")
            except switch_client.AuthError as error:
                print(error.reason)

    asyncio.run(main())
"""


def environment(requirements: list[str]) -> Path:
    """The interpreter of an environment with these and nothing else, made once."""
    folder = CACHE / "base-only" / hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]
    python, stamp = folder / "bin" / "python", folder / "made"
    if not stamp.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--only-binary", ":all:", *requirements], check=True)
        stamp.touch()
    return python


class Talkative(ScriptedEngine):
    """Answers calls and streams, without end."""

    async def unary(self, permit, head, body):  # type: ignore[no-untyped-def,override]
        return chat_reply()


@contextmanager
def gateway() -> Iterator[str]:
    bound: list[str] = []
    up, down = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(Talkative(*chat_stream())) as address:
            bound.append(address)
            up.set()
            await asyncio.to_thread(down.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert up.wait(10)
    try:
        yield bound[0]
    finally:
        down.set()
        thread.join()


def run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    told = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients/python")]),
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [python, "-W", "error", *words],
        env=told,
        cwd=CACHE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


each = pytest.mark.parametrize("requirements", [FLOOR, DEPENDENCIES], ids=["floor", "newest"])


@pytest.mark.timeout(600)
@each
def test_the_client_needs_only_the_base_dependencies(requirements: list[str]):
    python = environment(requirements)
    with gateway() as address:
        ran = run(python, "-c", textwrap.dedent(PROGRAM), address)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["Hello", "Hello", "BAD_KEY"] * 2


@pytest.mark.timeout(600)
@each
def test_so_does_the_list_of_commands(requirements: list[str]):
    ran = run(environment(requirements), "-m", "switch_grpc", "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "run the gateway" in ran.stdout


@pytest.mark.timeout(600)
@each
def test_so_does_the_command_to_chat_but_not_by_http(requirements: list[str]):
    python = environment(requirements)
    chat = ("-m", "switch_grpc", "chat", "lite", "Hello", "--key", "admin-key")
    with gateway() as address:
        by_grpc, by_http = run(python, *chat, "--grpc", address), run(python, *chat, "--http", address)
    assert (by_grpc.returncode, by_grpc.stdout, by_grpc.stderr) == (0, "Hello\n", "")
    assert (by_http.returncode, by_http.stdout) == (1, "")
    assert "pip install 'switch-gateway[server]'" in by_http.stderr
