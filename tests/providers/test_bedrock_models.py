"""Laws of the names of models at Bedrock."""

import pytest

from switch_grpc.providers.bedrock_models import MODELS, RETIRED, maker, resolve, retired

PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"


@pytest.mark.parametrize(
    ("name", "region", "id"),
    [
        # The names that the first users' configurations have.
        ("claude-3-5-sonnet-20241022", "us-east-1", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("claude-3-5-sonnet-20241022", "ap-northeast-1", "apac.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("claude-3-haiku-20240307", "us-east-1", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("claude-sonnet-4-5", "eu-west-1", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-sonnet-4-5", "ap-northeast-1", "jp.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-sonnet-4-5-20250929", "sa-east-1", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-opus-4-6", "us-west-2", "us.anthropic.claude-opus-4-6-v1"),
        ("nova-pro", "us-east-1", "us.amazon.nova-pro-v1:0"),
        ("nova-lite", "ca-central-1", "ca.amazon.nova-lite-v1:0"),
        ("llama-3.1-8b-instruct", "us-east-1", "us.meta.llama3-1-8b-instruct-v1:0"),
        ("mistral-large", "us-east-1", "mistral.mistral-large-2407-v1:0"),
        ("command-r+", "us-east-1", "cohere.command-r-plus-v1:0"),
        ("jamba-1.5-large", "us-east-1", "ai21.jamba-1-5-large-v1:0"),
        ("titan-embed-text-v1", "us-east-1", "amazon.titan-embed-text-v1"),
        ("titan-embed-text-v2", "us-east-1", "amazon.titan-embed-text-v2:0"),
        ("deepseek-r1", "us-east-1", "us.deepseek.r1-v1:0"),
        # What is an id already stays.
        ("us.anthropic.claude-sonnet-4-6", "eu-west-1", "us.anthropic.claude-sonnet-4-6"),
        ("anthropic.claude-sonnet-4-6", "us-east-1", "anthropic.claude-sonnet-4-6"),
        (PROFILE, "eu-west-1", PROFILE),
        ("a-name-that-nobody-knows", "us-east-1", "a-name-that-nobody-knows"),
    ],
)
def test_a_name_is_resolved_for_its_region(name: str, region: str, id: str) -> None:
    assert resolve(name, region) == id


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_model_is_known_by_its_bare_name_and_not_retired(model: object) -> None:
    name = model.id  # type: ignore[attr-defined]
    assert resolve(name.partition(".")[2], "us-east-1").endswith(name)
    assert retired(name) is None
    assert maker(f"us.{name}") == maker(name) != ""


@pytest.mark.parametrize(
    "name",
    [
        *RETIRED,
        *("claude-v2", "anthropic.claude-v2:1", "us.anthropic.claude-3-opus-20240229-v1:0", "claude-3-opus"),
        *(
            "j2-ultra",
            "ai21.j2-ultra-v1",
            "cohere.command-text-v14",
            "meta.llama2-70b-chat-v1",
            "jurassic-2-mid",
        ),
    ],
)
def test_a_retired_model_has_something_in_its_place(name: str) -> None:
    assert retired(name)


def test_who_made_a_model_that_an_arn_hides_is_not_known() -> None:
    assert maker(PROFILE) == ""
    assert maker("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0") == "amazon"
