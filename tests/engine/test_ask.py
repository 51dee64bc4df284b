"""One exchange with a provider: what is sent, what an answer is read as, and keys that are refused."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from switch_grpc.engine.regions import Region, Regions
from switch_grpc.faults import Effect, Fault, Kind
from switch_grpc.providers.adapt import Adapter, Rules
from switch_grpc.providers.vendors import VENDORS, dialects_of
from switch_grpc.request import MessageBody, Operation
from switch_grpc.routing.states import State
from switch_grpc.v1 import completion_pb2
from tests.support.engines import HELLO, ScriptedSource, head_of, key_needed, spec, store, story, text_of
from tests.support.scripted_upstream import (
    DONE,
    FOREVER,
    Answer,
    error,
    event,
    sse,
    streamed,
    whole,
)
from tests.support.virtual_time import now, virtual

NO_KEY = Fault(Kind.CREDENTIALS, "the vault is sealed")


# What is sent.


@virtual
async def test_of_the_callers_headers_its_id_and_trace_go_on_and_nothing_else():
    told = story({"a": whole()})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await told.ask(told.call(keys=("caller-key",), traceparent=trace, tracestate="v=1", sticky_key="s"))
    (request,) = told.upstream.requests
    assert {
        name: value for name, value in request.headers.items() if name not in ("content-type", "accept")
    } == {"x-request-id": "req-1", "traceparent": trace, "tracestate": "v=1"}
    assert request.url == "http://a/v1/chat/completions"


@virtual
async def test_the_stores_key_goes_along_and_is_in_no_repr():
    told = story({"a": whole()}, stores={"a": store(ScriptedSource("sk-secret"))})
    await told.ask()
    (request,) = told.upstream.requests
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(request)


@virtual
@pytest.mark.parametrize("inside", [False, True], ids=["status", "inside a 200"])
async def test_a_provider_that_repeats_our_key_does_not_tell_the_caller(inside: bool):
    words = {"message": "your key quite-a-secret-key may not", "param": "quite-a-secret-key", "code": "x"}
    body = msgspec.json.encode({"error": words | {"type": "invalid_request_error"}})
    answer = Answer((body,), status=200 if inside else 422)
    told = story({"a": answer}, stores={"a": store(ScriptedSource("quite-a-secret-key"))})
    fault = await told.fault()
    assert "quite-a-secret" not in f"{fault.message} {fault.param} {fault.code}"
    assert inside or (fault.kind, fault.message) == (Kind.CLIENT_FAULT, "your key *** may not")


# How an answer is read.


@virtual
async def test_a_whole_answer_to_a_stream_request_is_given_as_chunks():
    chunks = await story({"a": whole("Hello")}).stream()
    assert text_of(chunks) == "Hello"
    assert chunks[-1].route_info.target == "a"


@virtual
async def test_an_answer_that_neither_streams_nor_is_json_is_none():
    told = story({"a": Answer((b"<html>login</html>",), headers={"content-type": "text/html"})})
    assert (await told.stream_fault()).kind is Kind.UPSTREAM_PROTOCOL


@virtual
async def test_what_came_before_a_fault_in_the_same_bytes_belongs_to_the_caller():
    told = story({"a": streamed(event("He") + event("llo") + b"data: {nonsense\n\n", complete=False)})
    assert (await told.broken())[0] == "Hello"


@virtual
async def test_chunks_that_came_together_stay_together():
    told = story({"a": streamed(event("a") + event("b") + event(finish="stop") + DONE, complete=False)})
    with await told.engine.open(told.call(), "inference") as permit:
        batches = [
            [len(chunk.choices) for chunk in batch]  # type: ignore[attr-defined]
            async for batch in told.engine.stream(permit, head_of(HELLO, stream=True), MessageBody(HELLO))
        ]
    assert batches == [[1, 1, 1], [0]]


@virtual
async def test_a_stream_that_ends_without_saying_so_was_cut():
    told = story({"a": streamed("He", complete=False)})
    assert (await told.stream_fault()).kind is Kind.STREAM_INTERRUPTED


@virtual
async def test_a_stream_that_is_done_is_not_read_further():
    told = story({"a": streamed("Hello", event(finish="stop"), DONE, FOREVER, complete=False)})
    assert text_of(await told.stream()) == "Hello"
    assert told.upstream.open == 0


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ({"message": "x", "code": 429}, Kind.UPSTREAM_RATE_LIMIT),
        ({"message": "x", "type": "overloaded_error"}, Kind.UPSTREAM_SATURATED),
        ({"message": "x", "code": "insufficient_quota"}, Kind.UPSTREAM_QUOTA),
        ({"message": "x", "code": 401}, Kind.UPSTREAM_AUTH),
        ({"message": "x"}, Kind.UPSTREAM_ERROR),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_inside_a_200_is_what_it_says(inner: dict[str, object], kind: Kind, stream: bool):
    @virtual
    async def run() -> None:
        if stream:
            answers = [streamed(event(role=True), sse({"error": inner}), complete=False)]
        else:
            answers = [Answer((msgspec.json.encode({"error": inner}),))]
        for answer in answers:
            told = story({"a": answer}, spec("a", max_retries=0))
            assert (await (told.stream_fault() if stream else told.fault())).kind is kind

    run()


@virtual
async def test_an_error_whose_body_never_ends_is_still_that_error():
    told = story({"a": Answer((b'{"error":', FOREVER), status=503)})
    started = now()
    assert (await told.fault()).kind is Kind.UPSTREAM_OVERLOADED
    assert now() - started == pytest.approx(5.0)
    assert told.upstream.open == 0


@virtual
async def test_a_target_without_the_operation_is_passed_over():
    told = story({"a": whole(), "b": whole()})
    wiring = told.engine._snapshot.wirings[told.target("a")]
    object.__setattr__(wiring, "dialects", {})
    assert (await told.ask()).route_info.target == "b"
    assert told.attempts[0] == ("a", Kind.CAPABILITY)
    assert told.target("a").load.failed == 0


@virtual
async def test_a_list_of_prompts_is_one_exchange_each_on_a_chat_model():
    told = story({"a": whole("yes")})
    wiring = told.engine._snapshot.wirings[told.target("a")]
    object.__setattr__(wiring, "dialects", dialects_of(VENDORS["groq"]))
    request = completion_pb2.CompletionRequest(
        route="lite", prompt=completion_pb2.Prompt(texts=completion_pb2.TextList(texts=["one", "two"]))
    )
    reply = await told.ask(request=request, operation=Operation.COMPLETE)
    assert [choice.text for choice in reply.choices] == ["yes", "yes"]
    assert told.upstream.asked == ["a", "a"]


# Credentials.


@virtual
async def test_a_refused_key_is_fetched_again_and_a_new_one_is_tried_at_once():
    source = ScriptedSource("old")
    told = story({"a": key_needed(lambda: "new", whole(), error(401))}, stores={"a": store(source)})
    await told.engine._snapshot.wirings[told.target("a")].store.signer("bearer", now())
    source.value = "new"
    assert (await told.ask()).route_info.target == "a"
    assert told.attempts == [("a", None)]
    assert told.target("a").breaker.state(now()) is State.CLOSED


@virtual
async def test_a_key_that_is_refused_and_the_same_opens_the_breaker_for_long():
    told = story({"a": error(401)}, stores={"a": store(ScriptedSource("old"))})
    fault = await told.fault()
    assert (fault.kind, fault.effect, fault.retry) == (Kind.UPSTREAM_AUTH, Effect.PERMANENT, False)
    assert told.upstream.asked == ["a"]
    assert told.target("a").breaker.snapshot(now()).until == pytest.approx(now() + 300.0)


@virtual
async def test_a_new_key_that_is_refused_too_opens_the_breaker():
    source = ScriptedSource("old")
    told = story({"a": error(401)}, stores={"a": store(source)})
    await told.engine._snapshot.wirings[told.target("a")].store.signer("bearer", now())
    source.value = "new"
    assert (await told.fault()).kind is Kind.UPSTREAM_AUTH
    assert told.upstream.asked == ["a", "a"]
    assert told.moves == [("a", "open", "permanent")]


@virtual
async def test_fifty_refusals_at_once_are_one_trip():
    source = ScriptedSource("old", seconds=0.2)
    told = story({"a": Answer((b"{}",), status=401, wait=1.0)}, stores={"a": store(source)}, admission=None)
    faults = await asyncio.gather(*(told.fault() for _ in range(50)))
    assert {fault.kind for fault in faults} == {Kind.UPSTREAM_AUTH}
    assert told.moves == [("a", "open", "permanent")]
    assert told.target("a").breaker.snapshot(now()).permanent_trips == 1
    assert source.fetches == 2, "one at first, one when it was refused"


@virtual
async def test_of_fifty_refusals_at_once_none_trips_when_the_key_was_rotated():
    """Who comes second waits for the fetch of who came first, rather than believe the old key."""
    source = ScriptedSource("old", seconds=0.2)
    refused = Answer((b"{}",), status=401, wait=1.0)
    told = story({"a": key_needed(lambda: "new", whole(), refused)}, stores={"a": store(source)})
    await told.engine._snapshot.wirings[told.target("a")].store.signer("bearer", now())
    source.value = "new"
    replies = await asyncio.gather(*(told.ask() for _ in range(50)))
    assert {reply.route_info.target for reply in replies} == {"a"}
    assert told.moves == []
    assert told.upstream.count("a") == 100, "one more call for each that was under way"
    assert source.fetches == 2


@virtual
async def test_a_new_key_gives_a_target_that_refused_the_old_one_its_chance_at_once():
    source = ScriptedSource("old")
    keys = store(source)
    told = story(
        {
            "a": key_needed(lambda: "new", whole(), error(401)),
            "b": key_needed(lambda: "new", whole(), error(401)),
        },
        stores={"a": keys, "b": keys},
    )
    assert (await told.fault()).kind is Kind.UPSTREAM_AUTH
    source.value = "new"
    await asyncio.sleep(20.0)
    assert (await told.fault()).kind is Kind.NO_TARGET
    refused = keys.cached("bearer", now())
    assert refused is not None
    await keys.renew("bearer", refused, now())  # as an active check does
    assert (await told.ask()).route_info.target == "a"
    assert ("a", "half_open", "renewed") in told.moves


@virtual
async def test_a_store_that_has_nothing_makes_its_target_rest():
    told = story({"a": whole(), "b": whole()}, stores={"a": store(ScriptedSource(NO_KEY))})
    assert (await told.ask()).route_info.target == "b"
    assert told.attempts == [("a", Kind.CREDENTIALS), ("b", None)]
    assert told.upstream.asked == ["b"]
    assert told.target("a").refusal(now()) is not None
    await asyncio.sleep(5.0)
    assert told.target("a").refusal(now()) is None
    assert told.target("a").breaker.snapshot(now()).fails == 0


@virtual
async def test_a_credential_that_cannot_be_had_is_told_as_such():
    told = story({"a": whole()}, stores={"a": store(ScriptedSource(NO_KEY))})
    fault = await told.fault()
    assert (fault.kind, fault.retry) == (Kind.CREDENTIALS, False)
    assert "credential store 'keys'" in fault.message


@virtual
async def test_waiting_for_a_credential_ends_with_the_callers_time():
    told = story({"a": whole()}, stores={"a": store(ScriptedSource("key", seconds=8.0))})
    started = now()
    assert (await told.fault(told.call(2.0))).kind is Kind.DEADLINE
    assert now() - started == pytest.approx(2.0, abs=0.1)
    await asyncio.sleep(8.0)
    started = now()
    await told.ask(told.call(2.0))
    assert now() == started, "the fetch went on for the next call"


# Regions.


@virtual
async def test_every_region_gets_the_request_as_the_model_takes_it():
    """What the model does not take is dropped wherever it is asked, and the second region is no exception."""
    told = story({"a": error(503), "b": whole("Hi")}, spec("a"))
    wiring = told.engine._snapshot.wirings[told.target("a")]
    places = [replace(wiring.binding, base_url=f"http://{host}/v1") for host in "ab"]
    object.__setattr__(wiring, "binding", places[0])
    object.__setattr__(wiring, "regions", Regions([Region(place, "none") for place in places]))
    rules = Rules(drops=frozenset({"temperature"}))
    object.__setattr__(
        wiring, "adapter", Adapter(rules, max_output=None, strict=False, target="a", model="m")
    )
    request = type(HELLO)()
    request.CopyFrom(HELLO)
    request.temperature = 0.5
    reply = await told.ask(request=request)
    assert reply.choices[0].message.content == "Hi"
    assert told.upstream.asked == ["a", "b"]
    for sent in told.upstream.requests:
        assert "temperature" not in msgspec.json.decode(sent.body)
