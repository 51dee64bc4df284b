"""Where a secret comes from: the environment, a file."""

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

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
    """A file that holds nothing but the secret, such as a mounted Kubernetes secret."""

    path: Path

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
        if not value:
            raise Fault(Kind.CREDENTIALS, f"the credential file {self.path} is empty")
        return Secret(value)
