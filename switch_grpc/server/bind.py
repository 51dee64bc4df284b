"""Where the gRPC server listens: HOST:PORT or unix:PATH, plain or TLS."""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from switch_grpc.server.listen import ListenError, clear_stale, make_folder

log = logging.getLogger(__name__)

UNIX: Final = "unix:"
_LONGEST_PATH = 107  # bytes in sockaddr_un.sun_path, less the final NUL


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files. With `client_ca`, callers need a certificate that it signed."""

    cert: Path
    key: Path
    client_ca: Path | None = None


def bind(
    server: grpc.aio.Server, listener: str, *, tls: TlsFiles | None = None, socket_mode: int = 0o600
) -> str:
    """Binds `listener` and returns it, with the port that port 0 became.

    `unix:PATH` makes the socket with `socket_mode`, and its folder (0750) where there is none. Raises
    ListenError where the address is malformed or taken, OSError where a file cannot be read.
    """
    credentials = None if tls is None else server_credentials(tls)
    if listener.startswith(UNIX):
        return _bind_unix(server, Path(listener.removeprefix(UNIX)), credentials, socket_mode)
    host, _, port = listener.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ListenError(f"cannot listen on {listener!r}: expected HOST:PORT, [IPV6]:PORT or unix:PATH")
    return f"{host}:{_add(server, listener, credentials)}"


def _bind_unix(
    server: grpc.aio.Server, path: Path, credentials: grpc.ServerCredentials | None, mode: int
) -> str:
    if not path.name or len(os.fsencode(path)) > _LONGEST_PATH:
        raise ListenError(f"cannot listen on unix:{path}: expected a path of 1 to {_LONGEST_PATH} bytes")
    make_folder(path)
    clear_stale(path)  # grpc itself would unlink a live socket, and take its callers without a word
    with _umask(0o777 & ~mode):
        _add(server, f"{UNIX}{path}", credentials)
    path.chmod(mode)
    return f"{UNIX}{path}"


def _add(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:  # grpc says no more than that it failed
        raise ListenError(
            f"cannot listen on {address}: it is in use, is no address of this machine, or needs privileges; "
            "stop what uses it or choose another address"
        ) from error


def server_credentials(tls: TlsFiles) -> grpc.ServerCredentials:
    """Credentials that read the files again at a handshake after they changed: rotation needs no restart.

    Files that cannot be read then are logged, and the old certificate stays.
    """
    stamp = _stamp(tls)
    first = _certificates(tls)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """Called by grpc, in a thread of its own, at each handshake."""
        nonlocal stamp
        try:
            now = _stamp(tls)
            if now == stamp:
                return None
            fresh = _certificates(tls)
        except OSError as error:
            log.error("tls: the old certificate stays: %s", error)  # noqa: TRY400 (it names the file)
            return None
        stamp = now
        log.info("tls: certificate %s loaded again", tls.cert)
        return fresh

    return grpc.dynamic_ssl_server_credentials(
        first,
        fetch,  # type: ignore[arg-type]  # None, "no change", is missing in the stubs
        require_client_authentication=tls.client_ca is not None,
    )


def _certificates(tls: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(tls.key.read_bytes(), tls.cert.read_bytes())],
        root_certificates=None if tls.client_ca is None else tls.client_ca.read_bytes(),
    )


def _stamp(tls: TlsFiles) -> tuple[tuple[int, int], ...]:
    """Changes whenever one of the files does, by writing or by swapping a link (as Kubernetes does)."""
    stats = [path.stat() for path in (tls.cert, tls.key, tls.client_ca) if path is not None]
    return tuple((s.st_ino, s.st_mtime_ns) for s in stats)


@contextmanager
def _umask(mask: int) -> Generator[None, None, None]:
    """The whole process's, so for start-up only."""
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)
