"""What spellings of a model's name have in common, so that dated, regional or namespaced ids are known."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_GEOGRAPHY: Final = re.compile(r"(us-gov|us|eu|ca|jp|au|in|apac|global)\.(?=[a-z0-9-]+\.)")
_MAKER: Final = re.compile(r"(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\.(?=[a-z])")
_VERSION: Final = re.compile(r"-v\d+(:\d+)?(:\w+)?$|-1:0$|:[\w.-]+$|@.*$")
_DATE: Final = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")

# Where else a provider's models are at home, so that limits, prices and parameters are theirs: Azure serves
# OpenAI's at OpenAI's prices, Vertex Google's and Anthropic's.
HOMES: Final = {"azure": ("openai",), "vertex": ("gemini", "anthropic"), "gemini-openai": ("gemini",)}
# Where the names of other models cannot be told from a maker's: deployments, namespaces with other spellings.
OWN_NAMES: Final = frozenset({"azure", "openrouter"})
# OpenRouter's namespaces of models that only their makers serve; it takes no margin on their prices.
_NAMESPACES: Final = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "x-ai": "xai",
    "cohere": "cohere",
}


def homes(provider: str, model: str) -> Sequence[str]:
    """The vendors whose facts hold for the model here, nearest first."""
    if provider == "openrouter":
        namespace, slash, rest = model.partition("/")
        home = _NAMESPACES.get(namespace)
        return (provider, home) if slash and home is not None and ":" not in rest else (provider,)
    return (provider, *HOMES.get(provider, ()))


def geography(model: str) -> str:
    """The prefix of a Bedrock inference profile (`us`, `eu`, `global` ...), "" for any other name."""
    found = _GEOGRAPHY.match(model.rpartition("/")[2])
    return found[1] if found else ""


def short(model: str) -> str:
    """The name as people call it: `claude-3-haiku` for `us.anthropic.claude-3-haiku-20240307-v1:0`."""
    name = _GEOGRAPHY.sub("", model.rpartition("/")[2], count=1)
    return _DATE.sub("", _VERSION.sub("", _MAKER.sub("", name, count=1)))


@lru_cache(maxsize=4096)
def normal(model: str) -> str:
    """The name without namespace, geography, maker, version, date and `-latest`, dots as dashes.

    `us.anthropic.claude-3-5-sonnet-20241022-v2:0`, `anthropic/claude-3.5-sonnet` and
    `claude-3-5-sonnet-latest` are all `claude-3-5-sonnet`.
    """
    name = model.lower()
    if name.startswith("ft:"):
        name = name[3:].partition(":")[0]
    return (
        short(name).removesuffix("-latest").replace(".", "-").replace("gpt-35", "gpt-3-5")
    )  # Azure's spelling
