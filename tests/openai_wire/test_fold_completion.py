from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.openai_wire import (
    decode_completion_chunk,
    encode_completion_chunk,
    fold_completion,
    split_completion,
)
from switch_grpc.v1 import completion_pb2 as pb
from tests.support.generated_replies import LAW, completion_replies, cut


@LAW
@given(completion_replies())
def test_a_reply_is_the_fold_of_its_chunks(reply):
    assert fold_completion(split_completion(reply)) == reply
    events = [encode_completion_chunk(chunk) for chunk in split_completion(reply)]
    assert fold_completion(map(decode_completion_chunk, events)) == reply


@LAW
@given(completion_replies(), st.data())
def test_where_a_text_is_cut_does_not_matter(reply, data):
    chunks = []
    for whole in split_completion(reply):
        texts = cut(whole.choices[0].text, data.draw) if whole.choices else []
        if texts:
            whole.choices[0].text = texts[0]
        chunks.append(whole)
        chunks += [
            pb.CompletionChunk(choices=[{"index": whole.choices[0].index, "text": t}]) for t in texts[1:]
        ]
    assert fold_completion(chunks) == reply


def test_logprobs_are_chained_list_by_list():
    pieces = ['{"tokens":["a"],"top_logprobs":null,"x":1}', '{"tokens":["b"],"top_logprobs":[1.0],"x":2}']
    chunks = [pb.CompletionChunk(choices=[{"logprobs_json": piece}]) for piece in pieces]
    assert (
        fold_completion(chunks).choices[0].logprobs_json == '{"tokens":["a","b"],"top_logprobs":[1.0],"x":2}'
    )


def test_route_info_is_on_the_first_and_the_last_chunk():
    reply = pb.CompletionResponse(choices=[{"text": "a"}], usage={}, route_info={"target": "a"})
    assert [c.HasField("route_info") for c in split_completion(reply)] == [True, False, True]
    assert fold_completion(split_completion(reply)) == reply
