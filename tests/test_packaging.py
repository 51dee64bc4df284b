"""What a user installs: the wheel, its metadata, the locks and the image's recipe."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import switch_grpc

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-all.lock", "requirements-dev.lock")
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; .*)? \\$", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return zipfile.ZipFile(made)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (entry,) = (n for n in wheel.namelist() if n.endswith(f".dist-info/{name}"))
    return wheel.read(entry).decode()


@pytest.fixture(scope="module")
def about(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(metadata(wheel, "METADATA"))


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {t for t in tops if not t.endswith(".dist-info")} == {
        "switch_grpc",
        "http_facade",
        "switch_client",
    }


def test_the_wheel_holds_the_generated_stubs_with_their_types(wheel: zipfile.ZipFile) -> None:
    assert {"switch_grpc/v1/switch_pb2_grpc.py", "switch_grpc/v1/switch_pb2.pyi"} <= set(wheel.namelist())


def test_the_packages_say_that_they_are_typed(wheel: zipfile.ZipFile) -> None:
    typed = {"switch_grpc/py.typed", "http_facade/py.typed", "switch_client/py.typed"}
    assert typed <= set(wheel.namelist())


def test_a_plain_install_brings_what_stubs_and_client_need_and_no_more(about: Message) -> None:
    plain = [Requirement(text) for text in about.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert {r.name for r in plain} == {"grpcio", "protobuf", "googleapis-common-protos"}


def test_the_extra_all_is_every_other_extra(about: Message) -> None:
    (everything,) = (Requirement(text) for text in EXTRAS["all"])
    assert everything.extras == EXTRAS.keys() - {"all"}
    assert set(about.get_all("Provides-Extra", [])) == EXTRAS.keys()


def test_the_wheel_installs_the_switch_command(wheel: zipfile.ZipFile) -> None:
    assert "switch = switch_grpc.__main__:main" in metadata(wheel, "entry_points.txt")


def test_the_version_stands_in_one_number(about: Message) -> None:
    assert about["Version"] == switch_grpc.__version__ == PROJECT["project"]["version"]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_folder(lock: str) -> None:
    """Whoever installs it chooses the index; the hashes make sure that it is the same package."""
    text = (ROOT / lock).read_text()
    assert re.search(r"://|--index|--find-links|@ |[\s(]/\w", text) is None


def test_the_locks_agree_on_every_version() -> None:
    """One environment takes all of them."""
    largest = pins("requirements-dev.lock").items()
    assert [lock for lock in LOCKS if not largest >= pins(lock).items()] == []
    assert pins("requirements-all.lock").items() > pins("requirements.lock").items()


def direct(extras: list[str]) -> list[Requirement]:
    texts = [*PROJECT["project"]["dependencies"], *(text for extra in extras for text in EXTRAS[extra])]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ["server"]),
        ("requirements-all.lock", sorted(EXTRAS.keys() - {"all"})),
        ("requirements-dev.lock", sorted(EXTRAS.keys() - {"all"})),
    ],
)
def test_a_lock_satisfies_pyproject(lock: str, extras: list[str]) -> None:
    locked = pins(lock)
    assert [str(r) for r in direct(extras) if not r.specifier.contains(locked.get(r.name, "0"))] == []


def instructions() -> list[tuple[str, list[str]]]:
    """The Dockerfile's instructions with their words, continuation lines joined."""
    text = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], shlex.split(line)[1:]) for line in lines]


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    copied = [words[:-1] for name, words in instructions() if name == "COPY" and "--from" not in words[0]]
    sources = [source for words in copied for source in words]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert [s for s in sources if not (ROOT / s).exists()] == []
    assert [s for s in sources if f"!{s}" not in allowed] == []


def test_the_image_does_not_run_as_root() -> None:
    assert [words for name, words in instructions() if name == "USER"] == [["65532:65532"]]


def test_the_image_installs_by_hash_only() -> None:
    installs = [" ".join(words) for name, words in instructions() if name == "RUN"]
    commands = [c for run in installs for c in run.split("&&") if " install " in c and "--no-index" not in c]
    assert len(commands) == 2
    assert all("--require-hashes --no-deps --only-binary :all:" in c for c in commands)


def test_the_image_takes_the_lock_that_its_build_is_told() -> None:
    told = [words[0] for name, words in instructions() if name == "ARG"]
    assert "LOCK=requirements.lock" in told
    text = (ROOT / "deploy/Dockerfile").read_text()
    for lock in re.findall(r"\bLOCK=(\S+)", text):
        assert lock in LOCKS
    assert "-r ${LOCK}" in text


def test_ci_and_build_scripts_may_be_executed() -> None:
    for script in (".ci/run", "tests/real/build_llama_server.sh"):
        assert os.access(ROOT / script, os.X_OK), script
        subprocess.run(["bash", "-n", ROOT / script], check=True)
