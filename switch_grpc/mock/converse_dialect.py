"""Bedrock's dialect: Converse, ConverseStream and InvokeModel under `/model/{id}/`, signed by AWS's rules."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from switch_grpc.mock.converse import WIRE, converse
from switch_grpc.mock.converse_check import validation
from switch_grpc.mock.converse_embed import embed
from switch_grpc.mock.converse_keys import check_key
from switch_grpc.mock.dialect import Asked, Dialect, Incoming, Job, Operation, script_of, under
from switch_grpc.mock.fields import Json
from switch_grpc.mock.ledger import Request
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Headers


def _authorize(request: Request, key: str | None) -> None:
    check_key(request, key, datetime.fromtimestamp(time.time(), UTC))


def _headers(attempt: str) -> Headers:
    return (("x-amzn-requestid", str(uuid5(NAMESPACE_OID, attempt))),)


def _reads(answer: Callable[[Json, str, Script], Job]) -> Callable[[Incoming], Asked]:
    """What reads a JSON body; the model is in the path."""

    def read(incoming: Incoming) -> Asked:
        script = script_of(incoming.model)
        return Asked(incoming.model, script, answer(_decoded(incoming.body), incoming.model, script))

    return read


def _decoded(data: bytes) -> Json:
    try:
        body: Json = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise validation(f"The request body is not valid JSON: {error}") from error
    return body


def _embed(body: Json, model: str, script: Script) -> Job:
    return embed(body, model)


def _post(operation: str, answer: Callable[[Json, str, Script], Job]) -> Operation:
    return Operation(
        method="POST", pattern=under(rf"model/(?P<model>[^/]+)/{operation}"), read=_reads(answer)
    )


CONVERSE: Final = Dialect(
    name="converse",
    wire=WIRE,
    operations=(
        _post("converse", partial(converse, stream=False)),
        _post("converse-stream", partial(converse, stream=True)),
        _post("invoke", _embed),
    ),
    authorize=_authorize,
    headers=_headers,
)
