"""Laws of recognising a model by any of its names."""

import pytest

from switch_grpc.providers.model_names import geography, homes, normal, short


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (
            [
                "claude-3-5-sonnet",
                "claude-3-5-sonnet-latest",
                "claude-3-5-sonnet-20241022",
                "claude-3-5-sonnet@20241022",
                "anthropic/claude-3.5-sonnet",
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                "eu.anthropic.claude-3-5-sonnet-20241022-v2:0",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-5-sonnet-20241022-v2:0",
                "publishers/anthropic/models/claude-3-5-sonnet",
            ],
            "claude-3-5-sonnet",
        ),
        (
            ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "GPT-4o", "ft:gpt-4o-2024-08-06:acme::x"],
            "gpt-4o",
        ),
        (["gpt-3.5-turbo", "gpt-35-turbo"], "gpt-3-5-turbo"),
        (["models/gemini-2.5-pro", "google/gemini-2.5-pro"], "gemini-2-5-pro"),
        (["openai.gpt-oss-120b-1:0", "openai/gpt-oss-120b", "gpt-oss:120b"[:7] + "-120b"], "gpt-oss-120b"),
        (["meta.llama3-1-8b-instruct-v1:0", "llama3-1-8b-instruct"], "llama3-1-8b-instruct"),
    ],
)
def test_spellings_of_one_model_are_one(spellings: list[str], name: str) -> None:
    assert {normal(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4.1", "gpt-4"),
        ("claude-3-5-sonnet", "claude-3-5-haiku"),
        ("llama-v3p1-8b-instruct", "llama-v3p1-70b-instruct"),
        ("mistral-large-2407", "mistral-large-2512"),
        ("o1", "o1-mini"),
    ],
)
def test_different_models_stay_different(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_a_short_name_is_what_people_say() -> None:
    assert short("us.anthropic.claude-3-haiku-20240307-v1:0") == "claude-3-haiku"
    assert short("accounts/fireworks/models/glm-5p3-flash") == "glm-5p3-flash"
    assert short("gpt-4.1-mini") == "gpt-4.1-mini"


def test_a_profile_has_a_geography() -> None:
    assert geography("us-gov.anthropic.claude-3-haiku-20240307-v1:0") == "us-gov"
    assert geography("anthropic.claude-3-haiku-20240307-v1:0") == ""
    assert geography("us.custom") == ""


def test_whose_facts_hold_where() -> None:
    assert homes("azure", "gpt-4o") == ("azure", "openai")
    assert homes("openrouter", "anthropic/claude-sonnet-4.5") == ("openrouter", "anthropic")
    assert homes("openrouter", "meta-llama/llama-3.3-70b-instruct") == ("openrouter",)
    assert homes("openrouter", "openai/gpt-4o:extended") == ("openrouter",)
    assert homes("groq", "openai/gpt-oss-120b") == ("groq",)
