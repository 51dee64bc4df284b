"""How layers combine, and how parameters are spelt: what `check` and `resolve` must agree on."""

import fnmatch
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from switch_grpc.config.environment import Environment, bracketed
from switch_grpc.config.listen import Address, parse_address
from switch_grpc.config.schema import Definitions, PoolEntry
from switch_grpc.config.section import Section
from switch_grpc.config.server import Server
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2

S = TypeVar("S", bound=Section)

# Parameters by their spelling in camelCase: `maxTokens` -> `max_tokens`.
PARAMETERS: Final[Mapping[str, str]] = {
    field.json_name.removesuffix("Json"): field.name.removesuffix("_json")
    for message in (chat_pb2.ChatRequest, completion_pb2.CompletionRequest, embedding_pb2.EmbedRequest)
    for field in message.DESCRIPTOR.fields
}


def merge(first: S, *rest: S) -> S:
    """A section whose keys come from the first of the layers that sets them, sections inside key by key."""
    rest = tuple(layer for layer in rest if layer.model_fields_set)
    if not rest:
        return first
    values: dict[str, object] = {}
    for name in type(first).model_fields:
        given = [getattr(layer, name) for layer in (first, *rest) if name in layer.model_fields_set]
        sections = [value for value in given if isinstance(value, Section)]
        if given:
            values[name] = merge(*sections) if isinstance(given[0], Section) else given[0]
    return first.model_copy(update=values)


def pool_order(pools: Mapping[str, PoolEntry], first: str) -> list[str]:
    """The pools to ask, depth first, each once; ids that name no pool are left out."""
    order: list[str] = []

    def visit(id: str) -> None:
        if id in pools and id not in order:
            order.append(id)
            for next_id in pools[id].fallback_pool_ids:
                visit(next_id)

    visit(first)
    return order


def listeners(definitions: Definitions, environment: Environment) -> tuple[Server, Address, Address]:
    """The server's section merged with the flags and the environment, and its HTTP and gRPC addresses."""
    server = merge(environment.flags, definitions.server, environment.server)
    process = environment.process
    host = bracketed(process.host or "127.0.0.1")
    return (
        server,
        server.http or parse_address(f"{host}:{process.port}"),
        server.grpc or parse_address(f"{host}:{process.grpc_port}"),
    )


def parameters(values: Mapping[str, object]) -> dict[str, bytes]:
    """Raw JSON by parameter, camelCase twins of OpenAI's names in OpenAI's spelling."""
    return {PARAMETERS.get(name, name): value for name, value in raw_json(values).items()}


def raw_json(values: Mapping[str, object]) -> dict[str, bytes]:
    """JSON text that keeps `5`, `5.0` and 2^53+1 as they are."""
    return {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        for name, value in values.items()
    }


def matching(patterns: Sequence[str], definitions: Definitions) -> list[str]:
    """The routes whose name or alias one of the patterns matches."""
    return [
        name
        for name, entry in definitions.models.items()
        if any(fnmatch.fnmatchcase(known, p) for known in (name, *entry.aliases) for p in patterns)
    ]
