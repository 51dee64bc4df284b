"""POST /v1/chat/completions."""

from typing import Final

from google.protobuf.message import Message

from http_facade.inference import Wire
from http_facade.sse import Chunk
from switch_grpc.openai_wire import encode_chat_chunk, encode_chat_response
from switch_grpc.request import Operation
from switch_grpc.v1 import chat_pb2, route_info_pb2


def _reply(message: Message) -> tuple[route_info_pb2.RouteInfo, bytes]:
    assert isinstance(message, chat_pb2.ChatResponse)
    return message.route_info, encode_chat_response(message)


def _chunk(chunk: Chunk, *, info: bool) -> bytes:
    assert isinstance(chunk, chat_pb2.ChatChunk)
    return encode_chat_chunk(chunk, info=info)


CHAT: Final = Wire(Operation.CHAT, _reply, _chunk)
