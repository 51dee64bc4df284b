"""Reads Converse requests, strictly: their shape, then what Bedrock asks of a conversation.

Refusals have Bedrock's own words where they are known. Of what only one family asks, Claude's thinking is
here: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from switch_grpc.mock.answers import Ask, Tool, Turn
from switch_grpc.mock.anthropic_turns import sign
from switch_grpc.mock.converse_check import check, validation
from switch_grpc.mock.converse_claude import check_claude
from switch_grpc.mock.converse_shapes import CONVERSE, CONVERSE_STREAM
from switch_grpc.mock.converse_turns import (
    Block,
    Message,
    blocks_of,
    check_conversation,
    objects,
    text_of,
    with_results,
)
from switch_grpc.mock.fields import Json

_MEDIA: Final = ("document", "video", "audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What of a request concerns the wire and not what is said."""

    thinking: bool = False
    guardrail: str | None = None
    traced: bool = False  # the guardrail's trace is wanted
    performance: Json = None
    tier: Json = None
    paths: tuple[str, ...] = ()  # additionalModelResponseFieldPaths
    cache: Literal["5m", "1h"] | None = None  # the shortest life of its cache points


def read_converse(body: Json, model: str, *, stream: bool) -> tuple[Ask, Options]:
    """The request's two halves. Raises Refused with a ValidationException."""
    check(body, CONVERSE_STREAM if stream else CONVERSE)
    assert isinstance(body, dict)
    messages = objects(body.get("messages"))
    # A prompt of Bedrock's prompt management is a conversation by itself.
    if messages or ":prompt/" not in model:
        check_conversation(messages, body)
    more = _more(body)
    _check_reasoning(messages)
    _check_thinking(body, more, messages)
    ask = _ask(body, model, messages, more)
    if "claude" in model:
        check_claude(ask, body)
    return ask, _options(body, more)


def _more(body: Block) -> Block:
    """The model's own parameters."""
    more = body.get("additionalModelRequestFields")
    if more is not None and not isinstance(more, dict):
        raise validation(
            "The format of the additionalModelRequestFields field is invalid. Provide a json object for the "
            "field and try again."
        )
    return more or {}


def _ask(body: Block, model: str, messages: list[Message], more: Block) -> Ask:
    limits = body.get("inferenceConfig")
    config = limits if isinstance(limits, dict) else {}
    stops = config.get("stopSequences")
    limit, seed = config.get("maxTokens"), more.get("seed")
    kinds = [kind for message in messages for block in with_results(message) for kind in block]
    choice, named, parallel = _choice(body, more)
    return Ask(
        model=model,
        turns=(*_system(body), *(turn for message in messages for turn in _turns(message))),
        images=kinds.count("image"),
        files=sum(kinds.count(kind) for kind in _MEDIA),
        seed=seed if isinstance(seed, int) else None,
        limit=limit if isinstance(limit, int) else None,
        stops=tuple(str(stop) for stop in stops) if isinstance(stops, list) else (),
        tools=tuple(_tools(body)),
        choice=choice,
        named=named,
        parallel=parallel,
        form=_form(body),
    )


def _system(body: Block) -> Iterator[Turn]:
    for block in objects(body.get("system")):
        text = text_of(block)
        if text is not None:
            yield Turn("system", text)


def _turns(message: Message) -> Iterator[Turn]:
    """A turn for each result of a tool, and one for what else the message says."""
    said = []
    for block in blocks_of(message):
        result = block.get("toolResult")
        if isinstance(result, dict):
            yield Turn("tool", "\n".join(filter(None, map(text_of, blocks_of(result)))))
        else:
            said.append(text_of(block))
    texts = [text for text in said if text is not None]
    if texts or not any("toolResult" in block for block in blocks_of(message)):
        yield Turn(str(message["role"]), "\n".join(texts))


def _tools(body: Block) -> Iterator[Tool]:
    config = body.get("toolConfig")
    for k, tool in enumerate(objects(config.get("tools")) if isinstance(config, dict) else []):
        spec = tool.get("toolSpec")
        if not isinstance(spec, dict):
            continue
        schema = spec["inputSchema"]
        assert isinstance(schema, dict)
        schema = schema["json"]
        if not isinstance(schema, dict) or schema.get("type") != "object":
            place = f"toolConfig.tools.{k}.toolSpec.inputSchema.json"
            raise validation(f"The value at {place}.type must be one of the following: object.")
        yield Tool(name=str(spec["name"]), schema=schema)


def _choice(body: Block, more: Block) -> tuple[Literal["none", "auto", "required"], str | None, bool]:
    """Whether to call, which tool, and whether several: Converse's own form or, before it, Claude's."""
    config = body.get("toolConfig")
    union = config.get("toolChoice") if isinstance(config, dict) else None
    kind, value = next(iter(union.items())) if isinstance(union, dict) else ("auto", None)
    parallel = True
    own = more.get("tool_choice")
    if isinstance(own, dict):
        kind, value = str(own.get("type")), own
        parallel = own.get("disable_parallel_tool_use") is not True
    match kind:
        case "none":
            return "none", None, parallel
        case "any":
            return "required", None, parallel
        case "tool":
            name = str(value.get("name")) if isinstance(value, dict) else ""
            if all(tool.name != name for tool in _tools(body)):
                raise validation(f"The toolChoice names the tool {name}, which is not in toolConfig.tools.")
            return "required", name, parallel
        case _:
            return "auto", None, parallel


def _form(body: Block) -> Json:
    """The schema of outputConfig, which stands there as text."""
    found: Json = body.get("outputConfig")
    for key in ("textFormat", "structure", "jsonSchema"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    try:
        schema: Json = msgspec.json.decode(str(found["schema"]))
    except msgspec.DecodeError:
        schema = None
    if not isinstance(schema, dict):
        raise validation(
            "The value at outputConfig.textFormat.structure.jsonSchema.schema is not a JSON Schema's text."
        )
    return schema


def _options(body: Block, more: Block) -> Options:
    guardrail = body.get("guardrailConfig")
    guard: Mapping[str, Json] = guardrail if isinstance(guardrail, dict) else {}
    paths = body.get("additionalModelResponseFieldPaths")
    pointers = tuple(str(path) for path in paths) if isinstance(paths, list) else ()
    for pointer in pointers:
        if not pointer.startswith("/"):
            raise validation(f"The additionalModelResponseFieldPaths has an invalid JSON Pointer: {pointer}.")
    name = guard.get("guardrailIdentifier")
    return Options(
        thinking=_thinks(more),
        guardrail=str(name) if name else None,
        traced=guard.get("trace") in ("enabled", "enabled_full"),
        performance=body.get("performanceConfig"),
        tier=body.get("serviceTier"),
        paths=pointers,
        cache=_cache(body),
    )


def _cache(body: Block) -> Literal["5m", "1h"] | None:
    """The life of what is written to the cache, which is five minutes unless all cache points say an hour."""
    config = body.get("toolConfig")
    places = [
        *objects(body.get("system")),
        *(objects(config.get("tools")) if isinstance(config, dict) else ()),
        *(block for message in objects(body.get("messages")) for block in blocks_of(message)),
    ]
    points = [point for block in places if isinstance(point := block.get("cachePoint"), dict)]
    if not points:
        return None
    return "1h" if all(point.get("ttl") == "1h" for point in points) else "5m"


# -- Claude's thinking --


def _thinks(more: Block) -> bool:
    """Claude's two spellings, and Nova's."""
    for key in ("thinking", "reasoning_config", "reasoningConfig"):
        config = more.get(key)
        if isinstance(config, dict) and config.get("type") in ("enabled", "adaptive"):
            return True
    return False


def _check_reasoning(messages: list[Message]) -> None:
    """Reasoning comes back as Claude signed it, here or at any other cloud, or without a signature."""
    for at, message in enumerate(messages):
        for k, block in enumerate(blocks_of(message)):
            reasoning = block.get("reasoningContent")
            said = reasoning.get("reasoningText") if isinstance(reasoning, dict) else None
            if not isinstance(said, dict) or said.get("signature") is None:
                continue
            if said["signature"] != sign(str(said["text"])):
                raise validation(
                    f"The model returned the following errors: messages.{at}.content.{k}: Invalid "
                    "`signature` in `thinking` block"
                )


def _check_thinking(body: Block, more: Block, messages: list[Message]) -> None:
    """Raises Refused where Claude's thinking does not go with the rest."""
    thinking = more.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    limits = body.get("inferenceConfig")
    config = limits if isinstance(limits, dict) else {}
    budget, limit = thinking.get("budget_tokens"), config.get("maxTokens")
    told = None
    if not isinstance(budget, int) or budget < 1024:
        told = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    elif isinstance(limit, int) and limit <= budget:
        told = "`max_tokens` must be greater than `thinking.budget_tokens`."
    elif config.get("temperature") not in (None, 1):
        told = "`temperature` may only be set to 1 when thinking is enabled."
    elif _choice(body, more)[0] == "required":
        told = "Thinking may not be enabled when tool_choice forces tool use."
    elif _resumes_without_thinking(messages):
        told = (
            f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            "found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a "
            "thinking block."
        )
    if told is not None:
        raise validation(f"The model returned the following errors: {told}")


def _resumes_without_thinking(messages: list[Message]) -> bool:
    """Whether tools are answered whose call did not begin with the thinking that led to it."""
    if len(messages) < 2 or not any("toolResult" in block for block in blocks_of(messages[-1])):
        return False
    return "reasoningContent" not in blocks_of(messages[-2])[0]
