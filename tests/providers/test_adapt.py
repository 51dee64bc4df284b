"""Laws of fitting parameters to a model."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.adapt import Adapter, Rules
from switch_grpc.providers.catalog import built_in
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

CLAUDE = Rules(
    ranges={"temperature": (0, 1), "top_k": (0, 500)},
    drops=frozenset({"seed", "frequency_penalty", "logit_bias", "min_p"}),
    refuses=frozenset({"logprobs", "top_logprobs"}),
)
REASONS = Rules(drops=frozenset({"temperature"}), refuses=frozenset({"stop"}), limit="max_completion_tokens")
HYBRID = Rules(
    ranges={"temperature": (0, 2)},
    drops_while_reasoning=frozenset({"temperature"}),
    refuses_while_reasoning=frozenset({"logprobs"}),
)
ONE = Rules(only_one=("temperature", "top_p"))


def adapter(rules: Rules, *, strict: bool = False, max_output: int | None = None) -> Adapter:
    return Adapter(rules, max_output=max_output, strict=strict, target="a", model="m")


def chat(**fields: object) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(**fields)  # type: ignore[arg-type]


def fitted(
    rules: Rules, request: chat_pb2.ChatRequest, **settings: int
) -> tuple[chat_pb2.ChatRequest, list[str]]:
    found = adapter(rules, **settings).fit(request, {})
    assert isinstance(found.request, chat_pb2.ChatRequest)
    return found.request, list(found.notes)


@pytest.mark.parametrize("request_", [chat(), chat(temperature=0.5, n=2), chat(extra_json='{"top_k":5}')])
def test_what_fits_is_passed_on_as_the_same_object(request_: chat_pb2.ChatRequest) -> None:
    defaults = {"temperature": b"0.3", "user": b'"u"'}
    found = adapter(CLAUDE, max_output=10).fit(request_, defaults)
    assert found.request is request_
    assert found.defaults is defaults
    assert not found.notes


def test_the_callers_message_is_never_changed() -> None:
    request = chat(temperature=3.0, seed=1, max_tokens=99, extra_json='{"top_k":900,"min_p":0.1}')
    before = request.SerializeToString(deterministic=True)
    adapter(CLAUDE, max_output=10).fit(request, {})
    assert request.SerializeToString(deterministic=True) == before


def test_a_large_integer_is_told_in_full() -> None:
    found = adapter(CLAUDE, max_output=64_000).fit(chat(max_tokens=10_000_000), {})
    assert list(found.notes) == ["max_tokens 10000000 sent as 64000, the most that m takes"]


@pytest.mark.parametrize(
    ("value", "sent", "note"),
    [
        (1.7, 1.0, "temperature 1.7 sent as 1, the most that m takes"),
        (-1.0, 0.0, "temperature -1 sent as 0, the least that m takes"),
    ],
)
def test_a_value_out_of_range_is_sent_as_the_nearest(value: float, sent: float, note: str) -> None:
    assert fitted(CLAUDE, chat(temperature=value)) == (chat(temperature=sent), [note])


def test_a_hint_that_the_model_does_not_take_is_left_out() -> None:
    request, notes = fitted(CLAUDE, chat(seed=3, logit_bias_json='{"1":2}', n=2))
    assert request == chat(n=2)
    assert notes == ["logit_bias left out: m takes none", "seed left out: m takes none"]


@pytest.mark.parametrize(
    "request_", [chat(frequency_penalty=0), chat(logit_bias_json="{}"), chat(logprobs=False, top_logprobs=0)]
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_asks_for_nothing_is_left_out_without_a_word(
    request_: chat_pb2.ChatRequest, strict: bool
) -> None:
    assert fitted(CLAUDE, request_, strict=strict) == (chat(), [])


CALM = Rules(drops=frozenset({"reasoning_effort"}), drops_while_reasoning=frozenset({"temperature"}))


def test_an_effort_is_left_out_where_a_model_does_not_reason() -> None:
    """And what does not go with reasoning stays."""
    asked = chat(reasoning_effort="high", temperature=0.2)
    note = "reasoning_effort left out: m takes none"
    assert fitted(CALM, asked) == (chat(temperature=0.2), [note])
    assert fitted(CALM, chat(reasoning_effort="none"), strict=True) == (chat(), [])
    found = adapter(CALM).fit(chat(temperature=0.2), {"reasoning_effort": b'"low"'})
    assert (found.request, found.defaults, list(found.notes)) == (chat(temperature=0.2), {}, [note])
    with pytest.raises(Fault, match="'a' \\(m\\) takes no reasoning_effort"):
        adapter(CALM, strict=True).fit(asked, {})


@pytest.mark.parametrize("strict", [False, True])
def test_what_would_change_the_answer_is_refused_by_name(strict: bool) -> None:
    with pytest.raises(Fault) as refused:
        adapter(CLAUDE, strict=strict).fit(chat(logprobs=True), {})
    fault = refused.value
    assert (fault.kind, fault.param, fault.target) == (Kind.CAPABILITY, "logprobs", "a")
    assert fault.message == "target 'a' (m) takes no logprobs"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (chat(temperature=1.5), "takes temperature from 0 to 1, not 1.5"),
        (chat(seed=3), "takes no seed"),
        (chat(max_tokens=99), "takes max_tokens up to 10, not 99"),
        (chat(extra_json='{"top_k":900}'), "takes top_k from 0 to 500, not 900"),
    ],
)
def test_strict_refuses_what_adapt_changes(request_: chat_pb2.ChatRequest, message: str) -> None:
    with pytest.raises(Fault) as refused:
        adapter(CLAUDE, strict=True, max_output=10).fit(request_, {})
    assert refused.value.message == f"target 'a' (m) {message}"
    assert refused.value.kind is Kind.CAPABILITY


def test_parameters_that_openai_has_no_name_for_are_fitted_where_they_stand() -> None:
    request, notes = fitted(CLAUDE, chat(extra_json='{"a":9007199254740993,"top_k":900,"min_p":0.1}'))
    assert request.extra_json == '{"a":9007199254740993,"top_k":500}'
    assert sorted(notes) == ["min_p left out: m takes none", "top_k 900 sent as 500, the most that m takes"]
    assert fitted(CLAUDE, chat(extra_json='{"min_p":0.1}'))[0].extra_json == ""


def test_the_token_limit_goes_out_by_the_name_that_the_model_knows() -> None:
    note = "max_tokens sent as max_completion_tokens, as m knows it"
    assert fitted(REASONS, chat(max_tokens=5)) == (chat(max_completion_tokens=5), [note])
    assert fitted(REASONS, chat(max_completion_tokens=5)) == (chat(max_completion_tokens=5), [])
    both = chat(max_tokens=5, max_completion_tokens=7)
    assert fitted(REASONS, both) == (chat(max_completion_tokens=7), [note])
    found = adapter(REASONS).fit(chat(), {"max_tokens": b"5"})
    assert found.defaults == {"max_completion_tokens": b"5"}


def test_the_token_limit_of_a_legacy_completion_keeps_its_only_name() -> None:
    request = completion_pb2.CompletionRequest(max_tokens=99)
    found = adapter(REASONS, max_output=10).fit(request, {"max_tokens": b"7"})
    assert found.request == completion_pb2.CompletionRequest(max_tokens=10)
    assert found.defaults == {"max_tokens": b"7"}


def test_embeddings_are_passed_on() -> None:
    request = embedding_pb2.EmbedRequest(route="r")
    assert adapter(CLAUDE).fit(request, {}).request is request


def test_some_parameters_are_out_of_place_only_while_the_model_reasons() -> None:
    assert fitted(HYBRID, chat(temperature=0.2)) == (chat(temperature=0.2), [])
    calm = chat(temperature=0.2, reasoning_effort="none", logprobs=True)
    assert fitted(HYBRID, calm) == (calm, [])
    request, notes = fitted(HYBRID, chat(temperature=0.2, reasoning_effort="high"))
    assert (request, len(notes)) == (chat(reasoning_effort="high"), 1)
    with pytest.raises(Fault, match="takes no logprobs"):
        adapter(HYBRID).fit(chat(logprobs=True, reasoning_effort="low"), {})
    found = adapter(HYBRID).fit(chat(temperature=0.2), {"reasoning_effort": b'"high"'})
    assert found.request == chat()


def test_of_parameters_that_exclude_each_other_the_first_stays() -> None:
    request, notes = fitted(ONE, chat(temperature=0.2, top_p=0.5))
    assert request == chat(temperature=0.2)
    assert notes == ["top_p left out: m takes it or temperature"]
    with pytest.raises(Fault, match="takes temperature or top_p, not both"):
        adapter(ONE, strict=True).fit(chat(temperature=0.2, top_p=0.5), {})


def test_a_callers_parameter_comes_before_a_default_that_it_excludes() -> None:
    found = adapter(ONE).fit(chat(top_p=0.5), {"temperature": b"0.2"})
    assert (found.request, found.defaults) == (chat(top_p=0.5), {})
    assert adapter(ONE).fit(chat(), {"temperature": b"0.2", "top_p": b"1"}).defaults == {
        "temperature": b"0.2"
    }


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("defaults", "sent"),
    [
        ({"temperature": b"1.5"}, {"temperature": b"1"}),
        ({"seed": b"1", "n": b"2"}, {"n": b"2"}),
        ({"logprobs": b"true"}, {}),
        ({"max_tokens": b"8192"}, {"max_tokens": b"10"}),
        ({"temperature": b'"hot"'}, {"temperature": b'"hot"'}),
    ],
)
def test_defaults_are_adapted_under_any_policy(
    strict: bool, defaults: Mapping[str, bytes], sent: Mapping[str, bytes]
) -> None:
    """A route's defaults are for all its models: no caller can help it where one does not take them."""
    found = adapter(CLAUDE, strict=strict, max_output=10).fit(chat(), defaults)
    assert {name: float(raw) if raw[:1].isdigit() else raw for name, raw in found.defaults.items()} == {
        name: float(raw) if raw[:1].isdigit() else raw for name, raw in sent.items()
    }


def test_a_default_under_the_callers_own_value_is_none_of_our_business() -> None:
    defaults = {"temperature": b"1.5", "max_tokens": b"8192"}
    found = adapter(CLAUDE, max_output=10).fit(chat(temperature=0.1, max_completion_tokens=5), defaults)
    assert found.defaults is defaults
    assert not found.notes


def test_a_default_does_not_come_up_where_the_callers_value_was_left_out() -> None:
    found = adapter(CLAUDE).fit(chat(seed=1), {"seed": b"2", "n": b"1"})
    assert (found.request, found.defaults) == (chat(), {"n": b"1"})
    assert list(found.notes) == ["seed left out: m takes none"]


RULES = [*built_in().families.values(), *built_in().vendors.values()]


@given(
    rules=st.sampled_from(RULES),
    request=st.builds(
        chat_pb2.ChatRequest,
        temperature=st.none() | st.floats(-5, 5),
        top_p=st.none() | st.floats(-5, 5),
        frequency_penalty=st.none() | st.floats(-5, 5),
        presence_penalty=st.none() | st.floats(-5, 5),
        max_tokens=st.none() | st.integers(1, 10**6),
        max_completion_tokens=st.none() | st.integers(1, 10**6),
        seed=st.none() | st.integers(-5, 5),
        reasoning_effort=st.sampled_from([None, "none", "high"]),
        extra_json=st.sampled_from(["", '{"top_k":7000,"x":1}']),
    ),
)
def test_what_was_fitted_once_fits(rules: Rules, request: chat_pb2.ChatRequest) -> None:
    fit = adapter(rules, max_output=4096).fit
    once = fit(request, {"temperature": b"9", "top_p": b"9", "max_tokens": b"999999"})
    again = fit(once.request, once.defaults)
    assert (again.request, again.defaults) == (once.request, once.defaults)
    assert not again.notes
    strict = adapter(rules, max_output=4096, strict=True).fit(once.request, once.defaults)
    assert strict.request == once.request
