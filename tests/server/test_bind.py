import socket
import stat
from pathlib import Path

import grpc
import pytest
import trustme

from switch_grpc.server.bind import TlsFiles, bind
from switch_grpc.server.build import build_server, health_of_services
from switch_grpc.server.listen import ListenError
from tests.support.grpc_calls import HELLO, KEY, channel_to, switch_of
from tests.support.scripted_backend import chat_reply
from tests.support.scripted_engine import ScriptedEngine, serving


def server() -> grpc.aio.Server:
    return build_server(ScriptedEngine(), health=health_of_services())


async def test_port_0_becomes_a_port():
    host, _, port = bind(server(), "127.0.0.1:0").rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_a_taken_port_is_an_error_that_names_it():
    """By default grpc binds with SO_REUSEPORT, and a second gateway takes half of the calls in silence."""
    async with serving(ScriptedEngine()) as address:
        with pytest.raises(ListenError, match=address):
            bind(server(), address)


@pytest.mark.parametrize("listener", ["", "50051", ":50051", "host:", "host:http", "host:70000", "unix:"])
async def test_what_is_no_address_is_refused_by_name(listener: str):
    with pytest.raises(ListenError, match="cannot listen on"):
        bind(server(), listener)


async def test_calls_come_over_a_unix_socket_that_only_we_may_use(tmp_path: Path):
    path = tmp_path / "run" / "switch.sock"
    async with serving(ScriptedEngine(chat_reply()), f"unix:{path}") as address:
        assert address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
        async with channel_to(address) as channel:
            assert await switch_of(channel).Chat(HELLO, metadata=KEY) == chat_reply()


async def test_a_live_socket_is_not_taken_from_its_owner(tmp_path: Path):
    async with serving(ScriptedEngine(chat_reply()), f"unix:{tmp_path}/s") as address:
        with pytest.raises(ListenError, match="in use"):
            bind(server(), address)
        async with channel_to(address) as channel:
            await switch_of(channel).Chat(HELLO, metadata=KEY)


async def test_a_socket_that_nobody_answers_on_is_replaced(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    async with (
        serving(ScriptedEngine(chat_reply()), f"unix:{tmp_path}/s") as address,
        channel_to(address) as channel,
    ):
        await switch_of(channel).Chat(HELLO, metadata=KEY)


async def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path):
    with pytest.raises(ListenError, match="107 bytes"):
        bind(server(), f"unix:{tmp_path}/{'x' * 120}")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def files(authority: trustme.CA, folder: Path, *, client_ca: bool = False) -> TlsFiles:
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    tls = TlsFiles(
        cert=folder / "cert.pem", key=folder / "key.pem", client_ca=folder / "ca.pem" if client_ca else None
    )
    tls.cert.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    tls.key.write_bytes(certificate.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return tls


async def ask(address: str, credentials: grpc.ChannelCredentials) -> object:
    async with grpc.aio.secure_channel(address, credentials) as channel:
        return await switch_of(channel).Chat(HELLO, metadata=KEY, timeout=5)


async def test_tls_serves_those_who_trust_its_authority(authority: trustme.CA, tmp_path: Path):
    trusting = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    strange = grpc.ssl_channel_credentials(trustme.CA().cert_pem.bytes())
    async with serving(ScriptedEngine(chat_reply()), tls=files(authority, tmp_path)) as address:
        assert await ask(address, trusting) == chat_reply()
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(address, strange)
        async with channel_to(address) as plain:
            with pytest.raises(grpc.aio.AioRpcError):
                await switch_of(plain).Chat(HELLO, metadata=KEY, timeout=5)


async def test_a_certificate_of_the_callers_is_demanded_where_an_authority_is_given(
    authority: trustme.CA, tmp_path: Path
):
    own = authority.issue_cert("caller")
    with_own = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(), own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes()
    )
    without = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    tls = files(authority, tmp_path, client_ca=True)
    async with serving(ScriptedEngine(chat_reply()), tls=tls) as address:
        assert await ask(address, with_own) == chat_reply()
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(address, without)


async def test_a_new_certificate_is_served_without_a_restart(authority: trustme.CA, tmp_path: Path):
    trusting = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    tls = files(authority, tmp_path)
    second = trustme.CA()
    async with serving(ScriptedEngine(chat_reply()), tls=tls) as address:
        await ask(address, trusting)
        files(second, tmp_path)
        assert await ask(address, grpc.ssl_channel_credentials(second.cert_pem.bytes())) == chat_reply()


async def test_files_that_vanish_leave_the_old_certificate_in_place(authority: trustme.CA, tmp_path: Path):
    trusting = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    tls = files(authority, tmp_path)
    async with serving(ScriptedEngine(chat_reply()), tls=tls) as address:
        tls.cert.unlink()
        assert await ask(address, trusting) == chat_reply()


async def test_a_missing_certificate_is_an_error_at_the_start(tmp_path: Path):
    tls = TlsFiles(cert=tmp_path / "none.pem", key=tmp_path / "none.key")
    with pytest.raises(FileNotFoundError, match=r"none\.pem"):
        bind(server(), "127.0.0.1:0", tls=tls)
