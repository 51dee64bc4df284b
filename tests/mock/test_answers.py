"""What the mock says follows from what was asked, and from nothing else."""

import json
import math

from switch_grpc.mock.answers import Ask, Finish, Tool, Turn, reply, vector
from switch_grpc.mock.script import parse_script
from switch_grpc.mock.tokens import Filler, filler, in_words

PLAIN = parse_script("mock")
HELLO = (Turn("user", "Hello there, mock"),)
TIME = Tool(name="get_time", schema={"type": "object", "properties": {"zone": {"type": "string"}}})
ZONE = Tool(name="get_timezone", schema={"type": "object"})


def ask(**fields: object) -> Ask:
    return Ask(**{"model": "mock", "turns": HELLO, **fields})  # type: ignore[arg-type]


def text(asked: Ask, script: str = "mock", index: int = 0) -> str:
    return "".join(reply(asked, parse_script(script), "a-1", index).pieces)


def test_equal_requests_have_equal_answers_and_seed_model_and_index_change_them():
    assert text(ask()) == text(ask())
    assert len({text(ask()), text(ask(seed=1)), text(ask(model="other")), text(ask(), index=1)}) == 4


def test_the_answer_shows_that_the_request_came_through():
    assert text(ask()).startswith("You said: Hello there, mock.")
    assert "I see 2 images." in text(ask(images=2))


def test_a_stop_sequence_ends_the_text_before_it():
    assert text(ask(stops=("zebra", "there"))) == "You said: Hello "


def test_an_answer_says_which_stop_sequence_ended_it():
    """The first in the text, not the first of the request; none if the limit came before it."""
    assert reply(ask(stops=("mock", "there")), PLAIN, "a-1").stop == "there"
    assert reply(ask(stops=("zebra",)), PLAIN, "a-1").stop is None
    assert reply(ask(stops=("there",), limit=1), PLAIN, "a-1").stop is None


def test_a_limit_cuts_at_tokens_and_says_length():
    short = reply(ask(limit=3), PLAIN, "a-1")
    assert (list(short.pieces), short.finish) == (["You", " said:", " Hello"], Finish.LENGTH)
    assert reply(ask(limit=10_000), PLAIN, "a-1").finish is Finish.STOP


def test_tools_are_called_when_named_in_the_last_user_message_as_a_word():
    said = (Turn("user", "use get_timezone please"),)
    assert [call.name for call in reply(ask(turns=said, tools=(TIME, ZONE)), PLAIN, "a").calls] == [
        "get_timezone"
    ]
    assert reply(ask(tools=(TIME, ZONE)), PLAIN, "a").calls == ()


def test_two_named_tools_are_called_in_parallel_unless_forbidden():
    said = (Turn("user", "get_time and get_timezone"),)
    both = reply(ask(turns=said, tools=(TIME, ZONE)), PLAIN, "a")
    one = reply(ask(turns=said, tools=(TIME, ZONE), parallel=False), PLAIN, "a")
    assert ([call.name for call in both.calls], both.finish) == (["get_time", "get_timezone"], Finish.TOOL)
    assert len({call.id for call in both.calls}) == 2
    assert [call.name for call in one.calls] == ["get_time"]


def test_a_required_choice_calls_and_none_does_not():
    assert reply(ask(tools=(TIME,), choice="required"), PLAIN, "a").calls[0].name == "get_time"
    assert reply(ask(tools=(TIME, ZONE), named="get_timezone"), PLAIN, "a").calls[0].name == "get_timezone"
    said = (Turn("user", "get_time"),)
    assert reply(ask(turns=said, tools=(TIME,), choice="none"), PLAIN, "a").calls == ()


def test_after_a_tools_result_the_text_quotes_it():
    turns = (Turn("user", "get_time"), Turn("assistant", ""), Turn("tool", "12:00"), Turn("tool", "UTC"))
    assert text(ask(turns=turns, tools=(TIME,))).startswith("The tool says: 12:00; UTC.")


def test_a_form_makes_the_text_json():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert isinstance(json.loads(text(ask(form=schema)))["n"], int)
    assert set(json.loads(text(ask(form=True)))) == {"answer", "count"}


def test_toggles_shape_the_answer():
    assert "".join(reply(ask(), parse_script("m;refusal"), "a").refusal).startswith("I'm sorry")
    assert len(reply(ask(), parse_script("m;reasoning"), "a").reasoning) > 3
    assert reply(ask(), parse_script("m;filter"), "a").finish is Finish.FILTER
    assert reply(ask(tools=(TIME,)), parse_script("m;tool"), "a").calls
    assert text(ask(), "m;tag;chunks=3") == "a-1:0 a-1:1 a-1:2 "


def test_chunks_and_bytes_size_the_answer_exactly():
    assert len(reply(ask(), parse_script("m;chunks=500"), "a").pieces) == 500
    for size, count in ((0, None), (1, None), (1024, None), (5000, None), (5000, 7), (3, 10)):
        assert len("".join(filler(size, count))) == size
    assert len(reply(ask(), parse_script("m;bytes=52428800"), "a").pieces) == 51200


def test_filler_slices_like_any_sequence():
    words = Filler(("a", "b"), range(5))
    assert (list(words), list(words[1:3]), words[4], len(words[:2])) == (
        ["a", "b"] * 2 + ["a"],
        ["b", "a"],
        "a",
        2,
    )
    assert list(filler(2050, None)[1:])[-1] == "mo"


def test_words_lose_no_character():
    for said in ("a  b\n\nc ", "", " ", "\u00e9t\u00e9\tso", "x"):
        assert "".join(in_words(said)) == said


def test_a_vector_is_unit_length_and_a_function_of_its_text():
    one = vector("m", "hello", 1536)
    assert math.isclose(sum(x * x for x in one), 1.0, rel_tol=1e-9)
    assert one == vector("m", "hello", 1536)
    assert one != vector("m", "hullo", 1536)
