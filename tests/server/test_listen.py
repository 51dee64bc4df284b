"""Addresses that cannot be listened on, and what the message says of each."""

import socket
from pathlib import Path

import pytest

from switch_grpc.server import listen
from switch_grpc.server.listen import ListenError


def test_a_taken_port_is_told_with_who_could_free_it():
    with listen.tcp("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{port}: .*in use; stop what uses it"):
            listen.tcp("127.0.0.1", port)


def test_an_address_of_another_machine_is_not_called_taken():
    with pytest.raises(ListenError, match="choose an address of this machine"):
        listen.tcp("192.0.2.1", 0)


def test_a_host_that_does_not_resolve_is_told_in_words():
    with pytest.raises(ListenError) as raised:
        listen.tcp("::zz", 0)
    assert "Unknown error" not in str(raised.value)
    assert "stop what uses it" not in str(raised.value)


def test_a_socket_gets_its_folder_and_its_mode(tmp_path: Path):
    path = tmp_path / "a" / "h.sock"
    with listen.unix(path, 0o620) as sock:
        assert sock.family is socket.AF_UNIX
        assert path.stat().st_mode & 0o777 == 0o620
        assert path.parent.stat().st_mode & 0o777 == 0o750


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenError, match=r"cannot make the folder .*/file/x .*; choose another path"):
        listen.unix(tmp_path / "file" / "x" / "h.sock", 0o600)
