"""The engine as a whole: routes and their gates, reloads, storms, and nothing kept of calls that are over."""

import asyncio
import gc
import random

import pytest
from google.protobuf.message import Message

from switch_grpc.call import ALL_SCOPES, INFERENCE, Principal
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.request import MessageBody
from switch_grpc.routing.route import FallbackSpec, RouteSpec
from switch_grpc.routing.states import State
from switch_grpc.v1 import admin_pb2
from tests.support.engines import HELLO, Story, head_of, snapshot, spec, story, text_of
from tests.support.scripted_upstream import FOREVER, Answer, Step, error, event, streamed, whole
from tests.support.virtual_time import now, virtual

CUT = Fault(Kind.STREAM_INTERRUPTED, "cut")


async def asking(told: Story, route: str, routes: frozenset[str] | None = None) -> Message:
    """A reply to a key that may use `routes`."""
    permit = Permit(told.call(), Principal("k", frozenset({INFERENCE}), routes), lambda *_: None)
    return await told.engine.unary(permit, head_of(HELLO, route=route), MessageBody(HELLO))


@virtual
async def test_a_route_has_other_names_and_may_take_all_that_are_unknown():
    told = story({"a": whole()}, route=RouteSpec(name="lite", aliases=("light",)))
    assert await asking(told, "light")
    with pytest.raises(Fault) as raised:
        await asking(told, "lihgt")
    assert raised.value.kind is Kind.UNKNOWN_ROUTE
    assert "'light'" in raised.value.message
    assert await asking(story({"a": whole()}, route=RouteSpec(name="lite", default=True)), "anything")


@virtual
async def test_a_key_uses_its_own_routes_only_by_whatever_name():
    told = story({"a": whole()}, route=RouteSpec(name="lite", aliases=("light",)))
    assert await asking(told, "light", frozenset({"lite"}))
    with pytest.raises(Fault) as raised:
        await asking(told, "light", frozenset({"light"}))
    assert raised.value.kind is Kind.FORBIDDEN


@virtual
async def test_a_callers_models_are_the_routes_that_it_may_use():
    told = story({"a": whole(), "b": whole()}, strategy="weighted")
    for routes, names in ((None, ["lite"]), (frozenset({"lite"}), ["lite"]), (frozenset({"x"}), [])):
        permit = Permit(told.call(), Principal("k", frozenset(), routes), lambda *_: None)
        models = (await told.engine.models(permit)).models
        assert [model.id for model in models] == names
    models = (
        await told.engine.models(Permit(told.call(), Principal("k", frozenset()), lambda *_: None))
    ).models
    assert [(target.name, target.model) for target in models[0].targets] == [
        ("a", "model-of-a"),
        ("b", "model-of-b"),
    ]
    assert models[0].strategy == "weighted"


@virtual
async def test_a_malformed_body_is_the_callers_fault_and_uses_nothing_up():
    class Broken:
        def message(self) -> Message:
            raise Fault(Kind.BAD_REQUEST, "messages: missing", param="messages")

        takes_json = False

        def plain(self) -> None:
            return None

    told = story({"a": whole(), "b": whole()}, spec("a", requests_per_minute=1), spec("b", 2))
    for _ in range(3):
        with await told.engine.open(told.call(), INFERENCE) as permit:
            with pytest.raises(Fault) as raised:
                await told.engine.unary(permit, head_of(HELLO), Broken())
            assert (raised.value.kind, raised.value.param) == (Kind.BAD_REQUEST, "messages")
    assert told.upstream.asked == []
    assert (await told.ask()).route_info.target == "a"


# What is told of calls that did not come to their end.


@virtual
async def test_a_call_that_is_given_up_still_tells_whom_it_had_asked():
    told = story({"a": error(500), "b": streamed("x", 100.0, "y")}, *map(spec, "ab", (1, 2)))
    stream = told.chunks()
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # a generator
    whole_answer = asyncio.create_task(told.ask())
    await asyncio.sleep(1.0)
    whole_answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole_answer
    given_up = [(call.fault, call.target, call.attempts) for call in told.calls]
    assert given_up == [(Kind.CANCELLED, "b", 2), (Kind.CANCELLED, "b", 2)]


@virtual
async def test_who_can_ask_nobody_hears_what_stands_against_each():
    told = story({"a": error(404), "b": error(429, retry_after="30")}, *map(spec, "ab", (1, 2)))
    await told.fault()
    fault = await told.fault()
    assert fault.kind is Kind.NO_TARGET
    assert fault.message == (
        "no target of route 'lite' can be asked at the moment "
        "('a': its breaker is open; 'b': cooling down: it asked for fewer requests)"
    )


@virtual
async def test_a_fault_of_the_network_names_its_target():
    told = story({"a": Fault(Kind.UPSTREAM_UNREACHABLE, "the provider refused the connection")})
    fault = await told.fault()
    assert fault.target == "a"
    assert fault.message == "target 'a' (custom): the provider refused the connection"


@virtual
async def test_an_operators_call_tells_what_it_was_about():
    told = story({"a": whole()})
    permit = Permit(told.call(), Principal("k", ALL_SCOPES), lambda *_: None)
    await told.engine.reset(permit, admin_pb2.ResetBreakerRequest(route="lite", target="a"))
    assert (permit.operation, permit.route, permit.target) == ("admin", "lite", "a")


# A route's own limit.


@virtual
async def test_a_route_runs_so_many_calls_and_sheds_those_that_wait_too_long():
    told = story({"a": whole(wait=1.0)}, route=RouteSpec(name="lite", max_in_flight=2))
    ended = await asyncio.gather(*(told.ask() for _ in range(5)), return_exceptions=True)
    shed = [one for one in ended if isinstance(one, Fault)]
    assert [fault.kind for fault in shed] == [Kind.OVERLOADED] * 3
    assert "route 'lite' is at its limit of 2" in shed[0].message
    assert told.route.gate.inside == 0


@virtual
async def test_a_stream_holds_its_place_on_the_route_to_its_last_byte():
    told = story({"a": streamed("a", 5.0, "b")}, route=RouteSpec(name="lite", max_in_flight=1))
    stream = told.chunks()
    await anext(stream)
    assert (await told.fault()).kind is Kind.OVERLOADED
    assert len([chunk async for chunk in stream]) > 0
    assert told.route.gate.inside == 0


@virtual
async def test_waiting_for_the_route_ends_with_the_callers_time():
    told = story({"a": whole(wait=100.0)}, route=RouteSpec(name="lite", max_in_flight=1))
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0)
    assert (await told.fault(told.call(0.15))).kind is Kind.DEADLINE
    running.cancel()


# Reloads.


@virtual
async def test_a_reload_keeps_the_state_of_targets_that_stay():
    told = story({"a": error(404), "b": [error(429), whole()], "c": whole()}, *map(spec, "abc", (1, 2, 3)))
    await told.ask()
    told.route.budget.withdraw(now())
    balance = told.route.budget.balance(now())
    told.engine.swap(snapshot(told.upstream, [spec("a"), spec("b", 2), spec("c", 3), spec("d", 4)]))
    route = told.engine.table.routes["lite"]
    a, b, c, d = route.targets
    assert a.breaker.state(now()) is State.OPEN
    assert a.record.fault is not None
    assert b.cooldown.is_cooling(now())
    assert c.load.succeeded == 1
    assert (d.load.total, d.breaker.state(now())) == (0, State.CLOSED)
    assert route.budget.balance(now()) == balance
    assert (await told.ask()).route_info.target == "c"


@virtual
async def test_a_target_that_became_another_starts_anew():
    told = story({"a": error(404)})
    await told.fault()
    moved = spec("a")
    object.__setattr__(moved, "identity", "other")
    told.engine.swap(snapshot(told.upstream, [moved]))
    assert told.engine.table.routes["lite"].targets[0].breaker.state(now()) is State.CLOSED


@virtual
async def test_a_call_keeps_the_configuration_that_it_started_with_and_its_state_counts_on():
    told = story({"a": whole(wait=1.0), "b": whole(wait=1.0)})
    running = asyncio.create_task(told.ask())
    await asyncio.sleep(0.5)
    told.engine.swap(snapshot(told.upstream, [spec("a", weight=0.0), spec("b", 2)]))
    a, b = told.engine.table.routes["lite"].targets
    assert a.load.in_flight == 1
    assert (await told.ask()).route_info.target == "b"
    assert (await running).route_info.target == "a"
    assert (a.load.in_flight, a.load.succeeded) == (0, 1)
    assert b.load.succeeded == 1


# Storms.


@pytest.mark.parametrize("seed", range(4))
def test_after_a_storm_of_cancels_and_errors_nothing_is_left_in_flight(seed: int):
    @virtual
    async def run() -> None:
        rng = random.Random(seed)
        steps: list[Step] = [
            *(whole(wait=0.3), streamed("a", 0.2, "b"), error(500), error(429), error(401), error(400)),
            *(Answer(wait=0.4, status=503), Answer((event("x"), 0.1, CUT)), whole(wait=FOREVER)),
            *(Fault(Kind.UPSTREAM_UNREACHABLE, "no"), Answer((event("x"), FOREVER))),
        ]
        told = story(
            dict.fromkeys("abc", lambda _: rng.choice(steps)),
            *(spec(name, place, max_in_flight=20, retry_delay=0.05) for place, name in enumerate("abc", 1)),
            strategy="least-connections",
            route=RouteSpec(name="lite", max_in_flight=60, fallback=FallbackSpec()),
        )

        async def one() -> None:
            await asyncio.sleep(rng.uniform(0.0, 20.0))
            call = told.call(rng.choice([0.05, 1.0, 5.0]))
            task = asyncio.create_task(rng.choice([told.ask, told.stream])(call))
            if rng.random() < 0.4:
                asyncio.get_running_loop().call_later(rng.uniform(0.0, 2.0), task.cancel)
            await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(one() for _ in range(500)))
        assert told.engine.in_flight == told.upstream.open == told.route.gate.inside == 0
        for target in told.route.targets:
            assert (target.load.in_flight, target.gate.inside, target.gate.waiting) == (0, 0, 0)
            assert target.breaker.snapshot(now()).probes == 0
        assert len(told.calls) == 500
        assert sum(call.info.attempts for call in told.calls if call.info) <= len(told.attempts)

    run()


@virtual
async def test_a_bug_is_told_as_one_and_blames_no_target():
    told = story({"a": lambda _: 1 / 0})  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        await told.ask()
    assert told.attempts == [("a", Kind.BUG)]
    assert told.calls[0].fault is Kind.BUG
    assert (told.target("a").load.in_flight, told.target("a").load.failed) == (0, 0)


class Tracked(MessageBody[Message]):
    """A body that a weak reference can be taken of."""


@pytest.mark.parametrize("failing", [error(500), error(400), streamed("x", CUT, complete=False)])
@pytest.mark.parametrize("stream", [False, True])
def test_of_a_call_that_failed_nothing_is_kept(failing: Step, stream: bool):
    """Faults that point at each other's frames would hold whole requests until the garbage collector runs."""

    @virtual
    async def run() -> None:
        told = story({"a": failing, "b": failing})
        body = Tracked(HELLO)
        head = head_of(HELLO, stream=stream)
        try:
            with await told.engine.open(told.call(), INFERENCE) as permit:
                if stream:
                    async for _ in told.engine.stream(permit, head, body):
                        pass
                else:
                    await told.engine.unary(permit, head, body)
        except Fault as fault:
            fault.forget_frames()
        del body, permit
        assert [one for one in gc.get_objects() if isinstance(one, Tracked)] == []

    gc.collect()
    gc.disable()
    try:
        run()
    finally:
        gc.enable()


@virtual
async def test_a_stream_and_its_fold_are_one_answer():
    told = story({"a": [whole("Hello"), streamed("Hel", "lo")]})
    reply = await told.ask()
    assert reply.choices[0].message.content == text_of(await told.stream()) == "Hello"
