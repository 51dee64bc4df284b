"""The model catalogue: what models hold, can do and cost, told by provider and model name.

The facts are in `catalog.json` beside this file, which says where each comes from and of which day it is.
A configuration adds to them and corrects them, key by key. A model that nobody knows counts as capable of
everything and has no price. Pure once it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from switch_grpc.answered import Usage
from switch_grpc.config.service import CatalogModel, Prices
from switch_grpc.providers.adapt import Range, Rules
from switch_grpc.providers.model_names import OWN_NAMES, geography, homes, normal
from switch_grpc.request import Need

NEEDS: Final[Mapping[str, Need]] = {
    "tools": Need.TOOLS,
    "vision": Need.VISION,
    "audio": Need.AUDIO,
    "documents": Need.DOCUMENTS,
    "json_schema": Need.JSON_SCHEMA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per token."""

    input: float
    output: float = 0.0
    cached_input: float | None = None  # read from the provider's cache; None: as input
    cache_write: float | None = None  # written to it; None: as input
    above: int = 0  # from more input tokens than this, all of the call costs `beyond`
    beyond: "Price | None" = None

    def of(self, usage: Usage) -> float | None:
        """What a call of this usage costs; None where sound was counted, whose price is another."""
        if usage.audio:
            return None
        tier = self.beyond if self.beyond is not None and usage.prompt > self.above else self
        read, written = usage.cached, usage.cache_written
        fresh = max(0, usage.prompt - read - written)
        return (
            fresh * tier.input
            + read * (tier.input if tier.cached_input is None else tier.cached_input)
            + written * (tier.input if tier.cache_write is None else tier.cache_write)
            + usage.completion * tier.output
        )

    def times(self, factor: float) -> "Price":
        """The same with a surcharge."""
        return replace(
            self,
            input=self.input * factor,
            output=self.output * factor,
            cached_input=None if self.cached_input is None else self.cached_input * factor,
            cache_write=None if self.cache_write is None else self.cache_write * factor,
            beyond=None if self.beyond is None else self.beyond.times(factor),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of a model at a provider. None: not known."""

    name: str = ""  # in the catalogue
    family: str | None = None
    context_window: int | None = None  # tokens of input
    max_output_tokens: int | None = None
    capabilities: frozenset[str] | None = None
    price: Price | None = None
    downgrades: tuple[str, ...] = ()  # names at the same provider, best first
    retires: str | None = None  # the day on which the provider stops serving it: 2027-01-14
    premium: float = 1.0  # factor on the price for Bedrock's regional profiles, all but `global`
    rules: Rules = field(default_factory=Rules)  # of its parameters

    @property
    def lacks(self) -> Need:
        """What it is known not to do."""
        if self.capabilities is None:
            return Need.NONE
        missing = Need.NONE
        for capability, need in NEEDS.items():
            if capability not in self.capabilities:
                missing |= need
        return missing


class Catalog:
    """Looks models up. Immutable."""

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        families: Mapping[str, Rules],
        vendors: Mapping[str, Rules],
        day: str,
        overrides: Mapping[str, CatalogModel] | None = None,
    ) -> None:
        """`day`: of the facts, like 2026-11-23.

        `models` by `provider/model`; the first of those that differ by date or version stands for all.
        `overrides` by the provider's model name, or by `provider/model`, which wins.
        """
        self.models = models
        self.families = families  # the rules of their parameters
        self.vendors = vendors  # the same, for models of families without
        self._day = day
        self._overrides = overrides or {}
        self._normal: dict[tuple[str, str], Model] = {}
        self._anywhere: dict[str, Model] = {}
        for key, model in models.items():
            provider, _, name = key.partition("/")
            self._normal.setdefault((provider, normal(name)), model)
            other = self._anywhere.get(normal(name), model)
            able = (other.capabilities or frozenset()) | (model.capabilities or frozenset())
            self._anywhere[normal(name)] = Model(family=other.family, capabilities=able)

    def with_overrides(self, overrides: Mapping[str, CatalogModel]) -> "Catalog":
        """The same under what a configuration says."""
        return Catalog(
            self.models, families=self.families, vendors=self.vendors, day=self._day, overrides=overrides
        )

    def find(self, provider: str, model: str) -> Model:
        """What is known of the model at the provider; next to nothing, where nothing is."""
        found, at_home = self._known(provider, model)
        family = found.family if at_home else None
        known = at_home  # what it can do here
        for key in (model, f"{provider}/{model}"):
            if (override := self._overrides.get(key)) is not None:
                found = _overridden(found, override)
                family = override.family or family
                known = known or override.capabilities is not None
        rules = self.families.get(family or "") or self.vendors.get(provider) or found.rules
        if known and found.capabilities is not None and "reasoning" not in found.capabilities:
            rules = replace(rules, drops=rules.drops | {"reasoning_effort"})
        return found if rules is found.rules else replace(found, rules=rules)

    def retired(self, provider: str, model: str) -> str | None:
        """The day on which the provider stopped serving the model of just this name, if it was past it."""
        found = self.models.get(f"{provider}/{model}")
        return found.retires if found and found.retires and found.retires <= self._day else None

    def downgrades(self, provider: str, model: str) -> tuple[str, ...]:
        """What may stand in for the model, in the provider's names; a profile's geography is kept."""
        names, place = self.find(provider, model).downgrades, geography(model)
        if not place:
            return names
        full = (self._known(provider, name)[0].name or name for name in names)
        return tuple(f"{place}.{name}" for name in full)

    def _known(self, provider: str, model: str) -> tuple[Model, bool]:
        """The facts, and whether they are of the provider itself.

        Of the same weights behind another server it is only known what they can do, since they do it
        somewhere: what they cost, hold and take is that server's to say.
        """
        for home in homes(provider, model):
            exact = self.models.get(
                f"{home}/{model.replace('@', '-')}"
            )  # Vertex writes the date as a version
            found = exact or self._normal.get((home, normal(model)))
            if found is not None:
                found = _priced(found, model)
                return (replace(found, downgrades=()) if provider in OWN_NAMES else found), True
        return self._anywhere.get(normal(model), Model()), False


def _priced(found: Model, model: str) -> Model:
    """With the price by the name that was asked for."""
    if found.price is None:
        return found
    if model.startswith("ft:"):  # tuned models have prices of their own
        return replace(found, price=None)
    if found.premium != 1 and geography(model) not in ("", "global"):
        return replace(found, price=found.price.times(found.premium))
    return found


def _overridden(found: Model, entry: CatalogModel) -> Model:
    """The facts with those that a configuration states."""
    given = entry.model_fields_set
    changes: dict[str, object] = {
        name: getattr(entry, name)
        for name in ("family", "context_window", "max_output_tokens")
        if name in given
    }
    if entry.capabilities is not None:
        changes["capabilities"] = frozenset(entry.capabilities)
    if entry.downgrades is not None:
        changes["downgrades"] = tuple(entry.downgrades)
    if entry.cost is not None:
        changes["price"] = price_of(entry.cost)
    return replace(found, **changes)  # type: ignore[arg-type]  # each by its own name


def price_of(cost: float | Prices) -> Price:
    """A price as configurations write it: one number for all tokens, or by direction."""
    if isinstance(cost, Prices):
        return Price(
            input=cost.input,
            output=cost.output,
            cached_input=cost.cached_input,
            cache_write=cost.cache_write,
        )
    return Price(input=cost, output=cost)


# -- the file --


class _Tier(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    input: float
    output: float = 0.0
    cached_input: float | None = None
    cache_write: float | None = None
    above: int = 0


class _Cost(_Tier, rename="camel", forbid_unknown_fields=True, frozen=True):
    long_context: _Tier | None = None


class _Model(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    family: str
    capabilities: frozenset[str]
    context_window: int | None = None
    max_output_tokens: int | None = None
    cost: _Cost | None = None
    regional_premium: float = 1.0
    downgrades: tuple[str, ...] = ()
    retires: str | None = None
    source: str = msgspec.field(default="", name="from")


class _Rules(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    docs: str
    ranges: dict[str, Range] = {}
    drops: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    drops_while_reasoning: frozenset[str] = frozenset()
    refuses_while_reasoning: frozenset[str] = frozenset()
    only_one: tuple[str, ...] = ()
    limit: str = ""


class _About(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    date: str
    units: str
    sources: tuple[str, ...]


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    about: _About
    families: dict[str, _Rules]
    vendors: dict[str, _Rules]
    models: dict[str, _Model]


@cache
def built_in() -> Catalog:
    """The catalogue that comes with this release."""
    data = files(__package__).joinpath("catalog.json").read_bytes()
    file = msgspec.json.decode(data, type=_File)
    return Catalog(
        {key: _model(key, row) for key, row in file.models.items()},
        families={name: _rules(row) for name, row in file.families.items()},
        vendors={name: _rules(row) for name, row in file.vendors.items()},
        day=file.about.date,
    )


def _model(key: str, row: _Model) -> Model:
    return Model(
        name=key.partition("/")[2],
        family=row.family,
        context_window=row.context_window,
        max_output_tokens=row.max_output_tokens,
        capabilities=row.capabilities,
        price=None if row.cost is None else _price(row.cost, row.cost.long_context),
        downgrades=row.downgrades,
        retires=row.retires,
        premium=row.regional_premium,
    )


def _price(tier: _Tier, beyond: _Tier | None = None) -> Price:
    return Price(
        input=tier.input,
        output=tier.output,
        cached_input=tier.cached_input,
        cache_write=tier.cache_write,
        above=0 if beyond is None else beyond.above,
        beyond=None if beyond is None else _price(beyond),
    )


def _rules(row: _Rules) -> Rules:
    return Rules(
        ranges=row.ranges,
        drops=row.drops,
        refuses=row.refuses,
        drops_while_reasoning=row.drops_while_reasoning,
        refuses_while_reasoning=row.refuses_while_reasoning,
        only_one=row.only_one,
        limit=row.limit,
    )
