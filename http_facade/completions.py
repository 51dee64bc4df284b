"""POST /v1/completions: legacy text completion."""

from typing import Final

from google.protobuf.message import Message

from http_facade.inference import Wire
from http_facade.sse import Chunk
from switch_grpc.openai_wire import encode_completion_chunk, encode_completion_response
from switch_grpc.request import Operation
from switch_grpc.v1 import completion_pb2, route_info_pb2


def _reply(message: Message) -> tuple[route_info_pb2.RouteInfo, bytes]:
    assert isinstance(message, completion_pb2.CompletionResponse)
    return message.route_info, encode_completion_response(message)


def _chunk(chunk: Chunk, *, info: bool) -> bytes:
    assert isinstance(chunk, completion_pb2.CompletionChunk)
    return encode_completion_chunk(chunk, info=info)


COMPLETIONS: Final = Wire(Operation.COMPLETE, _reply, _chunk)
