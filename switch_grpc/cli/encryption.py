"""How a command speaks TLS to a gateway: whom it trusts, and what it shows of itself."""

import argparse
import ssl
from pathlib import Path

from switch_client import TLS


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tls", action="store_true", help="speak TLS, and trust the usual authorities")
    parser.add_argument("--ca", type=_file, metavar="FILE", help="speak TLS, and trust these (PEM)")
    parser.add_argument(
        "--cert", type=_file, nargs=2, metavar=("CHAIN", "KEY"), help="speak TLS, and show this (PEM)"
    )


def tls_of(options: argparse.Namespace) -> TLS | None:
    """For gRPC; None: plaintext."""
    if not is_wanted(options):
        return None
    chain, key = options.cert or (None, None)
    return TLS(ca=options.ca, cert=chain, key=key)


def context_of(options: argparse.Namespace) -> ssl.SSLContext:
    """For HTTP. Raises ssl.SSLError where a file holds something else than it should."""
    context = ssl.create_default_context(cafile=options.ca)
    if options.cert:
        context.load_cert_chain(*options.cert)
    return context


def is_wanted(options: argparse.Namespace) -> bool:
    return bool(options.tls or options.ca or options.cert)


def _file(name: str) -> str:
    try:
        Path(name).open("rb").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{name!r}: {error.strerror}") from None
    return name
