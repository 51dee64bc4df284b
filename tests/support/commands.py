"""`switch …` as a process of its own, as an operator runs it."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import KEY

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0  # seconds; the first process of a run may have to compile every module


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str


class Command:
    """A running command; `out` and `err` are what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out = self.err = ""
        self._more = asyncio.Condition()
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._keep(process.stdout, "out")),
            asyncio.create_task(self._keep(process.stderr, "err")),
        ]

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def says(self, pattern: str) -> re.Match[str]:
        """The first match in what it printed or will print; AssertionError if it ends before."""
        async with asyncio.timeout(PATIENCE), self._more:
            while True:
                for text in (self.out, self.err):
                    if match := re.search(pattern, text, re.MULTILINE):
                        return match
                ended = all(reader.done() for reader in self._readers)
                assert not ended, f"it ended without saying {pattern!r}: {self.out!r} {self.err!r}"
                await self._more.wait()

    def stop_reading(self) -> None:
        """Closes this end of its output: what it writes there from now on is an error to it."""
        transport = self.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        transport.close()

    async def end(self) -> Finished:
        """Waits for it to end by itself."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(self.process.wait(), *self._readers)
        return Finished(self.process.returncode or 0, self.out, self.err)

    async def _keep(self, stream: asyncio.StreamReader, name: str) -> None:
        while data := await stream.read(65536):
            async with self._more:
                setattr(self, name, getattr(self, name) + data.decode())
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()


@asynccontextmanager
async def switch(*words: str | Path, cwd: Path, **environ: str) -> AsyncIterator[Command]:
    """`switch WORDS`; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "switch_grpc",
        *map(str, words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(cwd),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "clients/python"))),
            "ADMIN_API_KEY": KEY,
            **environ,
        },
    )
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.kill()
        await command.end()


async def ran(*words: str | Path, cwd: Path, **environ: str) -> Finished:
    """`switch WORDS`, to its end."""
    async with switch(*words, cwd=cwd, **environ) as command:
        return await command.end()


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway in a process of its own."""

    command: Command
    config: Path
    http: str
    grpc: str


def written(folder: Path, models: Mapping[str, Any], **top: Any) -> Path:
    """A configuration file with these routes."""
    path = folder / "switch.json"
    path.write_text(json.dumps({"models": models, **top}))
    return path


@asynccontextmanager
async def serving(
    config: Path,
    *words: str,
    http: str = "127.0.0.1:0",
    grpc: str = "127.0.0.1:0",
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Served]:
    """`switch serve --config CONFIG WORDS`, from when both doors are open."""
    where: Sequence[str] = ("--http", http, "--grpc", grpc)
    async with switch(
        "serve", "--config", config, *where, *words, cwd=config.parent, **(environ or {})
    ) as command:
        match = await command.says(r"^HTTP on (\S+), gRPC on (\S+)$")
        yield Served(command, config, match[1], match[2])


@asynccontextmanager
async def mocking(folder: Path) -> AsyncIterator[str]:
    """`switch mock --port 0`; gives its URL, which ends in /v1."""
    async with switch("mock", "--port", "0", cwd=folder) as command:
        yield (await command.says(r"^mock provider on (\S+)$"))[1]


def at(url: str, model: str = "mock", name: str = "one", **settings: Any) -> dict[str, Any]:
    """A target at a mock with this URL."""
    return {"name": name, "provider": "mock", "apiBase": url, "modelName": model, **settings}


def resident_kb(pid: int, field: str = "Rss") -> int:
    """Resident memory of a process; `Pss` counts pages that it shares by its share."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])
