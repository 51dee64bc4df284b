"""The Python client of Switch: `Switch` for threads, `AsyncSwitch` for asyncio, the same methods on both.

Needs grpcio, protobuf and googleapis-common-protos, and nothing of the gateway but its messages.
"""

from switch_client.aio import AsyncAdmin, AsyncSwitch
from switch_client.aio_stream import AsyncChatStream, AsyncCompletionStream, AsyncStream
from switch_client.channel import TLS
from switch_client.errors import (
    AuthError,
    BadRequest,
    Cancelled,
    ContentFiltered,
    ContextLengthExceeded,
    DeadlineExceeded,
    Forbidden,
    GatewayBug,
    NotFound,
    RateLimited,
    RouteNotFound,
    StreamInterrupted,
    SwitchError,
    Unavailable,
    UpstreamError,
)
from switch_client.sync import Admin, Switch
from switch_client.sync_stream import ChatStream, CompletionStream, Stream

__all__ = [
    "TLS",
    "Admin",
    "AsyncAdmin",
    "AsyncChatStream",
    "AsyncCompletionStream",
    "AsyncStream",
    "AsyncSwitch",
    "AuthError",
    "BadRequest",
    "Cancelled",
    "ChatStream",
    "CompletionStream",
    "ContentFiltered",
    "ContextLengthExceeded",
    "DeadlineExceeded",
    "Forbidden",
    "GatewayBug",
    "NotFound",
    "RateLimited",
    "RouteNotFound",
    "Stream",
    "StreamInterrupted",
    "Switch",
    "SwitchError",
    "Unavailable",
    "UpstreamError",
]
