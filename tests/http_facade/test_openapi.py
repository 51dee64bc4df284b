"""The OpenAPI document is written by hand, so it is held against routes, messages and answers."""

from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from google.protobuf.message import Message
from starlette.routing import Route

from http_facade.app import create_app
from http_facade.endpoint import Endpoint, OpenEndpoint
from switch_grpc.v1 import chat_pb2, completion_pb2, embedding_pb2
from tests.http_facade.conftest import Door
from tests.support.scripted_backend import ScriptedBackend, chat_reply, completion_reply, embed_reply

APP = create_app(ScriptedBackend(), metrics=lambda: (b"", ""))
DOCUMENT: dict[str, Any] = APP.openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
SOMETIMES = ("X-Used-Fallback", "X-Switch-Cost-Usd", "X-Switch-Adaptations")  # there when it is so


def test_it_is_a_valid_openapi_3_1_document() -> None:
    OpenAPI.model_validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_reference_resolves() -> None:
    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].rpartition("/")[2] in SCHEMAS
            for value in node.values():
                walk(value)
        elif isinstance(node, list | tuple):
            for value in node:
                walk(value)

    walk(DOCUMENT)


def test_it_lists_every_route_with_its_methods_and_scope() -> None:
    routes = [route for route in APP.routes if isinstance(route, Route)]
    assert set(DOCUMENT["paths"]) == {route.path.replace(":path", "") for route in routes}
    for route in routes:
        operations = DOCUMENT["paths"][route.path.replace(":path", "")]
        endpoint = route.endpoint
        assert isinstance(endpoint, Endpoint | OpenEndpoint)
        assert {method.upper() for method in operations} == set(endpoint.methods) - {"HEAD"}
        for operation in operations.values():
            assert operation.get("x-scope") == endpoint.scope
            assert (operation.get("security") == []) == (endpoint.scope is None)
            names = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert names == set(route.param_convertors)


def test_operation_ids_are_unique() -> None:
    ids = [each["operationId"] for path in DOCUMENT["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("ChatRequest", chat_pb2.ChatRequest),
        ("CompletionRequest", completion_pb2.CompletionRequest),
        ("EmbeddingRequest", embedding_pb2.EmbedRequest),
    ],
)
def test_a_request_schema_has_exactly_the_contracts_fields(schema: str, message: type[Message]) -> None:
    fields = {field.name.removesuffix("_json") for field in message.DESCRIPTOR.fields} - {"extra"}
    properties = SCHEMAS[schema]["properties"]
    assert isinstance(properties, dict)
    expected = {"model" if name == "route" else name for name in fields}
    if schema != "EmbeddingRequest":
        expected.add("stream")  # a method of its own in gRPC
    assert set(properties) == expected


def conforms(value: object, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What in `value` is against `schema`: the part of JSON Schema that the document uses."""
    if "$ref" in schema:
        return conforms(value, dict(SCHEMAS[schema["$ref"].rpartition("/")[2]]), where)
    if "anyOf" in schema:
        tries = [conforms(value, each, where) for each in schema["anyOf"]]
        return [] if [] in tries else min(tries, key=len)
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{where}: {value!r} is no {schema['type']}"]
    wrong = []
    if "const" in schema and value != schema["const"]:
        wrong.append(f"{where}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{where}: {value!r} not in {schema['enum']}")
    if isinstance(value, dict):
        wrong += [f"{where}: lacks {name}" for name in schema.get("required", ()) if name not in value]
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        for name, member in value.items():
            inner = properties.get(name, more)
            if isinstance(inner, dict):
                wrong += conforms(member, inner, f"{where}.{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            wrong += conforms(item, schema["items"], f"{where}[{index}]")
    return wrong


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("POST", "/v1/completions", {"prompt": "Hi"}),
        ("POST", "/v1/embeddings", {"input": "Hi"}),
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/{id}", None),
        ("GET", "/health", None),
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("GET", "/admin/providers/status", None),
        ("POST", "/admin/providers/{model}/{provider}/reset", None),
    ],
)
async def test_answers_and_errors_conform(
    door: Door, method: str, path: str, body: dict[str, object] | None
) -> None:
    replies = {"/v1/chat/completions": chat_reply(), "/v1/completions": completion_reply()}
    door.backend.steps = (replies.get(path, embed_reply()),)
    url = path.format(id="lite", model="lite", provider="a")
    sent = {"model": "lite", **body} if body is not None else None
    for key in ("admin-key", "no-key"):
        answer = await door.client.request(method, url, json=sent, headers={"x-api-key": key})
        described = DOCUMENT["paths"][path][method.lower()]["responses"][str(answer.status_code)]
        kind = answer.headers["content-type"]
        assert conforms(answer.json(), described["content"][kind]["schema"]) == []
        for name in described.get("headers", {}):
            assert name in answer.headers or name in SOMETIMES


async def test_docs_show_every_path_without_anything_from_elsewhere(door: Door) -> None:
    page = await door.client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in DOCUMENT["paths"]:
        assert path in page.text
    for word in ("<script", "http://", "https://", " src="):
        assert word not in page.text
    assert (await door.client.get("/openapi.json")).json()["paths"] == DOCUMENT["paths"]
