"""Ids and arguments of tool calls, whoever made them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.providers.dialects.calls import CallIds, input_of, nine_id, plain_id, short_id

IDS = st.text(min_size=1, max_size=90)


@given(IDS)
def test_an_id_is_spelt_as_the_provider_takes_it_and_always_alike(id: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", plain_id(id))
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", nine_id(id))
    assert 1 <= len(short_id(id)) <= 40
    for spell in (plain_id, nine_id, short_id):
        assert spell(id) == spell(id) == spell(spell(id))


@pytest.mark.parametrize("id", ["toolu_01A", "call_abc", "tooluse_x-Y", "a" * 64])
def test_an_id_that_fits_stays_as_it_is(id: str) -> None:
    assert plain_id(id) == id
    assert nine_id("aB3dE6gH9") == "aB3dE6gH9"
    assert short_id("a.b:" * 10) == "a.b:" * 10


def test_ids_that_differ_only_in_what_is_replaced_or_cut_stay_apart() -> None:
    ids = [
        "functions.a:0",
        "functions_a.0",
        "functions:a:0",
        "a" * 65,
        "a" * 66,
        "x" * 63 + ".",
        "x" * 63 + ":",
    ]
    for spell in (plain_id, nine_id, short_id):
        assert len(set(map(spell, ids))) == len(ids)


def test_a_result_has_the_id_of_its_call() -> None:
    ids = CallIds()
    calls = [ids.of_call("functions.f:0"), ids.of_call("call_2")]
    assert [ids.of_result("call_2"), ids.of_result("functions.f:0")] == calls[::-1]
    assert ids.of_result("nobody's") == plain_id("nobody's")


@pytest.mark.parametrize("taken", [["a_2"], ["a_1", "a_2"], [f"a_{n}" for n in range(20_000)]])
def test_an_id_that_looks_like_one_of_ours_is_told_apart_too(taken: list[str]) -> None:
    """A caller may write any: a search for a free one that stood still would stop all other calls."""
    ids = CallIds()
    given = [ids.of_call(each) for each in ["a", *taken, *["a"] * 20_000]]
    assert len(set(given)) == len(given)


def test_calls_of_one_id_are_told_apart_and_results_go_to_them_in_order() -> None:
    """Some servers number the calls of each answer from 0; Anthropic refuses one id twice."""
    ids = CallIds()
    first = ids.of_call("call_0")
    assert ids.of_result("call_0") == first
    second, third = ids.of_call("call_0"), ids.of_call("call_0")
    assert len({first, second, third}) == 3
    assert [ids.of_result("call_0"), ids.of_result("call_0"), ids.of_result("call_0")] == [
        second,
        third,
        third,
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        (" \n", {}),
        ('{"a": 1.0}', b'{"a": 1.0}'),
        ('{"a": ', {"INVALID_JSON": '{"a": '}),
        ("7", {"INVALID_JSON": "7"}),
    ],
)
def test_arguments_stay_as_written_or_say_that_they_are_no_object(arguments: str, expected: object) -> None:
    made = input_of(arguments)
    assert (made if isinstance(made, dict) else bytes(made)) == expected
