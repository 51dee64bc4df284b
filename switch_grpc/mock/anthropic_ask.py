"""Reads Anthropic Messages requests, strictly: what Anthropic refuses, the mock refuses, in much its words.

Members and bounds are those of the `anthropic` package (MessageCreateParams, MessageCountTokensParams) and of
https://docs.claude.com/en/api/messages; temperature, top_p and top_k, which the package no longer names, are
read as the API's older version reads them. An unknown member anywhere is a refusal.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

from switch_grpc.mock.answers import Ask, Turn
from switch_grpc.mock.anthropic_fields import Members, Terms, refused, wrong
from switch_grpc.mock.anthropic_schema import check_schema
from switch_grpc.mock.anthropic_tools import with_tools
from switch_grpc.mock.anthropic_turns import Conversation, read_conversation, read_marker, read_texts
from switch_grpc.mock.fields import Json

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_LEAST_BUDGET: Final = 1024
_MARKERS: Final = 4
# What a beta header opens; not looked into, because the mock does none of it.
_BETA: Final = (
    "compaction",
    "context_management",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "thread",
)

Thinking = Literal["off", "shown", "omitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What of a request concerns the wire and not the answer."""

    stream: bool = False
    thinking: Thinking = "off"
    caching: Literal["5m", "1h"] | None = None  # how long marked blocks live, None if none is marked
    service_tier: str = "standard"


def read_messages(body: Members, model: str, terms: Terms) -> tuple[Ask, Options]:
    """A request for an answer, but for the model's name. Raises Refused naming the member at fault."""
    body.needed("max_tokens")
    limit = body.integer("max_tokens", 0)
    assert limit is not None
    ask, options, budget = _read_shared(body, model, terms)
    if budget is not None and limit <= budget:
        raise refused(
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation "
            "at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )
    if not terms.newest:
        _read_sampling(body, thinking=budget is not None)
    _read_rest(body)
    stops = tuple(_stop(one, k) for k, one in enumerate(body.array("stop_sequences") or []))
    tier = body.text("service_tier", ("auto", "standard_only"))
    options = replace(options, stream=body.flag("stream") is True)
    if tier == "auto":
        options = replace(options, service_tier="priority")
    body.close()
    return replace(ask, limit=limit, stops=stops), options


def read_count(body: Members, model: str, terms: Terms) -> Ask:
    """A request to count tokens: it has no members that concern the answer. Raises Refused."""
    ask, _, _ = _read_shared(body, model, terms)
    body.text("user_profile_id")
    body.text("workspace_id")
    body.close()
    return ask


def _read_shared(body: Members, model: str, terms: Terms) -> tuple[Ask, Options, int | None]:
    """What both kinds of request have, and the budget of a thinking that has one."""
    read = read_conversation(body, terms)
    system = read_texts(body, "system", read)
    thinking, budget = _thinking(body)
    form = _form(body, beta=terms.beta)
    read_marker(body, read)
    body.text("speed", ("standard", "fast"), nullable=True)
    for name in _BETA if terms.beta else ():
        body.value(name, nullable=True)
    ask = with_tools(
        Ask(
            model=model,
            turns=(*([Turn("system", system)] if system else []), *read.turns),
            images=read.images,
            files=read.files,
            form=form,
        ),
        body,
        read,
        thinks=budget is not None,
    )
    if len(read.markers) > _MARKERS:
        raise refused(
            f"A maximum of {_MARKERS} blocks with cache_control may be provided. Found {len(read.markers)}."
        )
    if budget is not None:
        _check_thought(read)
    return ask, Options(thinking=thinking, caching=_caching(read)), budget


def _caching(read: Conversation) -> Literal["5m", "1h"] | None:
    if not read.markers:
        return None
    return "1h" if "1h" in read.markers else "5m"


def _thinking(body: Members) -> tuple[Thinking, int | None]:
    config = body.members("thinking")
    if config is None:
        return "off", None
    kind = config.kind(("adaptive", "between_tools", "disabled", "enabled"))
    config = config.tagged(kind)
    budget = None
    if kind == "enabled":
        config.needed("budget_tokens")
        budget = config.integer("budget_tokens", _LEAST_BUDGET)
    shown: Thinking = "shown"
    if kind in ("adaptive", "enabled"):
        omitted = config.text("display", ("summarized", "omitted"), nullable=True) == "omitted"
        shown = "omitted" if omitted else "shown"
    config.close()
    return ("off" if kind == "disabled" else shown), budget


def _check_thought(read: Conversation) -> None:
    """While tools run, the thinking that led to them has to come back: it goes on from there."""
    turns = [(role, kinds) for role, kinds in read.blocks if role != "system"]
    if len(turns) < 2 or turns[-1][0] != "user" or "tool_result" not in turns[-1][1]:
        return
    kinds = turns[-2][1]
    if kinds and kinds[0] not in ("thinking", "redacted_thinking"):
        raise refused(
            f"messages.{len(turns) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            f"found `{kinds[0]}`. When `thinking` is enabled, a final `assistant` message must start with a "
            "thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). To avoid "
            "this requirement, disable `thinking`."
        )


def _form(body: Members, *, beta: bool) -> Json:
    """The schema that the answer must fit. It may come by its older name under a beta header."""
    config = body.members("output_config")
    form = None
    if config is not None:
        config.text("effort", _EFFORTS, nullable=True)
        if beta:
            config.value("task_budget", nullable=True)
        form = _schema(config.members("format", nullable=True))
        config.close()
    return form if form is not None or not beta else _schema(body.members("output_format", nullable=True))


def _schema(form: Members | None) -> Json:
    if form is None:
        return None
    form.needed_text("type", ("json_schema",))
    form.needed("schema")
    schema = form.record("schema")
    check_schema(schema, form.at("schema"))
    form.close()
    return schema


def _read_sampling(body: Members, *, thinking: bool) -> None:
    temperature = body.number("temperature", 0, 1)
    top_p = body.number("top_p", 0, 1)
    top_k = body.integer("top_k", 0)
    if not thinking:
        return
    if temperature not in (None, 1):
        raise refused("`temperature` may only be set to 1 when thinking is enabled.")
    if top_p is not None and top_p < 0.95:
        raise refused("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
    if top_k is not None:
        raise refused("`top_k` must be unset when thinking is enabled.")


def _stop(value: Json, index: int) -> str:
    if not isinstance(value, str):
        raise wrong(f"stop_sequences.{index}", "Input should be a valid string")
    if not value.strip():
        raise wrong("stop_sequences", "each stop sequence must contain non-whitespace")
    return value


def _read_rest(body: Members) -> None:
    """Members that change nothing in the mock's answer."""
    metadata = body.members("metadata")
    if metadata is not None:
        metadata.text("user_id", nullable=True)
        metadata.close()
    body.text("inference_geo", nullable=True)
    body.value("container", nullable=True)
    body.record("diagnostics", nullable=True)
    _read_texts_of(body, ("user_profile_id", "workspace_id"))


def _read_texts_of(body: Members, names: Collection[str]) -> None:
    for name in names:
        body.text(name)
