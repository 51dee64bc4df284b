"""Laws of Anthropic's errors beyond the shared table."""

import pytest

from switch_grpc.faults import Kind
from switch_grpc.providers.dialects.anthropic import Anthropic
from switch_grpc.providers.dialects.base import WireReply
from tests.support.conformance import (
    fault_of,
    fixture,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("context_with_max_tokens", Kind.CONTEXT_LENGTH),
        ("no_temperature", Kind.CAPABILITY),
        ("unknown_block", Kind.CAPABILITY),
        ("no_system_turns", Kind.CAPABILITY),
        ("billing", Kind.UPSTREAM_QUOTA),
        ("spend_limit", Kind.UPSTREAM_QUOTA),
        ("ramp_limit", Kind.UPSTREAM_RATE_LIMIT),
        ("on_hold", Kind.UPSTREAM_QUOTA),
    ],
)
def test_errors_that_say_more_than_their_type(name: str, kind: Kind) -> None:
    assert fault_of(Anthropic(), "anthropic", fixture("anthropic", "errors")[name]).kind is kind


def test_a_callers_words_never_empty_an_account() -> None:
    """Only the provider's own words, at the start, say that there is no credit left."""
    message = "messages.0: 'Your credit balance is too low' is no role"
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    assert fault_of(Anthropic(), "anthropic", {"status": 400, "body": body}).kind is Kind.CLIENT_FAULT


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"error": 7}', b'{"error": {"details": []}}'])
def test_an_error_that_cannot_be_read_is_an_empty_one(body: bytes) -> None:
    error = Anthropic().error(WireReply(status=500, headers={}, body=body))
    assert (error.type, error.code) == ("", "")
