"""What a configuration says of the doors, as their servers take it: settings, TLS, bound sockets."""

import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.types import ASGIApp

from http_facade.app import Group
from http_facade.protocol import uvicorn_options
from http_facade.settings import HttpSettings
from switch_grpc.config import effective
from switch_grpc.config.listen import Address
from switch_grpc.server import listen
from switch_grpc.server.bind import TlsFiles
from switch_grpc.server.build import GrpcSettings
from switch_grpc.server.http import HttpServer


def are_local(config: effective.Config) -> bool:
    """Whether only this machine reaches any of them, so that they may say without a key what they serve."""
    listeners = (config.server.http, config.server.grpc, config.admin.listen)
    return all(address.is_local for address in listeners if address is not None)


def http_listeners(config: effective.Config) -> list[tuple[Address, Sequence[Group]]]:
    """Where HTTP is spoken and which routes are there: the public listener first, then the operators' own."""
    if config.admin.listen is None:
        return [(config.server.http, tuple(Group))]
    return [(config.server.http, [Group.INFERENCE]), (config.admin.listen, [Group.ADMIN])]


def http_settings(config: effective.Config) -> HttpSettings:
    server = config.server
    return HttpSettings(docs=are_local(config), allowed_hosts=server.allowed_hosts, max_body=server.max_body)


def grpc_settings(config: effective.Config) -> GrpcSettings:
    options = config.server.grpc_options
    return GrpcSettings(
        admin=config.admin.listen is None,
        reflection=are_local(config),
        gzip=options.gzip,
        max_message=options.max_message,
        max_streams=options.max_streams,
        keepalive_time=options.keepalive,
        keepalive_timeout=options.keepalive_timeout,
        min_ping_interval=options.min_ping_interval,
        max_connection_age=options.max_connection_age,
        max_connection_age_grace=options.max_connection_age_grace,
    )


def tls_files(server: effective.Server) -> TlsFiles | None:
    """The files of the gRPC door's TLS."""
    tls = server.tls
    if tls is None:
        return None
    client_ca = Path(tls.client_ca_file) if tls.client_ca_file else None
    return TlsFiles(cert=Path(tls.cert_file), key=Path(tls.key_file), client_ca=client_ca)


def http_server(app: ASGIApp, sock: socket.socket, server: effective.Server) -> HttpServer:
    """Serves `app` on the socket, with the configuration's TLS."""
    tls = server.tls
    return HttpServer(
        app,
        [sock],
        options=uvicorn_options(),
        cert=tls.cert_file if tls else None,
        key=tls.key_file if tls else None,
        client_ca=tls.client_ca_file if tls else None,
    )


def bound(addresses: Iterable[Address], mode: int) -> list[socket.socket]:
    """A socket for each of them, or for none. Raises ListenError."""
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            if address.is_unix:
                sockets.append(listen.unix(Path(address.path), mode))
            else:
                sockets.append(listen.tcp(address.host, address.port))
    except listen.ListenError:
        for sock in sockets:
            listen.release(sock)
        raise
    return sockets


def told_address(address: Address, sock: socket.socket) -> str:
    """Where it listens, with the port that port 0 became."""
    if address.is_unix:
        return str(address)
    return str(Address(address.host, sock.getsockname()[1]))
