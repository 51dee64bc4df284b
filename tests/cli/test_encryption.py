"""`switch chat`, `status` and `reset` at a gateway with TLS, which may ask for a certificate."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from switch_grpc.__main__ import main
from tests.support.gateway import KEY, Running, route, running, target


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a certificate by it."""
    folder, authority = tmp_path_factory.mktemp("pem"), trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    made.private_key_pem.write_to_path(folder / "key.pem")
    for blob in made.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return folder


@pytest.fixture
async def gateway(pem: Path) -> AsyncIterator[Running]:
    tls = {"certFile": pem / "cert.pem", "keyFile": pem / "key.pem", "clientCaFile": pem / "ca.pem"}
    server = {"tls": {key: str(path) for key, path in tls.items()}}
    async with running({"lite": route(target("only"))}, server=server) as made:
        yield made


def options(pem: Path, *names: str) -> list[str]:
    wishes = {
        "ca": ["--ca", str(pem / "ca.pem")],
        "cert": ["--cert", str(pem / "cert.pem"), str(pem / "key.pem")],
    }
    return ["--key", KEY, *(word for name in names for word in wishes[name])]


async def switch(*words: str) -> int:
    return await asyncio.to_thread(main, list(words))


async def test_with_authority_and_certificate_every_command_is_let_in(
    gateway: Running, pem: Path, capsys: pytest.CaptureFixture[str]
):
    given, grpc = options(pem, "ca", "cert"), ("--grpc", gateway.grpc)
    http = gateway.http.partition("://")[2]
    assert await switch("status", *grpc, *given) == 0
    assert await switch("reset", "lite", *grpc, *given) == 0
    assert await switch("chat", "lite", "Hello", *grpc, *given) == 0
    assert await switch("chat", "lite", "Hello", "--http", http, *given) == 0
    assert await switch("chat", "lite", "Hello", "--http", f"https://{http}", *given) == 0
    assert capsys.readouterr().out.count("You said: Hello") == 3


@pytest.mark.parametrize("given", [("ca",), ("cert",)])
async def test_without_either_nobody_is_let_in(gateway: Running, pem: Path, given: tuple[str, ...]):
    http = gateway.http.partition("://")[2]
    assert await switch("status", "--grpc", gateway.grpc, *options(pem, *given), "--timeout", "3") == 1
    assert await switch("chat", "lite", "Hello", "--http", http, *options(pem, *given)) == 1


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--ca", "nowhere.pem"])
    assert "argument --ca: 'nowhere.pem': No such file or directory" in capsys.readouterr().err
