"""Active checks: asks each provider that calls tell nothing of for something that costs nothing.

What they find is told to operators and counts for a pool's `minHealthyProviders`. Breakers do not hear of it:
they count what became of calls, and a list of models answers while the model itself fails, and the other way
round. But a check whose key is refused has it fetched anew, so that a rotated key ends a long pause at once.

Targets that would ask the same of the same place with the same key share one check. A vendor without a free
endpoint (`Vendor.health` None) is not asked at all: what its calls come to is all that is known of it.
"""

import asyncio
import enum
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from switch_grpc.credentials.signer import Signer
from switch_grpc.engine.ask import Wiring
from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import WireRequest
from switch_grpc.routing.states import State
from switch_grpc.routing.target import Target
from switch_grpc.upstream.base import Timers

AT_ONCE: Final = 20
LONGEST: Final = 5.0  # seconds for one check
STANDBY: Final = 1.5  # intervals between two checks of a target that is not first choice
FAILED: Final = 0.5  # intervals while it fails, or its breaker is not closed
JITTER: Final = 0.1
BODY_SECONDS: Final = 1.0
BODY_LIMIT: Final = 2 * 1024 * 1024  # of a list of models; more is not read, and costs the connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a target is asked, and how often. Seconds."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    interval: float = 30.0
    timeout: float = LONGEST
    retries: int = 3  # checks that must fail in a row before the target counts as failing
    standby: bool = False  # not first choice on its route


class _Verdict(enum.Enum):
    WELL = enum.auto()
    FAILING = enum.auto()
    UNDECIDED = enum.auto()  # such as a rate limit: it is there, and no more is known
    NO_ENDPOINT = enum.auto()


class HealthChecks:
    """Runs the checks of one configuration, and of the next after `watch` is called again."""

    def __init__(self, *, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, wirings: Iterable[Wiring], checks: Mapping[Target, Check]) -> None:
        """Checks these targets from now on, and no others."""
        for task in self._tasks:
            task.cancel()
        loop = asyncio.get_running_loop()
        for wiring, targets, check in _shared(wirings, checks):
            task = loop.create_task(self._repeat(wiring, targets, check))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, wiring: Wiring, targets: Sequence[Target], check: Check) -> None:
        """Ends only when the place turns out not to have the endpoint."""
        failures = 0
        await asyncio.sleep(self._rng.uniform(0.0, check.interval))
        while True:
            verdict = _Verdict.UNDECIDED
            if not self._told_by_calls(targets, check):
                async with self._places:
                    verdict = await self._verdict(wiring, check)
            match verdict:
                case _Verdict.NO_ENDPOINT:
                    return
                case _Verdict.WELL:
                    failures = 0
                    self._tell(targets, True)
                case _Verdict.FAILING:
                    failures += 1
                    if failures >= check.retries:
                        self._tell(targets, False)
                case _Verdict.UNDECIDED:
                    pass
                case never:
                    assert_never(never)
            await asyncio.sleep(self._pause(targets, check, failures))

    def _tell(self, targets: Sequence[Target], ok: bool) -> None:
        now = self._clock()
        for target in targets:
            target.checked(ok, now)

    def _told_by_calls(self, targets: Sequence[Target], check: Check) -> bool:
        """Whether calls said within the interval how each of the targets is; then there is nothing to ask."""
        now = self._clock()
        return all(
            now - target.record.settled_at < check.interval and target.breaker.state(now) is State.CLOSED
            for target in targets
        )

    def _pause(self, targets: Sequence[Target], check: Check, failures: int) -> float:
        now = self._clock()
        intervals = STANDBY if check.standby else 1.0
        if failures or any(target.breaker.state(now) is not State.CLOSED for target in targets):
            intervals = FAILED
        return check.interval * intervals * self._rng.uniform(1.0 - JITTER, 1.0 + JITTER)

    async def _verdict(self, wiring: Wiring, check: Check) -> _Verdict:
        """What one check says; a refused key is fetched anew, and another one tried at once."""
        try:
            async with asyncio.timeout(check.timeout):
                signer = await self._signer(wiring)
                status = await self._status(wiring, check, signer)
                if status in (401, 403):
                    renewed = await wiring.store.renew(wiring.signer, signer, self._clock())
                    if renewed is not None:
                        status = await self._status(wiring, check, renewed)
        except TimeoutError:
            return _Verdict.FAILING
        except Fault as fault:
            return _Verdict.UNDECIDED if fault.kind is Kind.LOCAL else _Verdict.FAILING
        return _read(status)

    async def _signer(self, wiring: Wiring) -> Signer:
        now = self._clock()
        return wiring.store.cached(wiring.signer, now) or await wiring.store.signer(wiring.signer, now)

    async def _status(self, wiring: Wiring, check: Check, signer: Signer) -> int:
        timeout = check.timeout
        request = signer.sign(WireRequest(url=check.url, headers=check.headers, body=b"", method="GET"))
        timers = Timers(connect=timeout, head=timeout, idle=timeout)
        exchange = await wiring.upstream.send(request, timers, self._clock() + timeout)
        try:
            # Read to its end, the answer leaves the connection for the next one.
            await exchange.read(self._clock() + BODY_SECONDS, BODY_LIMIT)
        except Fault:
            pass  # the status has told what there was to know
        finally:
            exchange.close()
        return exchange.status


def _read(status: int) -> _Verdict:
    match status:
        case _ if 200 <= status < 300:
            return _Verdict.WELL
        case 404 | 405 | 501:
            return _Verdict.NO_ENDPOINT
        case 401 | 403:
            return _Verdict.FAILING
        case _ if status >= 500:
            return _Verdict.FAILING
        case _:
            return _Verdict.UNDECIDED


def _shared(
    wirings: Iterable[Wiring], checks: Mapping[Target, Check]
) -> list[tuple[Wiring, list[Target], Check]]:
    """The checks to make: those that ask the same are one, as often as the most demanding of them."""
    found: dict[tuple[object, ...], tuple[Wiring, list[Target], Check]] = {}
    for wiring in wirings:
        check = checks.get(wiring.target)
        if check is None:
            continue
        headers = tuple(sorted(check.headers.items()))
        key = (check.url, headers, wiring.signer, id(wiring.store), id(wiring.upstream))
        first, targets, known = found.get(key, (wiring, [], check))
        both = replace(
            known,
            interval=min(known.interval, check.interval),
            standby=known.standby and check.standby,
        )
        found[key] = (first, [*targets, wiring.target], both)
    return list(found.values())
