import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.openai_wire import encode_chat_chunk, fold_chat, split_chat
from switch_grpc.openai_wire.chat_reply import decode_chat_chunk, decode_chat_response
from switch_grpc.v1 import chat_pb2 as pb
from tests.support.generated_replies import LAW, chat_replies, cut

pytestmark = pytest.mark.timing


def chunk(index=0, **delta) -> pb.ChatChunk:
    return pb.ChatChunk(id="c", choices=[{"index": index, "delta": delta}])


def message_of(*chunks: pb.ChatChunk) -> pb.Message:
    return fold_chat(chunks).choices[0].message


@LAW
@given(chat_replies())
def test_a_reply_is_the_fold_of_its_chunks(reply):
    assert fold_chat(split_chat(reply)) == reply


@LAW
@given(chat_replies())
def test_a_reply_survives_as_a_stream_of_json(reply):
    events = [encode_chat_chunk(chunk) for chunk in split_chat(reply)]
    assert fold_chat(map(decode_chat_chunk, events)) == reply


@pytest.mark.parametrize("named", [{}, {"type": None}])
def test_a_call_of_a_kind_that_is_not_told_can_be_split(named):
    call = {"id": "call_1", "search": {}, **named}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    folded = fold_chat(split_chat(decode_chat_response(json.dumps(reply).encode())))
    assert json.loads(folded.choices[0].message.tool_calls[0].raw_json) == {"type": "unknown", **call}


@LAW
@given(chat_replies(), st.data())
def test_where_a_stream_is_cut_does_not_matter(reply, data):
    """Texts are cut anywhere and choices arrive interleaved, in any order between choices."""
    lanes: dict[int, list[pb.ChatChunk]] = {}
    rest = []
    for whole in split_chat(reply):
        if not whole.choices:
            rest.append(whole)
            continue
        lane = lanes.setdefault(whole.choices[0].index, [])
        lane += cut_chunk(whole, data.draw)
    order = data.draw(st.permutations([index for index, lane in lanes.items() for _ in lane]))
    chunks = [lanes[index].pop(0) for index in order] + rest
    assert fold_chat(chunks) == reply


def cut_chunk(whole: pb.ChatChunk, draw) -> list[pb.ChatChunk]:
    """The same as three chunks: everything but the texts on the first, the texts cut at two places."""
    pieces = [pb.ChatChunk() for _ in range(3)]
    pieces[0].CopyFrom(whole)
    for piece in pieces[1:]:
        piece.choices.add(index=whole.choices[0].index)
    deltas = [piece.choices[0].delta for piece in pieces]
    source = whole.choices[0].delta
    for name in ("content", "refusal", "reasoning"):
        if source.HasField(name):
            for delta, text in zip(deltas, cut(getattr(source, name), draw), strict=True):
                setattr(delta, name, text)
    for call in source.tool_calls:
        for kind, name in (("function", "arguments"), ("custom", "input")):
            if call.HasField(kind):
                texts = cut(getattr(getattr(call, kind), name), draw)
                setattr(getattr(deltas[0].tool_calls[call.index], kind), name, texts[0])
                for delta, text in zip(deltas[1:], texts[1:], strict=True):
                    delta.tool_calls.append(pb.ToolCallDelta(index=call.index, **{kind: {name: text}}))
    if source.HasField("function_call"):
        for delta, text in zip(deltas, cut(source.function_call.arguments, draw), strict=True):
            delta.function_call.arguments = text
    if source.HasField("audio") and source.audio.HasField("data"):
        for delta, text in zip(deltas, cut(source.audio.data, draw), strict=True):
            delta.audio.data = text
    return pieces


def test_no_chunks_fold_to_an_empty_reply():
    assert fold_chat([]) == pb.ChatResponse()


def test_an_empty_reply_is_one_chunk():
    assert split_chat(pb.ChatResponse(id="c")) == [pb.ChatChunk(id="c")]


def test_what_names_the_reply_is_taken_from_where_it_first_stands():
    """Azure's first event has no id, and some servers repeat a tool's name."""
    folded = fold_chat([pb.ChatChunk(), pb.ChatChunk(id="a", model="m", created=5), pb.ChatChunk(id="b")])
    assert (folded.id, folded.model, folded.created) == ("a", "m", 5)
    call = {"function": {"name": "f", "arguments": "x"}}
    message = message_of(chunk(tool_calls=[call | {"id": "1"}]), chunk(tool_calls=[call | {"id": "1"}]))
    assert message.tool_calls == [pb.ToolCall(id="1", function={"name": "f", "arguments": "xx"})]


def test_the_last_usage_counts():
    usages = [pb.ChatChunk(usage={"prompt_tokens": n, "completion_tokens": n}) for n in (1, 2)]
    usages[1].usage.ClearField("prompt_tokens")
    assert fold_chat(usages).usage == pb.Usage(completion_tokens=2)


def test_members_of_extra_json_are_merged_and_the_later_wins():
    chunks = [pb.ChatChunk(extra_json=text) for text in ('{"a":1,"b":1}', '{"b":2}', '{"b":2}', '{"c":5.0}')]
    assert fold_chat(chunks).extra_json == '{"a":1,"b":2,"c":5.0}'


def test_choices_and_calls_come_in_order_of_their_index():
    folded = fold_chat([chunk(1, content="b"), chunk(0, content="a")])
    assert [choice.message.content for choice in folded.choices] == ["a", "b"]
    message = message_of(
        chunk(tool_calls=[{"index": 1, "id": "b"}]), chunk(tool_calls=[{"index": 0, "id": "a"}])
    )
    assert [call.id for call in message.tool_calls] == ["a", "b"]


def test_annotations_are_chained():
    assert (
        message_of(chunk(annotations_json="[1]"), chunk(annotations_json="[2.0]")).annotations_json
        == "[1,2.0]"
    )


def test_lists_of_parts_are_chained_and_text_beside_them_is_a_part():
    thinking = '{"type":"thinking","thinking":"hm"}'
    lists = [chunk(extra_json=f'{{"content":[{thinking}]}}') for _ in range(2)]
    message = message_of(*lists, chunk(content="a"), chunk(content="b"))
    assert message == pb.Message(parts=[{"raw_json": thinking}, {"raw_json": thinking}, {"text": "ab"}])


def test_content_that_is_no_list_of_parts_stays_an_extra():
    assert message_of(chunk(extra_json='{"content":[5]}')).extra_json == '{"content":[5]}'


def test_a_call_of_unknown_type_is_put_together():
    first = decode_chat_chunk(
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"1","type":"mcp","mcp":{"a":5.0}}]}}]}'
    )
    call = message_of(first).tool_calls[0]
    assert call == pb.ToolCall(raw_json='{"id":"1","type":"mcp","mcp":{"a":5.0}}')


def test_a_stream_begins_goes_on_and_ends():
    reply = pb.ChatResponse(
        id="c",
        choices=[
            {"message": {"role": pb.ROLE_ASSISTANT, "content": "hi"}, "finish_reason": pb.FINISH_REASON_STOP}
        ],
        usage={"total_tokens": 1},
        route_info={"target": "a"},
    )
    role, said, ended, usage = split_chat(reply)
    assert role.choices[0].delta == pb.Delta(role=pb.ROLE_ASSISTANT)
    assert said.choices[0].delta == pb.Delta(content="hi")
    assert ended.choices[0] == pb.ChunkChoice(delta={}, finish_reason=pb.FINISH_REASON_STOP)
    assert not usage.choices
    assert [c.HasField("route_info") for c in (role, said, ended, usage)] == [True, False, False, True]


def test_the_cost_of_a_fold_is_linear():
    def seconds(length: int) -> float:
        chunks = [chunk(content="x" * 20, extra_json=f'{{"n":{n}}}') for n in range(length)]
        begun = time.perf_counter()
        fold_chat(chunks)
        return time.perf_counter() - begun

    assert min(seconds(8000) for _ in range(3)) < 12 * min(seconds(2000) for _ in range(3)) + 0.005
