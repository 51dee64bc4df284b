"""No secret in what callers and operators read."""

import base64
import random
from urllib.parse import quote

import pytest

from switch_grpc.credentials.signer import Secret
from switch_grpc.credentials.sigv4 import AwsKeys
from switch_grpc.redact import redact

ODD = "Zürich+key/with:odd~characters"


@pytest.mark.parametrize("secret", ["plain-secret-of-ours", ODD])
@pytest.mark.parametrize("around", [("", ""), ("a", "b"), ("ab", ""), ("", "abcd")])
def test_a_secret_is_found_in_every_form_that_it_travels_in(secret: str, around: tuple[str, str]):
    before, after = around
    data = f"{before}{secret}{after}".encode()
    forms = [
        f"{before}{secret}{after}",
        quote(secret, safe=""),
        base64.b64encode(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
    ]
    for form in forms:
        said = redact(f"refused <{form}>", [secret])
        assert "***" in said
        assert form not in said
        assert secret[:12] not in said


def test_the_start_of_a_secret_gives_it_away_too():
    assert redact("key secret-1234-56... is wrong", ["secret-1234-567890"]) == "key ***... is wrong"
    assert redact("secret-1234-567890 secret-1234-567", ["secret-1234-567890"]) == "*** ***"


def test_a_secret_too_short_to_tell_from_words_is_not_looked_for():
    assert redact("the model is down", ["model"]) == "the model is down"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Incorrect API key provided: sk-proj-Ab12**********wxyz.", "Incorrect API key provided: ***"),
        ("token ghp_1234567890abcdef", "token ***"),
        ("AKIAIOSFODNN7EXAMPLE may not", "*** may not"),
        ("key=AIzaSyA-1234567890_abcdefghijk", "key=***"),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer ***"),
        ("x-api-key: 0123456789abcdef", "x-api-key: ***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "***"),
        ("http://user:hunter2@proxy:1/", "http://***@proxy:1/"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nx", "***\nx"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, clean: str):
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "use Bearer authentication, or Basic authentication",
        "api key: required in the header",
        "sk-learn and hf-transformers are libraries",
        "This model's maximum context length is 8192 tokens; you sent 9000",
        "messages[0].content: found a number, expected a string",
        "gpt-4o-2024-08-06 does not support temperature=0.5",
        "see https://platform.openai.com/docs/guides/error-codes",
    ],
)
def test_words_are_left_alone(text: str):
    assert redact(text) == text


def test_every_part_of_aws_keys_is_a_secret():
    keys = AwsKeys("AKIDEXAMPLE-0", "wJalrXUtnFEMI/K7MDENG", Secret("session-token-1"))
    assert keys.redacted("AKIDEXAMPLE-0 wJalrXUtnFEMI/K7MDENG session-token-1") == "*** *** ***"


def test_random_secrets_never_come_through():
    rng = random.Random(7)
    for _ in range(300):
        secret = "".join(chr(rng.randrange(33, 0x250)) for _ in range(rng.randrange(8, 60)))
        for form in (secret, quote(secret), base64.b64encode(secret.encode()).decode()):
            assert form not in redact(f"x {form} y", [secret])
