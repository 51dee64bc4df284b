"""YAML: plain words of version 1.2, bounded in depth and growth."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.config.tree import SyntaxProblem, Tree
from switch_grpc.config.yaml12 import parse_yaml


def test_yes_no_times_and_dates_are_strings():
    """YAML 1.1 would make them true, false, 750 and a date."""
    text = "a: no\nb: on\nc: 12:30\nd: 2027-01-31\ne: 0o17\nf: 1_000\ng: 0x1F\nh: 0600"
    expected = {
        "a": "no",
        "b": "on",
        "c": "12:30",
        "d": "2027-01-31",
        "e": "0o17",
        "f": "1_000",
        "g": "0x1F",
        "h": "0600",
    }
    assert parse_yaml(text).value == expected


def test_numbers_words_and_quotes():
    text = "[5, 5.0, -3, .5, 1e3, true, null, ~, '5', \"true\", 9007199254740993]"
    expected = "[5, 5.0, -3, 0.5, 1000.0, True, None, None, '5', 'true', 9007199254740993]"
    assert repr(parse_yaml(text).value) == expected


def test_every_key_and_item_knows_its_line():
    assert parse_yaml("a:\n  b:\n    - 1\n    - c: 2\n").lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 1): 4,
        ("a", "b", 1, "c"): 4,
    }


def test_a_key_that_stands_twice_is_a_problem_with_both_lines():
    tree = parse_yaml("a: 1\nb: 2\na: 3\n")
    assert [(p.path, p.line, p.found) for p in tree.problems] == [
        ("a", 3, 'the key "a" twice, first on line 1')
    ]


def test_anchors_may_be_used_again():
    assert parse_yaml("a: &x {k: [1]}\nb: *x\n").value == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_an_alias_bomb_is_refused():
    """Nine levels of nine aliases each would be 400 million values."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(SyntaxProblem, match="aliases that grow"):
        parse_yaml("\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: b: c",
        "a: *unknown",
        "a: &x [*x]",
        "? [complex]\n: 1",
        "a: !!python/object:os.system x",
        "a: !env X",
        "--- 1\n--- 2",
        "\ta: 1",
        "a: \x01",
        "a: 1e999",
        "[" * 5000,
        "- " * 5000 + "x",
    ],
)
def test_what_is_no_yaml_is_refused_with_a_line(text: str):
    with pytest.raises(SyntaxProblem) as caught:
        parse_yaml(text)
    assert (caught.value.problem.line or 0) >= 1


@given(st.text(alphabet="ab:-[]{},&*!|>'\"#?%@ \n\t0.~"))
def test_any_text_gives_a_tree_or_a_syntax_problem(text: str):
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(parse_yaml(text), Tree)


def test_a_character_written_as_a_surrogate_pair_is_that_character():
    assert parse_yaml('a: "\\ud83d\\ude00"').value == {"a": "\U0001f600"}


def test_half_a_surrogate_pair_is_an_error():
    with pytest.raises(SyntaxProblem, match="surrogate") as raised:
        parse_yaml('a: 1\nb: "\\ud83d"')
    assert raised.value.problem.line == 2
