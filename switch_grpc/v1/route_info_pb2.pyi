from switch_grpc.v1 import fault_pb2 as _fault_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BreakerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_STATE_UNSPECIFIED: _ClassVar[BreakerState]
    BREAKER_STATE_CLOSED: _ClassVar[BreakerState]
    BREAKER_STATE_OPEN: _ClassVar[BreakerState]
    BREAKER_STATE_HALF_OPEN: _ClassVar[BreakerState]
BREAKER_STATE_UNSPECIFIED: BreakerState
BREAKER_STATE_CLOSED: BreakerState
BREAKER_STATE_OPEN: BreakerState
BREAKER_STATE_HALF_OPEN: BreakerState

class RouteInfo(_message.Message):
    __slots__ = ("route", "target", "provider", "model", "fallback_used", "breaker_state", "provider_ms", "attempts", "model_differs", "adaptations", "cost_usd", "request_id")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_USED_FIELD_NUMBER: _ClassVar[int]
    BREAKER_STATE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_MS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIFFERS_FIELD_NUMBER: _ClassVar[int]
    ADAPTATIONS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    provider: str
    model: str
    fallback_used: bool
    breaker_state: BreakerState
    provider_ms: float
    attempts: _containers.RepeatedCompositeFieldContainer[_fault_pb2.AttemptInfo]
    model_differs: bool
    adaptations: _containers.RepeatedScalarFieldContainer[str]
    cost_usd: float
    request_id: str
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., fallback_used: bool = ..., breaker_state: _Optional[_Union[BreakerState, str]] = ..., provider_ms: _Optional[float] = ..., attempts: _Optional[_Iterable[_Union[_fault_pb2.AttemptInfo, _Mapping]]] = ..., model_differs: bool = ..., adaptations: _Optional[_Iterable[str]] = ..., cost_usd: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...
