"""Laws of the base URLs of regions."""

import pytest

from switch_grpc.providers.regional import places

AWS = "https://bedrock-runtime.{region}.amazonaws.com"


@pytest.mark.parametrize(
    ("base", "regions", "expected"),
    [
        (AWS, ["us-east-1"], [("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com")]),
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/",
            ["us-east-1", "us-gov-west-1"],
            [
                ("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com"),
                ("us-gov-west-1", "https://bedrock-runtime.us-gov-west-1.amazonaws.com"),
            ],
        ),
        # An apiBase says where it is; the store's region, or AWS_REGION, may be another.
        (
            "https://bedrock-runtime.eu-west-3.amazonaws.com",
            ["us-east-1"],
            [("eu-west-3", "https://bedrock-runtime.eu-west-3.amazonaws.com")],
        ),
        (
            "https://bedrock-runtime.eu-west-3.amazonaws.com",
            [],
            [("eu-west-3", "https://bedrock-runtime.eu-west-3.amazonaws.com")],
        ),
        ("http://proxy.internal:8080/aws", ["us-east-1"], [("us-east-1", "http://proxy.internal:8080/aws")]),
        (AWS, [], []),
    ],
)
def test_each_region_has_its_base(base: str, regions: list[str], expected: list[tuple[str, str]]) -> None:
    assert places(base, regions) == expected
