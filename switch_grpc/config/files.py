"""The files that a configuration names: whether they are there, and hold the certificates they should."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from switch_grpc.config.check_targets import targets_in
from switch_grpc.config.environment import Environment
from switch_grpc.config.problem import Problem, Where, show
from switch_grpc.config.schema import Definitions
from switch_grpc.config.server import Tls


def file_problems(definitions: Definitions, environment: Environment, cwd: Path) -> Iterator[Problem]:
    """What would fail when the gateway starts, or when a reload is taken."""
    tls = definitions.server.tls
    if tls is not None:
        yield from _pair(tls, cwd)
    for where, name in _authorities(definitions, environment):
        yield from _missing(where, name, cwd) or _unusable(
            where, name, "CA certificates, PEM", _verify_by(cwd / name)
        )
    if definitions.catalog.file is not None:
        yield from _missing(("catalog", "file"), definitions.catalog.file, cwd)


def _pair(tls: Tls, cwd: Path) -> list[Problem]:
    """The server's certificate and key."""
    cert, key = ("server", "tls", "certFile"), ("server", "tls", "keyFile")
    return _missing(cert, tls.cert_file, cwd) + _missing(key, tls.key_file, cwd) or _unusable(
        cert,
        tls.cert_file,
        "a certificate chain, PEM, whose private key keyFile holds without a passphrase",
        _serve_with(cwd / tls.cert_file, cwd / tls.key_file),
    )


def _authorities(definitions: Definitions, environment: Environment) -> Iterator[tuple[Where, str]]:
    """Files of CA certificates, with the places that name them."""
    tls = definitions.server.tls
    places: list[tuple[Where, str | None]] = [
        (("server", "tls", "clientCaFile"), None if tls is None else tls.client_ca_file),
        (("egress", "caFile"), definitions.egress.ca_file),
        (("$EGRESS_CA_FILE",), environment.egress.ca_file),
    ]
    places += [
        ((*where, "egress", "caFile"), entry.egress.ca_file) for where, entry in targets_in(definitions)
    ]
    return ((where, name) for where, name in places if name is not None)


def _missing(where: Where, name: str, cwd: Path) -> list[Problem]:
    try:
        there = (cwd / name).is_file()
    except (OSError, ValueError):
        there = False
    found = f"{show(name)}, where no file is"
    return [] if there else [Problem(where, found, "a file that exists", "correct the path")]


def _unusable(where: Where, name: str, expected: str, use: Callable[[], None]) -> list[Problem]:
    try:
        use()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = (error.reason or "not PEM") if isinstance(error, ssl.SSLError) else str(error)
        found = f"{show(name)}, which cannot be used: {reason.replace('_', ' ').lower()}"
        return [Problem(where, found, expected, "correct the file, or the path")]
    return []


def _verify_by(authorities: Path) -> Callable[[], None]:
    return lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(authorities)


def _serve_with(cert: Path, key: Path) -> Callable[[], None]:
    # Without a password of ours OpenSSL would ask the terminal for one.
    return lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
