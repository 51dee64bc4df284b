"""POST /v1/embeddings."""

from typing import Final

from google.protobuf.message import Message

from http_facade.inference import Wire
from switch_grpc.openai_wire import encode_embed_response
from switch_grpc.request import Operation
from switch_grpc.v1 import embedding_pb2, route_info_pb2


def _reply(message: Message) -> tuple[route_info_pb2.RouteInfo, bytes]:
    assert isinstance(message, embedding_pb2.EmbedResponse)
    return message.route_info, encode_embed_response(message)


EMBEDDINGS: Final = Wire(Operation.EMBED, _reply)
