from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FaultReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_REASON_UNSPECIFIED: _ClassVar[FaultReason]
    FAULT_REASON_BAD_REQUEST: _ClassVar[FaultReason]
    FAULT_REASON_INVALID_JSON: _ClassVar[FaultReason]
    FAULT_REASON_UNKNOWN_ROUTE: _ClassVar[FaultReason]
    FAULT_REASON_NO_KEY: _ClassVar[FaultReason]
    FAULT_REASON_BAD_KEY: _ClassVar[FaultReason]
    FAULT_REASON_FORBIDDEN: _ClassVar[FaultReason]
    FAULT_REASON_TOO_LARGE: _ClassVar[FaultReason]
    FAULT_REASON_HEADERS_TOO_LARGE: _ClassVar[FaultReason]
    FAULT_REASON_UNSUPPORTED: _ClassVar[FaultReason]
    FAULT_REASON_CALLER_RATE_LIMIT: _ClassVar[FaultReason]
    FAULT_REASON_CLIENT_FAULT: _ClassVar[FaultReason]
    FAULT_REASON_CONTEXT_LENGTH: _ClassVar[FaultReason]
    FAULT_REASON_CONTENT_FILTER: _ClassVar[FaultReason]
    FAULT_REASON_NOT_FOUND_OBJECT: _ClassVar[FaultReason]
    FAULT_REASON_CONFLICT: _ClassVar[FaultReason]
    FAULT_REASON_CANCELLED: _ClassVar[FaultReason]
    FAULT_REASON_DEADLINE: _ClassVar[FaultReason]
    FAULT_REASON_OVERLOADED: _ClassVar[FaultReason]
    FAULT_REASON_DRAINING: _ClassVar[FaultReason]
    FAULT_REASON_NO_TARGET: _ClassVar[FaultReason]
    FAULT_REASON_CREDENTIALS: _ClassVar[FaultReason]
    FAULT_REASON_CLOCK_SKEW: _ClassVar[FaultReason]
    FAULT_REASON_LOCAL: _ClassVar[FaultReason]
    FAULT_REASON_BUG: _ClassVar[FaultReason]
    FAULT_REASON_CAPABILITY: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_AUTH: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_QUOTA: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_MODEL_MISSING: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_RATE_LIMIT: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_OVERLOADED: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_SATURATED: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_ERROR: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_UNREACHABLE: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_TLS: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_TIMEOUT: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_REQUEST_TIMEOUT: _ClassVar[FaultReason]
    FAULT_REASON_UPSTREAM_PROTOCOL: _ClassVar[FaultReason]
    FAULT_REASON_STREAM_INTERRUPTED: _ClassVar[FaultReason]
FAULT_REASON_UNSPECIFIED: FaultReason
FAULT_REASON_BAD_REQUEST: FaultReason
FAULT_REASON_INVALID_JSON: FaultReason
FAULT_REASON_UNKNOWN_ROUTE: FaultReason
FAULT_REASON_NO_KEY: FaultReason
FAULT_REASON_BAD_KEY: FaultReason
FAULT_REASON_FORBIDDEN: FaultReason
FAULT_REASON_TOO_LARGE: FaultReason
FAULT_REASON_HEADERS_TOO_LARGE: FaultReason
FAULT_REASON_UNSUPPORTED: FaultReason
FAULT_REASON_CALLER_RATE_LIMIT: FaultReason
FAULT_REASON_CLIENT_FAULT: FaultReason
FAULT_REASON_CONTEXT_LENGTH: FaultReason
FAULT_REASON_CONTENT_FILTER: FaultReason
FAULT_REASON_NOT_FOUND_OBJECT: FaultReason
FAULT_REASON_CONFLICT: FaultReason
FAULT_REASON_CANCELLED: FaultReason
FAULT_REASON_DEADLINE: FaultReason
FAULT_REASON_OVERLOADED: FaultReason
FAULT_REASON_DRAINING: FaultReason
FAULT_REASON_NO_TARGET: FaultReason
FAULT_REASON_CREDENTIALS: FaultReason
FAULT_REASON_CLOCK_SKEW: FaultReason
FAULT_REASON_LOCAL: FaultReason
FAULT_REASON_BUG: FaultReason
FAULT_REASON_CAPABILITY: FaultReason
FAULT_REASON_UPSTREAM_AUTH: FaultReason
FAULT_REASON_UPSTREAM_QUOTA: FaultReason
FAULT_REASON_UPSTREAM_MODEL_MISSING: FaultReason
FAULT_REASON_UPSTREAM_RATE_LIMIT: FaultReason
FAULT_REASON_UPSTREAM_OVERLOADED: FaultReason
FAULT_REASON_UPSTREAM_SATURATED: FaultReason
FAULT_REASON_UPSTREAM_ERROR: FaultReason
FAULT_REASON_UPSTREAM_UNREACHABLE: FaultReason
FAULT_REASON_UPSTREAM_TLS: FaultReason
FAULT_REASON_UPSTREAM_TIMEOUT: FaultReason
FAULT_REASON_UPSTREAM_REQUEST_TIMEOUT: FaultReason
FAULT_REASON_UPSTREAM_PROTOCOL: FaultReason
FAULT_REASON_STREAM_INTERRUPTED: FaultReason

class FaultDetail(_message.Message):
    __slots__ = ("reason", "message", "param", "openai_type", "openai_code", "http_status", "retry_after", "should_retry", "target", "request_id", "attempts")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    OPENAI_TYPE_FIELD_NUMBER: _ClassVar[int]
    OPENAI_CODE_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    SHOULD_RETRY_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    reason: FaultReason
    message: str
    param: str
    openai_type: str
    openai_code: str
    http_status: int
    retry_after: float
    should_retry: bool
    target: str
    request_id: str
    attempts: _containers.RepeatedCompositeFieldContainer[AttemptInfo]
    def __init__(self, reason: _Optional[_Union[FaultReason, str]] = ..., message: _Optional[str] = ..., param: _Optional[str] = ..., openai_type: _Optional[str] = ..., openai_code: _Optional[str] = ..., http_status: _Optional[int] = ..., retry_after: _Optional[float] = ..., should_retry: bool = ..., target: _Optional[str] = ..., request_id: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[AttemptInfo, _Mapping]]] = ...) -> None: ...

class AttemptInfo(_message.Message):
    __slots__ = ("target", "reason", "upstream_status", "duration_ms")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_STATUS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    target: str
    reason: FaultReason
    upstream_status: int
    duration_ms: float
    def __init__(self, target: _Optional[str] = ..., reason: _Optional[_Union[FaultReason, str]] = ..., upstream_status: _Optional[int] = ..., duration_ms: _Optional[float] = ...) -> None: ...
