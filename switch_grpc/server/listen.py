"""Sockets for the HTTP door, bound before anything is served, so that a taken address is a clear error."""

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

BACKLOG: Final = 2048


class ListenError(Exception):
    """An address cannot be listened on; the message names it and the remedy."""


def tcp(host: str, port: int) -> socket.socket:
    """A bound TCP socket; not SO_REUSEPORT, with which a second gateway would silently share the traffic."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(_refused(f"{host}:{port}", error)) from error
    sock.setblocking(False)
    return sock


def unix(path: Path, mode: int) -> socket.socket:
    """A bound Unix socket with the given file mode, its folder made (0750) where there is none.

    A stale socket is replaced, a live one is an error.
    """
    make_folder(path)
    clear_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o777 & ~mode)
    try:
        sock.bind(str(path))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(_refused(f"unix:{path}", error)) from error
    finally:
        os.umask(umask)
    sock.setblocking(False)
    return sock


def release(sock: socket.socket) -> None:
    """Closes a bound socket, and removes its file where it has one."""
    if sock.family is socket.AF_UNIX:
        Path(sock.getsockname()).unlink(missing_ok=True)
    sock.close()


def make_folder(path: Path) -> None:
    """The folder that a socket lies in. Raises ListenError."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ListenError(
            f"cannot make the folder {path.parent} for unix:{path}: {error.strerror}; choose another path"
        ) from error


def clear_stale(path: Path) -> None:
    """Removes a socket file that we own and that nobody answers on.

    Raises ListenError when something answers, or the path is no socket, or not ours.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(f"unix:{path} exists and is not a socket; remove it or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex(str(path)) == 0:
            raise ListenError(f"unix:{path} is in use by another process; stop it or choose another path")
    if found.st_uid != os.geteuid():
        raise ListenError(f"unix:{path} belongs to another user; remove it or choose another path")
    path.unlink()


_REMEDIES: Final = {
    errno.EADDRINUSE: "stop what uses it or choose another address",
    errno.EADDRNOTAVAIL: "choose an address of this machine",
    errno.EACCES: "choose an address that this user may use",
    errno.EPERM: "choose an address that this user may use",
}


def _refused(address: str, error: OSError) -> str:
    """Why not, and what to do; a host name that does not resolve is an OSError too."""
    remedy = _REMEDIES.get(error.errno or 0, "choose another address")
    return f"cannot listen on {address}: {error.strerror or error}; {remedy}"
