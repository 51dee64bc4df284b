"""OpenAI's `allowed_tools`, in both spellings of its tools, and Mistral's "any"."""

import json

import pytest

from switch_grpc.openai_wire import decode_chat_request
from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.tool_choice import Allowed, allowed_tools
from switch_grpc.providers.vendors import VENDORS, Vendor, dialect_of
from switch_grpc.request import Head, MessageBody, Operation


@pytest.mark.parametrize(
    ("raw", "allowed"),
    [
        (
            '{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[TOOL]}}'.replace(
                "TOOL", '{"type":"function","function":{"name":"a"}},{"type":"function","name":"b"}'
            ),
            Allowed(frozenset({"a", "b"}), required=True),
        ),
        (
            '{"type":"allowed_tools","mode":"auto","tools":[{"name":"a"}]}',
            Allowed(frozenset({"a"}), required=False),
        ),
        ('{"type":"allowed_tools","allowed_tools":{"mode":"some","tools":[{"name":"a"}]}}', None),
        ('{"type":"allowed_tools","allowed_tools":{"tools":[{"type":"mcp"}]}}', None),
        ('{"type":"any"}', None),
        ('"any"', None),
        ("[1]", None),
    ],
)
def test_the_tools_that_a_choice_allows(raw: str, allowed: Allowed | None) -> None:
    assert allowed_tools(raw) == allowed


@pytest.mark.parametrize(
    "row", [row for row in VENDORS.values() if row.dialect == "openai"], ids=lambda row: row.name
)
def test_mistrals_word_is_openais_for_those_who_do_not_know_it(row: Vendor) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    asked = {"model": "lite", "messages": [{"role": "user", "content": "a"}], "tools": [tool]}
    request = decode_chat_request(json.dumps({**asked, "tool_choice": "any"}).encode())
    binding = Binding(target="a", provider=row.name, model="m", base_url="https://x")
    head = Head(operation=Operation.CHAT, route="lite")
    (wire,) = dialect_of(row).encode(head, MessageBody(request), binding)
    knows = row.name in ("mistral", "custom", "mock")
    assert json.loads(wire.body)["tool_choice"] == ("any" if knows else "required")
    assert request.tool_choice.raw_json == '"any"', "a received message is never changed"
