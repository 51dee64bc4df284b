from switch_grpc.v1 import chat_pb2 as _chat_pb2
from switch_grpc.v1 import completion_pb2 as _completion_pb2
from switch_grpc.v1 import route_info_pb2 as _route_info_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EmbedRequest(_message.Message):
    __slots__ = ("route", "input", "dimensions", "encoding_format", "user", "extra_json")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FORMAT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    EXTRA_JSON_FIELD_NUMBER: _ClassVar[int]
    route: str
    input: _completion_pb2.Prompt
    dimensions: int
    encoding_format: str
    user: str
    extra_json: str
    def __init__(self, route: _Optional[str] = ..., input: _Optional[_Union[_completion_pb2.Prompt, _Mapping]] = ..., dimensions: _Optional[int] = ..., encoding_format: _Optional[str] = ..., user: _Optional[str] = ..., extra_json: _Optional[str] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("model", "data", "usage", "extra_json", "route_info")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_JSON_FIELD_NUMBER: _ClassVar[int]
    ROUTE_INFO_FIELD_NUMBER: _ClassVar[int]
    model: str
    data: _containers.RepeatedCompositeFieldContainer[Embedding]
    usage: _chat_pb2.Usage
    extra_json: str
    route_info: _route_info_pb2.RouteInfo
    def __init__(self, model: _Optional[str] = ..., data: _Optional[_Iterable[_Union[Embedding, _Mapping]]] = ..., usage: _Optional[_Union[_chat_pb2.Usage, _Mapping]] = ..., extra_json: _Optional[str] = ..., route_info: _Optional[_Union[_route_info_pb2.RouteInfo, _Mapping]] = ...) -> None: ...

class Embedding(_message.Message):
    __slots__ = ("index", "vector", "float32", "extra_json")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    FLOAT32_FIELD_NUMBER: _ClassVar[int]
    EXTRA_JSON_FIELD_NUMBER: _ClassVar[int]
    index: int
    vector: Vector
    float32: bytes
    extra_json: str
    def __init__(self, index: _Optional[int] = ..., vector: _Optional[_Union[Vector, _Mapping]] = ..., float32: _Optional[bytes] = ..., extra_json: _Optional[str] = ...) -> None: ...

class Vector(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...
