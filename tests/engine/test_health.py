"""Active checks: what they ask, how often, of whom, and what follows from what they find."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import pytest

from switch_grpc.engine.health import AT_ONCE, Check, HealthChecks
from switch_grpc.faults import Fault, Kind
from switch_grpc.routing.route import PoolSpec
from switch_grpc.routing.states import State
from tests.support.engines import ScriptedSource, Story, key_needed, spec, store, story
from tests.support.scripted_upstream import FOREVER, Answer, error, whole
from tests.support.virtual_time import now, virtual

MODELS = Answer((b'{"data":[]}',))
DOWN = Fault(Kind.UPSTREAM_UNREACHABLE, "refused")


@contextmanager
def checking(told: Story, checks: Mapping[str, Check] | None = None) -> Iterator[HealthChecks]:
    """Checks of the story's targets, each at `/models` unless told otherwise."""
    wirings = told.engine._snapshot.wirings
    if checks is None:
        checks = {target.key: Check(url=f"http://{target.key}/v1/models") for target in wirings}
    running = HealthChecks(clock=asyncio.get_running_loop().time, rng=random.Random(7))
    running.watch(wirings.values(), {told.target(name): check for name, check in checks.items()})
    try:
        yield running
    finally:
        for task in running._tasks:
            task.cancel()


async def first_check(told: Story) -> None:
    for _ in range(100):
        if told.upstream.asked:
            return
        await asyncio.sleep(0.5)


def gaps(told: Story) -> list[float]:
    return [late - soon for soon, late in pairwise(told.upstream.at)]


@virtual
async def test_a_check_asks_for_the_models_with_the_targets_key_and_for_nothing_that_is_paid():
    told = story({"a": MODELS}, stores={"a": store(ScriptedSource("sk-1"))})
    with checking(told):
        await asyncio.sleep(30.0)
    (request,) = told.upstream.requests
    assert (request.method, request.url, request.body) == ("GET", "http://a/v1/models", b"")
    assert request.headers["authorization"] == "Bearer sk-1"
    assert told.upstream.open == 0
    assert told.target("a").record.check_ok is True


@virtual
async def test_checks_begin_at_different_times_and_go_on_at_their_interval():
    names = [f"t{number}" for number in range(20)]
    told = story(dict.fromkeys(names, MODELS), *map(spec, names))
    with checking(told):
        await asyncio.sleep(3000.0)
    per_target = [
        [at for at, host in zip(told.upstream.at, told.upstream.asked, strict=True) if host == name]
        for name in names
    ]
    starts = [times[0] for times in per_target]
    assert max(starts) - min(starts) > 20.0
    for times in per_target:
        assert all(27.0 <= late - soon <= 33.0 for soon, late in pairwise(times))


@pytest.mark.parametrize(
    ("answer", "standby", "interval"),
    [(MODELS, False, 30.0), (MODELS, True, 45.0), (DOWN, False, 15.0), (DOWN, True, 15.0)],
)
def test_who_is_second_choice_is_asked_less_and_who_fails_more_often(
    answer: Answer | Fault, standby: bool, interval: float
):
    @virtual
    async def run() -> None:
        told = story({"a": answer})
        with checking(told, {"a": Check(url="http://a/v1/models", standby=standby)}):
            await asyncio.sleep(500.0)
        assert all(0.9 * interval <= gap <= 1.1 * interval for gap in gaps(told))

    run()


@virtual
async def test_a_target_whose_breaker_is_open_is_asked_as_often_as_a_failing_one():
    told = story({"a": MODELS})
    told.target("a").breaker.force_open(now())
    with checking(told):
        await asyncio.sleep(100.0)
    assert all(13.0 <= gap <= 17.0 for gap in gaps(told))


@pytest.mark.parametrize(
    "answer", [DOWN, error(500), error(401), error(403), Answer(wait=FOREVER), Fault(Kind.UPSTREAM_TLS, "")]
)
def test_a_target_that_fails_three_checks_in_a_row_is_unhealthy_and_its_breaker_hears_nothing(
    answer: Answer | Fault,
):
    @virtual
    async def run() -> None:
        told = story({"a": [MODELS, answer, answer, MODELS, answer, answer, answer]})
        with checking(told):
            while told.upstream.count("a") < 7:
                assert told.target("a").healthy(now())
                await asyncio.sleep(1.0)
            await asyncio.sleep(5.0)  # the longest that a check takes
            assert not told.target("a").healthy(now())
        seen = told.target("a").breaker.snapshot(now())
        assert (seen.state, seen.fails, told.moves) == (State.CLOSED, 0, [])

    run()


@virtual
async def test_a_check_takes_five_seconds_at_most_body_and_all():
    told = story({"a": [Answer((b"{", FOREVER)), MODELS]})
    with checking(told):
        await first_check(told)
        await asyncio.sleep(5.0)
        assert told.upstream.open == 0
    assert told.target("a").record.check_ok is True, "the status had told all"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_place_without_the_endpoint_is_not_asked_again(status: int):
    @virtual
    async def run() -> None:
        told = story({"a": error(status)})
        with checking(told):
            await asyncio.sleep(1000.0)
        assert told.upstream.count("a") == 1
        assert told.target("a").healthy(now())
        assert told.target("a").record.check_ok is None

    run()


@pytest.mark.parametrize("status", [400, 402, 429])
def test_some_answers_say_nothing(status: int):
    @virtual
    async def run() -> None:
        told = story({"a": error(status)})
        with checking(told):
            await asyncio.sleep(300.0)
        assert told.upstream.count("a") > 5
        assert told.target("a").record.check_ok is None

    run()


@virtual
async def test_a_target_of_which_calls_tell_is_not_asked():
    told = story({"a": lambda request: MODELS if request.method == "GET" else whole()})
    with checking(told):
        for _ in range(30):
            await told.ask()
            await asyncio.sleep(10.0)
        assert {request.method for request in told.upstream.requests} == {"POST"}
        await asyncio.sleep(100.0)
        assert {request.method for request in told.upstream.requests} == {"POST", "GET"}


@virtual
async def test_twenty_at_once_at_most():
    names = [f"t{number}" for number in range(60)]
    most = 0

    def busy(_: object) -> Answer:
        nonlocal most
        most = max(most, len(told.upstream.asked) - done())
        return Answer(wait=4.0)

    def done() -> int:
        return sum(at <= now() - 3.999 for at in told.upstream.at)

    told = story(dict.fromkeys(names, busy), *map(spec, names))
    with checking(told, {name: Check(url=f"http://{name}/v1/models", interval=1.0) for name in names}):
        await asyncio.sleep(30.0)
    assert most == AT_ONCE == 20


@virtual
async def test_targets_that_would_ask_the_same_share_one_check():
    told = story({"a": MODELS, "b": MODELS, "c": MODELS})
    same = "http://a/v1/models"
    with checking(
        told,
        {
            "a": Check(url=same, standby=True),
            "b": Check(url=same, interval=20.0),
            "c": Check(url=same, headers={"x-org": "other"}),
        },
    ):
        await asyncio.sleep(2000.0)
    assert told.upstream.count("a") == pytest.approx(2000 / 20 + 2000 / 30, abs=3)
    assert {target.record.check_ok for target in told.route.targets} == {True}


@virtual
async def test_a_refused_key_is_fetched_anew_and_ends_a_long_pause():
    source = ScriptedSource("old")
    told = story({"a": key_needed(lambda: "new", whole(), error(401))}, stores={"a": store(source)})
    assert (await told.fault()).kind is Kind.UPSTREAM_AUTH
    with checking(told):
        await asyncio.sleep(25.0)
        assert (await told.fault()).kind is Kind.NO_TARGET
        source.value = "new"
        await asyncio.sleep(30.0)
        assert (await told.ask()).route_info.target == "a"
    assert [move[1:] for move in told.moves] == [
        ("open", "permanent"),
        ("half_open", "renewed"),
        ("closed", "recovered"),
    ]


@virtual
async def test_another_configuration_ends_the_checks_of_the_one_before():
    told = story({"a": MODELS, "b": MODELS})
    with checking(told, {"a": Check(url="http://a/v1/models")}) as running:
        await asyncio.sleep(60.0)
        before = told.upstream.count("a")
        running.watch(
            told.engine._snapshot.wirings.values(), {told.target("b"): Check(url="http://b/v1/models")}
        )
        await asyncio.sleep(600.0)
    assert (told.upstream.count("a"), told.upstream.count("b") > 10) == (before, True)


@virtual
async def test_closing_ends_all():
    told = story({"a": Answer(wait=3.0)})
    with checking(told) as running:
        await first_check(told)
        await running.close()
        assert running._tasks == set()
    assert told.upstream.open == 0


# What a pool makes of it.


@virtual
async def test_a_pool_with_too_few_healthy_targets_is_passed_over_and_asked_again_when_it_is_well():
    told = story(
        {"a": whole(), "b": whole(), "c": whole()},
        pools=[(PoolSpec(id="one", min_healthy=2), ["a", "b"]), (PoolSpec(id="two"), ["c"])],
    )
    assert (await told.ask()).route_info.target == "a"
    told.target("b").checked(False, now())
    info = (await told.ask()).route_info
    assert (info.target, info.fallback_used) == ("c", True)
    told.target("b").checked(True, now())
    info = (await told.ask()).route_info
    assert (info.target, info.fallback_used) == ("a", False)


@virtual
async def test_a_failed_check_that_is_old_or_that_a_call_has_disproved_counts_no_more():
    told = story({"a": whole()})
    target = told.target("a")
    target.checked(False, now())
    assert not target.healthy(now())
    await told.ask()
    assert target.healthy(now())
    target.checked(False, now())
    await asyncio.sleep(target.spec.breaker.reset_timeout + 1.0)
    assert target.healthy(now())
