"""OpenAI's JSON <-> messages, in both directions: pure, and the only place that knows the field map.

For each of chat, completion and embed: `decode_*_request` reads a caller's body, `encode_*_request` writes an
upstream's; `decode_*_response` and `_chunk` read an upstream's answer, `encode_*` write a caller's. What has
no field survives in `extra_json`. `fold_*` makes a reply of a stream's chunks, `split_*` the reverse;
`in_encoding` gives embeddings the encoding that was asked for; `check_*` validates a message that came by
gRPC; `head_of` is what the engine reads of one. `plain_*` are the short way for what need not be a message,
or need not be looked at twice.

`guard` bounds the JSON, `fields` is the machinery of the maps, the other modules are the maps.
"""

from switch_grpc.openai_wire.chat_reply import (
    decode_chat_chunk,
    decode_chat_response,
    encode_chat_chunk,
    encode_chat_response,
)
from switch_grpc.openai_wire.chat_request import decode_chat_request, encode_chat_request
from switch_grpc.openai_wire.check import check_chat_request, check_completion_request, check_embed_request
from switch_grpc.openai_wire.completion import (
    decode_completion_chunk,
    decode_completion_request,
    decode_completion_response,
    encode_completion_chunk,
    encode_completion_request,
    encode_completion_response,
)
from switch_grpc.openai_wire.embedding import (
    decode_embed_request,
    decode_embed_response,
    encode_embed_request,
    encode_embed_response,
    in_encoding,
)
from switch_grpc.openai_wire.fold import fold_chat
from switch_grpc.openai_wire.fold_completion import fold_completion, split_completion
from switch_grpc.openai_wire.needs import head_of
from switch_grpc.openai_wire.plain_message import plain_message
from switch_grpc.openai_wire.plain_reply import (
    Chunk,
    PlainChunk,
    PlainReply,
    Reply,
    plain_chunk,
    plain_reply,
    read_chat_response,
)
from switch_grpc.openai_wire.plain_request import PlainChat, plain_chat
from switch_grpc.openai_wire.split import split_chat

__all__ = [
    "Chunk",
    "PlainChat",
    "PlainChunk",
    "PlainReply",
    "Reply",
    "check_chat_request",
    "check_completion_request",
    "check_embed_request",
    "decode_chat_chunk",
    "decode_chat_request",
    "decode_chat_response",
    "decode_completion_chunk",
    "decode_completion_request",
    "decode_completion_response",
    "decode_embed_request",
    "decode_embed_response",
    "encode_chat_chunk",
    "encode_chat_request",
    "encode_chat_response",
    "encode_completion_chunk",
    "encode_completion_request",
    "encode_completion_response",
    "encode_embed_request",
    "encode_embed_response",
    "fold_chat",
    "fold_completion",
    "head_of",
    "in_encoding",
    "plain_chat",
    "plain_chunk",
    "plain_message",
    "plain_reply",
    "read_chat_response",
    "split_chat",
    "split_completion",
]
