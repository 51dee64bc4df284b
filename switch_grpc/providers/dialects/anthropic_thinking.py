"""OpenAI's `reasoning_effort` as Claude's models take it, wherever they are served.

Models from 4.6 on think as much as they find right within an effort; those before, by a budget of tokens,
which counts as part of what may be written, as OpenAI's reasoning does.
"""

from typing import Any, Final

from switch_grpc.faults import Fault
from switch_grpc.providers.dialects.anthropic_models import Traits
from switch_grpc.providers.dialects.changes import Changes
from switch_grpc.providers.dialects.refusal import Cannot

_BUDGETS: Final = {
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}
_LEAST_BUDGET: Final = 1_024


def thinking(
    effort: str,
    limit: int,
    traits: Traits,
    changes: Changes,
    *,
    asked: bool,
    own: bool,
    resumes: bool,
    forced: bool,
) -> dict[str, Any]:
    """The members `thinking` and `output_config` for an effort, as far as it needs them.

    `limit`: tokens that may be written. `asked`: the effort is the caller's. `own`: the request has a
    `thinking` of Anthropic's own, which stays. `resumes`: the answer goes on with one that called tools and
    did not begin with Claude's own thinking, as when another provider gave it: models with a budget then
    refuse to think ("Expected `thinking` or `redacted_thinking`, but found `tool_use`"), so they do not until
    the next question. `forced`: a tool must be called; those models refuse that too ("Thinking may not be
    enabled when tool_choice forces tool use").
    """

    def cannot(param: str, what: str) -> Fault:
        return changes.cannot(param, f"{what}, at the model {changes.model!r}")

    if effort == "none":
        if not traits.off and not own:
            raise cannot("reasoning_effort", "no thinking at all")
        return {"thinking": {"type": traits.off}} if traits.thinking == "adaptive" else {}
    if traits.thinking == "adaptive":
        return _adaptive("low" if effort == "minimal" else effort, traits, cannot)
    if own:
        return {}
    if (resumes or forced) and traits.thinking == "budget":
        why = "where a tool must be called" if forced else "while it goes on with another model's calls"
        note = f"reasoning_effort left out: {changes.model} does not think {why}"
        changes.make("reasoning_effort", f"thinking {why}", note, asked=asked)
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": _budget(effort, limit, traits, cannot)}}


def _adaptive(effort: str, traits: Traits, cannot: Cannot) -> dict[str, Any]:
    if effort not in traits.efforts:
        raise cannot("reasoning_effort", f"the effort {effort!r}")
    shown = {} if traits.shows_thinking else {"display": "summarized"}
    return {"thinking": {"type": "adaptive", **shown}, "output_config": {"effort": effort}}


def _budget(effort: str, limit: int, traits: Traits, cannot: Cannot) -> int:
    """At most half of what may be written, so that there is room for the answer."""
    if traits.thinking == "none" or effort not in _BUDGETS:
        raise cannot("reasoning_effort", f"the effort {effort!r}")
    if limit <= _LEAST_BUDGET:
        raise cannot("reasoning_effort", f"thinking within {limit} tokens (raise max_completion_tokens)")
    return max(_LEAST_BUDGET, min(_BUDGETS[effort], limit // 2))
