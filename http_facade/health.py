"""The open paths: /health, /livez, /readyz. They say a state word and nothing else."""

from http_facade.backend import Backend
from http_facade.caller import Caller


class Health:
    """Liveness is that this code runs; readiness is a configuration, and not draining.

    Neither looks at providers: a gateway whose providers are all down should stay up to say so.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def live(self, caller: Caller) -> None:
        await _say(caller, 200, "ok")

    async def ready(self, caller: Caller) -> None:
        if self._backend.ready():
            await _say(caller, 200, "ok")
        else:
            await _say(caller, 503, "unavailable")


async def _say(caller: Caller, status: int, word: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await caller.answer(status, headers, b'{"status":"%s"}' % word.encode("ascii"))
