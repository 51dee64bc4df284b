"""What a gRPC status says beyond its code."""

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from switch_grpc.v1 import fault_pb2


def details(error: grpc.aio.AioRpcError) -> dict[type, Any]:
    """The messages in the status's details, by their type."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found: dict[type, Any] = {}
    for packed in status.details:
        for kind in (fault_pb2.FaultDetail, error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                found[kind] = kind.FromString(packed.value)
    return found


def reason(error: grpc.aio.AioRpcError) -> str:
    """The fault's kind, as callers compare it."""
    info: error_details_pb2.ErrorInfo = details(error)[error_details_pb2.ErrorInfo]
    return info.reason
