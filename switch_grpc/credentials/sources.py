"""Where a secret comes from: the environment, a file."""

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from switch_grpc.credentials.signer import Secret
from switch_grpc.faults import Fault, Kind

FILE_MODE_LIMIT: Final = 0o640


class Source(Protocol):
    """A place that holds one secret."""

    async def fetch(self) -> Secret:
        """The secret as it is now. Raises Fault(CREDENTIALS) that names the place and what is wrong."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A place that cannot be read at all; `why` says so."""

    why: str

    async def fetch(self) -> Secret:
        raise Fault(Kind.CREDENTIALS, self.why)


@dataclass(frozen=True, slots=True)
class EnvSource:
    """An environment variable, read anew at each fetch."""

    variable: str
    environ: Mapping[str, str]

    async def fetch(self) -> Secret:
        value = self.environ.get(self.variable, "").strip()
        if not value:
            raise Fault(Kind.CREDENTIALS, f"the environment variable {self.variable} is not set")
        return Secret(value)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that holds the secret alone, such as a mounted Kubernetes secret, or a JSON object with it."""

    path: Path
    field: str | None = None  # the object's member to take; None: the whole file is the secret

    async def fetch(self) -> Secret:
        return await asyncio.to_thread(self._read)

    def _read(self) -> Secret:
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
            value = self.path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(Kind.CREDENTIALS, f"the credential file {self.path} cannot be read") from error
        if mode & ~FILE_MODE_LIMIT:
            raise Fault(
                Kind.CREDENTIALS,
                f"the credential file {self.path} has mode {mode:04o}; make it {FILE_MODE_LIMIT:04o} or less",
            )
        if self.field is not None:
            value = member(value, self.field, f"the credential file {self.path}")
        if not value:
            raise Fault(Kind.CREDENTIALS, f"the credential file {self.path} is empty")
        return Secret(value)


def member(text: str, field: str, place: str) -> str:
    """The member `field` of the JSON object `text`: a string, or an object as its JSON.

    Raises Fault(CREDENTIALS) that names the `place` and the field, and nothing of what is there.
    """
    try:
        value = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get(field)
        if value is not None and bytes(value)[:1] != b"{":
            found = msgspec.json.decode(value, type=str).strip()
        else:
            found = "" if value is None else bytes(value).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        found = ""
    if not found:
        # No cause: msgspec's own words may hold what it read.
        raise Fault(
            Kind.CREDENTIALS, f"{place} is no JSON object with a text in its member {field!r}"
        ) from None
    return found
