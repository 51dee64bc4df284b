"""Laws of the model catalogue: what it says, and that its data are sound."""

from datetime import date

import pytest

from switch_grpc.answered import Usage
from switch_grpc.config.service import CatalogModel, Prices
from switch_grpc.providers import bedrock_models
from switch_grpc.providers.adapt import LIMITS
from switch_grpc.providers.catalog import NEEDS, Model, Price, built_in
from switch_grpc.providers.dialects.anthropic_models import traits_of
from switch_grpc.providers.vendors import VENDORS
from switch_grpc.request import Need
from switch_grpc.v1 import chat_pb2

CATALOG = built_in()
entries = pytest.mark.parametrize(("key", "model"), CATALOG.models.items(), ids=list(CATALOG.models))


def usage(asked: int, answered: int, **details: int) -> Usage:
    return Usage(asked, answered, asked + answered, **details)


# -- prices --


def test_cached_tokens_cost_the_cached_price() -> None:
    price = Price(input=10.0, output=100.0, cached_input=1.0, cache_write=12.0)
    assert price.of(usage(5, 2)) == 5 * 10 + 2 * 100
    assert price.of(usage(5, 2, cached=3)) == 2 * 10 + 3 * 1 + 2 * 100
    assert price.of(usage(9, 0, cached=3, cache_written=4)) == 2 * 10 + 3 * 1 + 4 * 12


def test_without_a_cached_price_cached_tokens_cost_as_others() -> None:
    assert Price(input=10.0).of(usage(5, 2, cached=3, cache_written=1)) == 50


def test_a_very_long_prompt_has_a_price_of_its_own_for_all_of_the_call() -> None:
    price = Price(input=1.0, output=2.0, above=100, beyond=Price(input=3.0, output=4.0))
    assert price.of(usage(100, 1)) == 102
    assert price.of(usage(101, 1)) == 307


def test_sound_has_no_price_here() -> None:
    assert Price(input=1.0).of(usage(5, 1, audio=1)) is None


def test_more_cached_tokens_than_tokens_cost_no_less_than_nothing() -> None:
    assert Price(input=10.0, cached_input=1.0).of(usage(1, 0, cached=3)) == 3


# -- lookup --


def test_nothing_is_known_of_an_unknown_model() -> None:
    assert CATALOG.find("openai", "no-such-model") == Model()
    assert CATALOG.find("openai", "no-such-model").lacks is Need.NONE


def test_a_dated_name_has_its_own_facts_and_else_those_of_its_line() -> None:
    assert CATALOG.find("openai", "gpt-4o-2024-05-13").price == Price(input=5e-6, output=1.5e-5)
    assert CATALOG.find("openai", "gpt-4o-2099-01-01") == CATALOG.find("openai", "gpt-4o")


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("bedrock", "claude-3-5-sonnet-20241022", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        (
            "bedrock",
            "us.anthropic.claude-3-5-sonnet-20240620-v1:0",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
        ),
        ("vertex", "claude-3-5-sonnet@20240620", "claude-3-5-sonnet-20240620"),
        ("vertex", "gemini-2.5-flash-001", ""),
        ("azure", "gpt-4o", "gpt-4o"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(provider: str, model: str, name: str) -> None:
    assert CATALOG.find(provider, model).name == name


def test_behind_another_server_only_what_a_model_can_do_is_known() -> None:
    """The price, the window and what parameters it takes are that server's to say."""
    ours = CATALOG.find("vllm", "openai/gpt-oss-120b")
    somewhere = [
        model.capabilities or frozenset()
        for provider, name in (("groq", "openai/gpt-oss-120b"), ("bedrock", "gpt-oss-120b"))
        for model in [CATALOG.find(provider, name)]
    ]
    assert ours.capabilities == frozenset().union(*somewhere)
    assert Need.VISION in ours.lacks
    assert (ours.price, ours.context_window, ours.max_output_tokens) == (None, None, None)
    assert not CATALOG.find("custom", "gpt-5").rules.named()


def test_a_regional_profile_costs_more_than_the_global_one() -> None:
    name = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    plain, regional, everywhere = (
        CATALOG.find("bedrock", f"{place}{name}").price for place in ("", "eu.", "global.")
    )
    assert plain == everywhere
    assert plain is not None
    assert regional is not None
    assert regional.input == pytest.approx(plain.input * 1.1)


def test_a_tuned_model_has_no_price() -> None:
    tuned = CATALOG.find("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc")
    assert tuned.price is None
    assert tuned.max_output_tokens == CATALOG.find("openai", "gpt-4o-mini").max_output_tokens


def test_a_downgrade_stays_in_the_profiles_geography() -> None:
    names = CATALOG.downgrades("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert names == ("eu.anthropic.claude-haiku-4-5-20251001-v1:0",)
    assert CATALOG.downgrades("bedrock", "claude-3-5-sonnet-20241022") == ("claude-3-haiku",)


def test_no_downgrade_is_guessed_where_names_are_anybodys() -> None:
    assert CATALOG.downgrades("azure", "gpt-4o") == ()
    assert CATALOG.downgrades("openrouter", "openai/gpt-4o") == ()


def test_rules_are_the_familys_else_the_vendors() -> None:
    assert "temperature" in CATALOG.find("openai", "gpt-5").rules.drops
    assert CATALOG.find("mistral", "some-new-model").rules.limit == "max_tokens"
    assert CATALOG.find("bedrock", "my-import").rules.ranges["temperature"] == (0, 1)


@pytest.mark.parametrize(
    ("provider", "model", "drops"),
    [
        ("openai", "gpt-4.1", True),
        ("openai", "gpt-5", False),
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", True),
        ("xai", "grok-4.20-non-reasoning", True),
        ("openai", "some-new-model", False),
        ("custom", "gpt-4.1", False),  # another server's word for another model, as far as is known
    ],
)
def test_an_effort_is_not_for_models_that_are_known_not_to_reason(
    provider: str, model: str, drops: bool
) -> None:
    assert ("reasoning_effort" in CATALOG.find(provider, model).rules.drops) is drops


# -- overrides --


def test_an_override_replaces_key_by_key() -> None:
    entry = CatalogModel(cost=Prices(input=1.0, output=2.0), downgrades=["x"])
    model = CATALOG.with_overrides({"gpt-4o": entry}).find("openai", "gpt-4o")
    assert (model.price, model.downgrades) == (Price(input=1.0, output=2.0), ("x",))
    assert model.context_window == CATALOG.find("openai", "gpt-4o").context_window


def test_an_override_may_be_of_one_provider() -> None:
    both = {"m": CatalogModel(cost=1.0, family="f"), "groq/m": CatalogModel(cost=2.0)}
    catalog = CATALOG.with_overrides(both)
    assert catalog.find("groq", "m").price == Price(input=2.0, output=2.0)
    assert catalog.find("groq", "m").family == "f"
    assert catalog.find("xai", "m").price == Price(input=1.0, output=1.0)


def test_a_family_given_to_an_unknown_model_brings_its_rules() -> None:
    catalog = CATALOG.with_overrides({"mine": CatalogModel(family="gpt-reasoning")})
    assert catalog.find("custom", "mine").rules == CATALOG.families["gpt-reasoning"]


def test_what_an_override_lists_is_all_that_a_model_can() -> None:
    catalog = CATALOG.with_overrides({"mine": CatalogModel(capabilities=["vision"])})
    assert catalog.find("custom", "mine").lacks == ~Need.VISION
    assert "reasoning_effort" in catalog.find("custom", "mine").rules.drops
    catalog = CATALOG.with_overrides({"gpt-4.1": CatalogModel(capabilities=["reasoning"])})
    assert "reasoning_effort" not in catalog.find("openai", "gpt-4.1").rules.drops


# -- the data --


@entries
def test_an_entry_is_sound(key: str, model: Model) -> None:
    provider = key.partition("/")[0]
    assert provider in VENDORS
    assert model.capabilities is not None
    assert model.capabilities <= {*NEEDS, "reasoning"}
    assert (
        model.max_output_tokens is None
        or model.context_window is None
        or (model.max_output_tokens <= model.context_window)
    )
    if model.retires is not None:
        date.fromisoformat(model.retires)
    if model.price is not None:
        assert 0 < model.price.input < 1e-3
        assert model.price.cached_input is None or model.price.cached_input <= model.price.input
        assert model.price.beyond is None or model.price.beyond.input > model.price.input


@entries
def test_a_downgrade_is_known_cheaper_and_able(key: str, model: Model) -> None:
    provider = key.partition("/")[0]
    for name in model.downgrades:
        lesser = CATALOG.find(provider, name)
        assert lesser.name, name
        if model.price is not None and lesser.price is not None:
            assert lesser.price.input + lesser.price.output < model.price.input + model.price.output, name


@entries
def test_an_entry_is_found_by_its_own_key(key: str, model: Model) -> None:
    provider, _, name = key.partition("/")
    found = CATALOG.find(provider, name)
    assert (found.name, found.context_window, found.price) == (name, model.context_window, model.price)


@pytest.mark.parametrize("key", [key for key in CATALOG.models if key.startswith("bedrock/")])
def test_bedrocks_models_are_those_that_bedrock_lists(key: str) -> None:
    name = key.partition("/")[2]
    assert bedrock_models.retired(name) is None
    for lesser in CATALOG.models[key].downgrades:
        assert bedrock_models.retired(lesser) is None
        assert bedrock_models.resolve(lesser, "us-east-1") != lesser, "Bedrock's table does not know it"


@pytest.mark.parametrize("key", [key for key in CATALOG.models if "claude" in key])
def test_claudes_facts_agree_with_the_dialects(key: str) -> None:
    model, traits = CATALOG.models[key], traits_of(key)
    assert (model.family == "claude-adaptive") is not traits.sampling
    assert model.max_output_tokens is not None
    if model.family != "claude-3":  # of one name, some with beta headers
        assert traits.max_tokens <= model.max_output_tokens, "the dialect asks for more than there is"


def test_rules_name_parameters_that_exist() -> None:
    fields = {field.name.removesuffix("_json") for field in chat_pb2.ChatRequest.DESCRIPTOR.fields}
    for rules in (*CATALOG.families.values(), *CATALOG.vendors.values()):
        assert rules.named() <= fields | {"top_k"}
        assert rules.limit in ("", *LIMITS)
    assert set(CATALOG.vendors) <= set(VENDORS)


def test_every_family_with_rules_has_models() -> None:
    assert set(CATALOG.families) <= {model.family for model in CATALOG.models.values()}


def test_a_model_is_retired_from_its_day_on_by_just_its_name() -> None:
    assert CATALOG.retired("anthropic", "claude-3-5-sonnet-20241022") == "2025-10-28"
    assert CATALOG.retired("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0") is None
    assert CATALOG.retired("openai", "gpt-4.1-mini") is None
    assert CATALOG.retired("openai", "no-such-model") is None
