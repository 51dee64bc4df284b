"""The commands, as they are typed."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from switch_grpc import __version__
from switch_grpc.cli.commands import COMMANDS
from tests.support.commands import ROOT, Served, at, mocking, ran, serving, switch, written
from tests.support.gateway import KEY
from tests.support.raw_http import ask, chat

pytestmark = [pytest.mark.timing, pytest.mark.asyncio(loop_scope="module")]

ANYWHERE = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
MODELS = {
    "lite": "mock",
    "endless": "mock;gap=20;chunks=100000;tag",
    "broken": "mock;fault=cut;after=3",
    "hang": "mock;fault=hang",
    "refusal": "mock;refusal",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    async with mocking(folder) as url:
        models = {name: {"providers": [at(url, model)]} for name, model in MODELS.items()}
        async with serving(written(folder, models)) as made:
            yield made


def door(served: Served, name: str) -> tuple[str, ...]:
    return ("--grpc", served.grpc) if name == "grpc" else ("--http", f"http://{served.http}")


doors = pytest.mark.parametrize("by", ["grpc", "http"])


async def test_the_version_and_the_commands_are_told(tmp_path: Path):
    version, usage = await ran("--version", cwd=tmp_path), await ran("--help", cwd=tmp_path)
    assert (version.code, version.out.strip()) == (0, f"switch {__version__}")
    assert usage.code == 0
    for name in COMMANDS:
        assert re.search(rf"^ +{name} ", usage.out, re.MULTILINE), usage.out


@pytest.mark.parametrize("words", [(), ("srve",), ("serve", "--prot", "1"), ("chat", "lite")], ids=str)
async def test_what_nobody_can_mean_is_exit_2_and_the_usage(tmp_path: Path, words: tuple[str, ...]):
    ended = await ran(*words, cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.startswith("usage: switch")


async def test_a_missing_package_is_told_with_what_to_install(tmp_path: Path):
    """As it is where only the client was installed."""
    hidden = "raise ModuleNotFoundError(\"No module named 'httptools'\", name='httptools')"
    (tmp_path / "httptools.py").write_text(hidden)
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "clients/python")))
    ended = await ran("serve", cwd=tmp_path, PYTHONPATH=path)
    assert ended.code == 1
    assert "'httptools' is not installed" in ended.err
    assert "pip install 'switch-gateway[server]'" in ended.err


async def test_chat_needs_httpx_for_http_alone(tmp_path: Path, served: Served):
    """The client's own dependencies do for gRPC."""
    (tmp_path / "httpx.py").write_text("raise ModuleNotFoundError(\"No module named 'httpx'\", name='httpx')")
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "clients/python")))
    words = ("chat", "lite", "Hello there", "--key", KEY)
    by_grpc = await ran(*words, "--grpc", served.grpc, cwd=tmp_path, PYTHONPATH=path)
    assert (by_grpc.code, by_grpc.err) == (0, "")
    assert "Hello there" in by_grpc.out
    by_http = await ran(*words, "--http", served.http, cwd=tmp_path, PYTHONPATH=path)
    assert (by_http.code, by_http.out) == (1, "")
    assert "'httpx' is not installed" in by_http.err
    assert "pip install 'switch-gateway[server]'" in by_http.err


async def test_demo_once_shows_an_answer_from_any_folder(tmp_path: Path):
    ended = await ran("demo", "--once", *ANYWHERE, cwd=tmp_path, ADMIN_API_KEY="")
    assert (ended.code, ended.err) == (0, "")
    assert "x-used-fallback: true" in ended.out
    assert "x-used-provider: embedded" in ended.out
    (question,) = re.findall(r"^ +(What is .*\?)$", ended.out, re.MULTILINE)
    answer = ended.out.partition(question)[2].strip().splitlines()[0]
    assert len(answer.split()) > 3


async def test_demo_heeds_nothing_of_the_folder_it_runs_in(tmp_path: Path):
    """A newcomer may run it beside a configuration of another project."""
    (tmp_path / "definitions.json").write_text("no JSON")
    (tmp_path / ".env").write_text("SERVER_PORT=nonsense\n")
    ended = await ran(
        "demo", "--once", *ANYWHERE, cwd=tmp_path, MODEL_DEFINITIONS="{", SWITCH_CONFIG="nowhere.json"
    )
    assert (ended.code, ended.err) == (0, "")


async def printed_by(snippet: str, cwd: Path) -> bytes:
    """What the Python of a printed command prints."""
    code = re.search(r'python\S* -c "(.*)"', snippet, re.DOTALL)
    assert code is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code[1].replace("\\\n", "")),
        cwd=cwd,
        env={"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "clients/python")))},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out


async def test_what_demo_tells_to_try_works_as_printed(tmp_path: Path):
    async with switch("demo", *ANYWHERE, cwd=tmp_path) as demo:
        await demo.says("Ctrl-C ends it")
        curl, by_openai, by_stub = (match for match in re.split(r"\n  (?=\w)", demo.out)[1:4])
        address = re.search(r"http://(\S+)/v1/chat/completions", curl)
        body = re.search(r"-d '(.*?)'", curl, re.DOTALL)
        assert address is not None
        assert body is not None
        answer = await ask(address[1], body[1].encode(), x_api_key="")
        assert answer.events[-1] == "data: [DONE]"
        assert "pip install openai" in by_openai
        for snippet in (by_openai, by_stub):
            assert f'{sys.executable} -c "' in snippet
            assert b"Hello" in await printed_by(snippet, tmp_path)
        demo.send(signal.SIGINT)
        assert (await demo.end()).code == 0


async def test_demo_on_a_port_in_use_says_which_and_what_to_do(tmp_path: Path, served: Served):
    ended = await ran("demo", "--once", "--http", served.http, "--grpc", "127.0.0.1:0", cwd=tmp_path)
    assert ended.code == 1
    assert served.http in ended.err
    assert "--http" in ended.err
    assert "Traceback" not in ended.err


@doors
async def test_chat_prints_the_answer(tmp_path: Path, served: Served, by: str):
    ended = await ran("chat", "lite", "Hello there", *door(served, by), "--key", KEY, cwd=tmp_path)
    whole = (await ask(served.http, chat(messages=[{"role": "user", "content": "Hello there"}]))).json
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.strip() == whole["choices"][0]["message"]["content"].strip()


async def test_chat_and_demo_speak_through_unix_sockets_too(tmp_path: Path):
    http, grpc = f"unix:{tmp_path}/http/h.sock", f"unix:{tmp_path}/grpc/g.sock"
    (tmp_path / "http").mkdir(mode=0o700)
    async with switch("demo", "--http", http, "--grpc", grpc, cwd=tmp_path) as demo:
        await demo.says("Ctrl-C ends it")
        for where in (("--http", http), ("--grpc", grpc)):
            ended = await ran("chat", "demo", "Hello there", *where, cwd=tmp_path)
            assert (ended.code, ended.err) == (0, "")
            assert ended.out.strip()
        curl, by_stub = re.split(r"\n  (?=\w)", demo.out)[1:3]
        assert f"curl --unix-socket {tmp_path}/http/h.sock -N http://localhost/v1/chat/completions" in curl
        assert b"Hello" in await printed_by(by_stub, tmp_path)


async def test_chat_goes_through_no_proxy_and_takes_a_bare_address(tmp_path: Path, served: Served):
    """A proxy that the environment names is for the world outside."""
    proxy = {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    words = ("chat", "lite", "Hello there", "--http", served.http, "--key", KEY)
    ended = await ran(*words, cwd=tmp_path, **proxy)
    assert (ended.code, ended.err) == (0, "")


async def test_demo_with_an_address_that_is_none_says_which_flag(tmp_path: Path):
    ended = await ran("demo", "--http", "foo", cwd=tmp_path)
    assert ended.code == 78
    assert "--http" in ended.err
    assert "correct the flag" in ended.err
    assert "Traceback" not in ended.err


@doors
async def test_chat_prints_the_answer_while_it_comes(tmp_path: Path, served: Served, by: str):
    words = ("chat", "endless", "Hello", *door(served, by))
    async with switch(*words, cwd=tmp_path, SWITCH_API_KEY=KEY) as command:
        await command.says(r":3 .*:7 ")
        assert command.process.returncode is None
        command.send(signal.SIGINT)
        assert (await command.end()).code == 130


@doors
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere", "Hello", "--key", KEY), "nowhere"),
        (("lite", "Hello", "--key", "not-a-key-at-all"), "key"),
        (("lite", "Hello"), "key"),
        (("broken", "Hello", "--key", KEY), "broke off"),
        (("hang", "Hello", "--key", KEY, "--timeout", "0.5"), ""),
    ],
    ids=["no route", "a bad key", "no key", "a broken stream", "too late"],
)
async def test_chat_that_fails_says_why_and_exits_1(
    tmp_path: Path, served: Served, by: str, words: tuple[str, ...], told: str
):
    ended = await ran("chat", *words, *door(served, by), cwd=tmp_path)
    assert ended.code == 1
    assert "switch chat: " in ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err


@doors
async def test_chat_prints_a_refusal_too(tmp_path: Path, served: Served, by: str):
    ended = await ran("chat", "refusal", "Hello", *door(served, by), "--key", KEY, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "can't help" in ended.out


async def test_chat_never_takes_a_stream_for_whole_that_is_not(tmp_path: Path):
    """What stands between may have ended it, cleanly."""
    event = b'data: {"choices": [{"delta": {"content": "Once upon"}}]}\n\n'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(event) + event)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ended = await ran("chat", "lite", "Hello", "--http", f"127.0.0.1:{port}", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "Once upon")
    assert "before it was complete" in ended.err


@pytest.mark.parametrize("command", ["chat lite Hello", "status"])
@pytest.mark.parametrize("time", ["0", "-1", "nan", "inf", "soon"])
async def test_a_time_that_nobody_can_wait_is_exit_2(tmp_path: Path, command: str, time: str):
    ended = await ran(*command.split(), f"--timeout={time}", cwd=tmp_path)
    assert ended.code == 2
    assert "argument --timeout: " in ended.err


@pytest.mark.parametrize("words", [("--grpc", "127.0.0.1:1"), ("--http", "http://127.0.0.1:1")], ids=str)
async def test_chat_with_nobody_there_says_so(tmp_path: Path, words: tuple[str, ...]):
    ended = await ran("chat", "lite", "Hello", *words, cwd=tmp_path)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert ended.err.strip()


def definitions(*names: str) -> str:
    return json.dumps({"models": {name: {"providers": [at("http://127.0.0.1:1/v1")]} for name in names}})


async def test_routes_are_told_from_wherever_the_configuration_comes(tmp_path: Path):
    """--config, then SWITCH_CONFIG, then definitions.json in the folder, then MODEL_DEFINITIONS."""
    (tmp_path / "flag.json").write_text(definitions("flag"))
    (tmp_path / "switch.json").write_text(definitions("variable"))
    environ = {"SWITCH_CONFIG": "switch.json", "MODEL_DEFINITIONS": definitions("text")}
    by_flag = await ran("routes", "--config", "flag.json", cwd=tmp_path, **environ)
    by_variable = await ran("routes", cwd=tmp_path, **environ)
    by_text = await ran("routes", cwd=tmp_path, MODEL_DEFINITIONS=definitions("text"))
    (tmp_path / "definitions.json").write_text(definitions("folder"))
    by_folder = await ran("routes", cwd=tmp_path, MODEL_DEFINITIONS=definitions("text"))
    told = [each.out.splitlines()[0] for each in (by_flag, by_variable, by_folder, by_text)]
    assert told == ["flag", "variable", "folder", "text"]
    assert "one  mock mock  priority 1, weight 1" in by_flag.out


async def test_validate_is_0_for_a_good_file_and_78_with_every_problem_for_a_bad_one(tmp_path: Path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(definitions("lite"))
    bad.write_text('{"models": {"lite": {"providers": []}}, "limts": {}}')
    assert (await ran("validate", good, cwd=tmp_path)).code == 0
    for_people, for_machines = (
        await ran("validate", bad, cwd=tmp_path),
        await ran("validate", bad, "--json", cwd=tmp_path),
    )
    assert for_people.code == for_machines.code == 78
    told = for_people.out + for_people.err
    assert "limts" in told
    assert "models.lite" in told
    assert json.loads(for_machines.out)
