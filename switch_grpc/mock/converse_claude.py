"""What Claude's models refuse of a Converse request, beyond what Bedrock refuses of any.

Bedrock hands the request on and their refusal back. In their words, as at Anthropic: schemas that do not
compile, alternatives at the top of a tool's input, blank stop sequences, an answer to go on with that ends in
white space.
"""

from typing import Final

from switch_grpc.mock.answers import Ask
from switch_grpc.mock.anthropic_fields import wrong
from switch_grpc.mock.anthropic_schema import check_schema
from switch_grpc.mock.converse_check import validation
from switch_grpc.mock.converse_turns import Block, objects
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.fields import Json

_AT_TOP: Final = ("allOf", "anyOf", "oneOf")


def check_claude(ask: Ask, body: Block) -> None:
    """Raises Refused with a ValidationException."""
    try:
        check_schema(ask.form, "output_config.format.schema")
        for k, spec in enumerate(_specs(body)):
            _check_tool(spec, f"tools.{k}.custom")
    except Refused as refused:
        raise _told(refused.failure.message) from None
    if any(not stop.strip() for stop in ask.stops):
        raise _told("stop_sequences: each stop sequence must contain non-whitespace")
    last = ask.turns[-1] if ask.turns else None
    if last is not None and last.role == "assistant" and last.text != last.text.rstrip():
        raise _told("messages: final assistant content cannot end with trailing whitespace")


def _specs(body: Block) -> list[Block]:
    config = body.get("toolConfig")
    tools = objects(config.get("tools")) if isinstance(config, dict) else []
    return [spec for tool in tools if isinstance(spec := tool.get("toolSpec"), dict)]


def _check_tool(spec: Block, path: str) -> None:
    held = spec["inputSchema"]
    schema: Json = held.get("json") if isinstance(held, dict) else None
    if isinstance(schema, dict) and any(name in schema for name in _AT_TOP):
        raise wrong(path, "input_schema does not support oneOf, allOf, or anyOf at the top level")
    if spec.get("strict") is True:
        check_schema(schema, path)


def _told(why: str) -> Refused:
    return validation(f"The model returned the following errors: {why}")
