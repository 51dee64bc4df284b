"""JSON with comments: the laws of the text, without those of the schema."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.config.jsonc import parse_json
from switch_grpc.config.tree import SyntaxProblem, Tree

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_plain_json_reads_as_the_standard_library_reads_it(
    value: object, indent: int | str | None, ascii: bool
):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert repr(parse_json(text).value) == repr(json.loads(text))


def test_comments_and_trailing_commas_are_allowed():
    text = '// a\n{ /* b */ "k": [1, 2, /* { */ ], // "c"\n "u": "http://x//y" , }\n// end'
    assert parse_json(text).value == {"k": [1, 2], "u": "http://x//y"}


def test_every_key_and_item_knows_its_line():
    tree = parse_json('{\n "a": {\n  "b": [1,\n   2]\n }\n}')
    assert tree.lines == {("a",): 2, ("a", "b"): 3, ("a", "b", 0): 3, ("a", "b", 1): 4}


def test_a_key_that_stands_twice_is_a_problem_with_both_lines():
    tree = parse_json('{"a": 1,\n "b": 2,\n "a": 3}')
    assert [(p.path, p.line, p.found) for p in tree.problems] == [
        ("a", 3, 'the key "a" twice, first on line 1')
    ]


def test_numbers_keep_their_kind():
    value = parse_json("[5, 5.0, 9007199254740993, 1e2, -0, 0.1]").value
    assert repr(value) == "[5, 5.0, 9007199254740993, 100.0, 0, 0.1]"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "the end of the text"),
        ("{", "the end of the text"),
        ('{"a" 1}', "a word without quotes"),
        ('{"a": 1 "b": 2}', '"\\""'),
        ("{a: 1}", "a word without quotes"),
        ("{'a': 1}", '"\'"'),
        ('{"a": NaN}', "a word without quotes"),
        ('{"a": -Infinity}', '"-"'),
        ('{"a": 01}', "a word without quotes"),
        ('{"a": 1.}', "a word without quotes"),
        ('{"a": 1e999}', "a number out of range"),
        ('{"a": "x', "unterminated string starting"),
        ('{"a": "x\ny"}', "invalid control character"),
        ('{"a": "\\ud800"}', "half of a surrogate pair"),
        ('{"a": 1} {}', '"{"'),
        ('{"a": 1,,}', '","'),
        ("[,]", '","'),
        ("/* no end", "a comment that does not end"),
        ("# no comment", '"#"'),
        ("1" * 5000, "a number of more than 1000 digits"),
        ("[" * 100_000, "more than 64 levels"),
        ('{"k":' * 100_000, "more than 64 levels"),
        ("[" + "1," * 200_000 + "]", "more than 100000 values"),
    ],
)
def test_what_is_no_json_is_refused_with_a_line(text: str, found: str):
    with pytest.raises(SyntaxProblem) as caught:
        parse_json(text)
    assert (caught.value.problem.found, caught.value.problem.line) == (found, caught.value.problem.line)
    assert (caught.value.problem.line or 0) >= 1


def test_the_line_of_an_error_is_the_line_of_the_text():
    with pytest.raises(SyntaxProblem) as caught:
        parse_json('{\n  "a": 1,\n  "b": oops\n}')
    assert caught.value.problem.line == 3


def test_a_bare_word_is_not_repeated_because_it_may_be_a_secret():
    with pytest.raises(SyntaxProblem) as caught:
        parse_json('{"apiKey": hunter2hunter2}')
    assert "hunter2" not in repr(caught.value.problem)


@given(st.text(alphabet='{}[]",:\\/*\n 01e.-tfnul\ud800'))
def test_any_text_gives_a_tree_or_a_syntax_problem(text: str):
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(parse_json(text), Tree)
