"""A package that only the extra `server` brings, where just the client was installed."""

import sys
from typing import Final

OWN: Final = ("switch_grpc", "http_facade", "switch_client")
MISSING: Final = """\
switch: the package {name!r} is not installed.
The gateway and this command need the extra `server`; install it with

    pip install 'switch-gateway[server]'
"""


def tell_missing(error: ModuleNotFoundError) -> int:
    """Says what to install; the exit status. A module of our own that is missing is raised again."""
    if (error.name or "").partition(".")[0] in OWN:
        raise error
    sys.stderr.write(MISSING.format(name=error.name))
    return 1
