from google.protobuf import timestamp_pb2 as _timestamp_pb2
from switch_grpc.v1 import fault_pb2 as _fault_pb2
from switch_grpc.v1 import route_info_pb2 as _route_info_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BreakerCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_CAUSE_UNSPECIFIED: _ClassVar[BreakerCause]
    BREAKER_CAUSE_CONSECUTIVE: _ClassVar[BreakerCause]
    BREAKER_CAUSE_RATE: _ClassVar[BreakerCause]
    BREAKER_CAUSE_PERMANENT: _ClassVar[BreakerCause]
    BREAKER_CAUSE_TLS: _ClassVar[BreakerCause]
    BREAKER_CAUSE_FORCED: _ClassVar[BreakerCause]
    BREAKER_CAUSE_PROBE: _ClassVar[BreakerCause]

class Health(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_UNSPECIFIED: _ClassVar[Health]
    HEALTH_HEALTHY: _ClassVar[Health]
    HEALTH_UNHEALTHY: _ClassVar[Health]
BREAKER_CAUSE_UNSPECIFIED: BreakerCause
BREAKER_CAUSE_CONSECUTIVE: BreakerCause
BREAKER_CAUSE_RATE: BreakerCause
BREAKER_CAUSE_PERMANENT: BreakerCause
BREAKER_CAUSE_TLS: BreakerCause
BREAKER_CAUSE_FORCED: BreakerCause
BREAKER_CAUSE_PROBE: BreakerCause
HEALTH_UNSPECIFIED: Health
HEALTH_HEALTHY: Health
HEALTH_UNHEALTHY: Health

class GetStatusRequest(_message.Message):
    __slots__ = ("route", "target")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("targets", "gateway")
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.RepeatedCompositeFieldContainer[TargetStatus]
    gateway: GatewayStatus
    def __init__(self, targets: _Optional[_Iterable[_Union[TargetStatus, _Mapping]]] = ..., gateway: _Optional[_Union[GatewayStatus, _Mapping]] = ...) -> None: ...

class GatewayStatus(_message.Message):
    __slots__ = ("state", "version", "started", "config", "in_flight")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[GatewayStatus.State]
        STATE_STARTING: _ClassVar[GatewayStatus.State]
        STATE_SERVING: _ClassVar[GatewayStatus.State]
        STATE_DRAINING: _ClassVar[GatewayStatus.State]
    STATE_UNSPECIFIED: GatewayStatus.State
    STATE_STARTING: GatewayStatus.State
    STATE_SERVING: GatewayStatus.State
    STATE_DRAINING: GatewayStatus.State
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    state: GatewayStatus.State
    version: str
    started: _timestamp_pb2.Timestamp
    config: ConfigStatus
    in_flight: int
    def __init__(self, state: _Optional[_Union[GatewayStatus.State, str]] = ..., version: _Optional[str] = ..., started: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., config: _Optional[_Union[ConfigStatus, _Mapping]] = ..., in_flight: _Optional[int] = ...) -> None: ...

class ConfigStatus(_message.Message):
    __slots__ = ("version", "loaded", "source", "rejected_version", "rejected_reason")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REJECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    REJECTED_REASON_FIELD_NUMBER: _ClassVar[int]
    version: str
    loaded: _timestamp_pb2.Timestamp
    source: str
    rejected_version: str
    rejected_reason: str
    def __init__(self, version: _Optional[str] = ..., loaded: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., rejected_version: _Optional[str] = ..., rejected_reason: _Optional[str] = ...) -> None: ...

class TargetStatus(_message.Message):
    __slots__ = ("route", "target", "provider", "model", "state", "cause", "next_attempt", "permanent_trips", "consecutive_failures", "cooling_until", "total_requests", "successful_requests", "failed_requests", "error_rate", "average_response_ms", "average_ttfb_ms", "in_flight", "last_fault", "last_fault_message", "last_fault_at", "health", "override")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PERMANENT_TRIPS_FIELD_NUMBER: _ClassVar[int]
    CONSECUTIVE_FAILURES_FIELD_NUMBER: _ClassVar[int]
    COOLING_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSFUL_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_RATE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_RESPONSE_MS_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_TTFB_MS_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    LAST_FAULT_FIELD_NUMBER: _ClassVar[int]
    LAST_FAULT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LAST_FAULT_AT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    provider: str
    model: str
    state: _route_info_pb2.BreakerState
    cause: BreakerCause
    next_attempt: _timestamp_pb2.Timestamp
    permanent_trips: int
    consecutive_failures: int
    cooling_until: _timestamp_pb2.Timestamp
    total_requests: int
    successful_requests: int
    failed_requests: int
    error_rate: float
    average_response_ms: float
    average_ttfb_ms: float
    in_flight: int
    last_fault: _fault_pb2.FaultReason
    last_fault_message: str
    last_fault_at: _timestamp_pb2.Timestamp
    health: Health
    override: BreakerOverride
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., state: _Optional[_Union[_route_info_pb2.BreakerState, str]] = ..., cause: _Optional[_Union[BreakerCause, str]] = ..., next_attempt: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., permanent_trips: _Optional[int] = ..., consecutive_failures: _Optional[int] = ..., cooling_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., total_requests: _Optional[int] = ..., successful_requests: _Optional[int] = ..., failed_requests: _Optional[int] = ..., error_rate: _Optional[float] = ..., average_response_ms: _Optional[float] = ..., average_ttfb_ms: _Optional[float] = ..., in_flight: _Optional[int] = ..., last_fault: _Optional[_Union[_fault_pb2.FaultReason, str]] = ..., last_fault_message: _Optional[str] = ..., last_fault_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., health: _Optional[_Union[Health, str]] = ..., override: _Optional[_Union[BreakerOverride, _Mapping]] = ...) -> None: ...

class WatchStatusRequest(_message.Message):
    __slots__ = ("route", "target")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class StatusEvent(_message.Message):
    __slots__ = ("at", "snapshot", "target", "gateway")
    AT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    snapshot: GetStatusResponse
    target: TargetStatus
    gateway: GatewayStatus
    def __init__(self, at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., snapshot: _Optional[_Union[GetStatusResponse, _Mapping]] = ..., target: _Optional[_Union[TargetStatus, _Mapping]] = ..., gateway: _Optional[_Union[GatewayStatus, _Mapping]] = ...) -> None: ...

class ResetBreakerRequest(_message.Message):
    __slots__ = ("route", "target")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class ResetBreakerResponse(_message.Message):
    __slots__ = ("targets",)
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.RepeatedCompositeFieldContainer[TargetStatus]
    def __init__(self, targets: _Optional[_Iterable[_Union[TargetStatus, _Mapping]]] = ...) -> None: ...

class BreakerOverride(_message.Message):
    __slots__ = ("mode", "until")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[BreakerOverride.Mode]
        MODE_FORCE_OPEN: _ClassVar[BreakerOverride.Mode]
        MODE_FORCE_CLOSED: _ClassVar[BreakerOverride.Mode]
    MODE_UNSPECIFIED: BreakerOverride.Mode
    MODE_FORCE_OPEN: BreakerOverride.Mode
    MODE_FORCE_CLOSED: BreakerOverride.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    mode: BreakerOverride.Mode
    until: _timestamp_pb2.Timestamp
    def __init__(self, mode: _Optional[_Union[BreakerOverride.Mode, str]] = ..., until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OverrideBreakerRequest(_message.Message):
    __slots__ = ("route", "target", "mode", "ttl")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    route: str
    target: str
    mode: BreakerOverride.Mode
    ttl: float
    def __init__(self, route: _Optional[str] = ..., target: _Optional[str] = ..., mode: _Optional[_Union[BreakerOverride.Mode, str]] = ..., ttl: _Optional[float] = ...) -> None: ...

class OverrideBreakerResponse(_message.Message):
    __slots__ = ("target",)
    TARGET_FIELD_NUMBER: _ClassVar[int]
    target: TargetStatus
    def __init__(self, target: _Optional[_Union[TargetStatus, _Mapping]] = ...) -> None: ...

class ReloadConfigRequest(_message.Message):
    __slots__ = ("dry_run",)
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    def __init__(self, dry_run: bool = ...) -> None: ...

class ReloadConfigResponse(_message.Message):
    __slots__ = ("config", "problems")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    config: ConfigStatus
    problems: _containers.RepeatedCompositeFieldContainer[ConfigProblem]
    def __init__(self, config: _Optional[_Union[ConfigStatus, _Mapping]] = ..., problems: _Optional[_Iterable[_Union[ConfigProblem, _Mapping]]] = ...) -> None: ...

class ConfigProblem(_message.Message):
    __slots__ = ("path", "found", "expected", "remedy", "warning")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    path: str
    found: str
    expected: str
    remedy: str
    warning: bool
    def __init__(self, path: _Optional[str] = ..., found: _Optional[str] = ..., expected: _Optional[str] = ..., remedy: _Optional[str] = ..., warning: bool = ...) -> None: ...

class ExplainRouteRequest(_message.Message):
    __slots__ = ("route", "sticky_key")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    STICKY_KEY_FIELD_NUMBER: _ClassVar[int]
    route: str
    sticky_key: str
    def __init__(self, route: _Optional[str] = ..., sticky_key: _Optional[str] = ...) -> None: ...

class ExplainRouteResponse(_message.Message):
    __slots__ = ("route", "strategy", "candidates")
    class Candidate(_message.Message):
        __slots__ = ("target", "provider", "model", "admissible", "reason")
        TARGET_FIELD_NUMBER: _ClassVar[int]
        PROVIDER_FIELD_NUMBER: _ClassVar[int]
        MODEL_FIELD_NUMBER: _ClassVar[int]
        ADMISSIBLE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        target: str
        provider: str
        model: str
        admissible: bool
        reason: str
        def __init__(self, target: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., admissible: bool = ..., reason: _Optional[str] = ...) -> None: ...
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    route: str
    strategy: str
    candidates: _containers.RepeatedCompositeFieldContainer[ExplainRouteResponse.Candidate]
    def __init__(self, route: _Optional[str] = ..., strategy: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[ExplainRouteResponse.Candidate, _Mapping]]] = ...) -> None: ...
