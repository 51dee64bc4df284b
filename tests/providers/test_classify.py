"""Laws of the outcome table.

The bodies are written by hand, in the shapes of recorded traffic where there is some and else of the
providers' own error pages; `test_wire_corpus` replays what was really recorded.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.faults import RULES, Effect, Fault, Kind
from switch_grpc.providers.classify import MESSAGE_LIMIT, Verdict, classify
from switch_grpc.providers.dialects.base import UpstreamError, WireReply
from switch_grpc.providers.dialects.openai import OpenAI
from switch_grpc.providers.vendors import VENDORS

FIXTURES = Path(__file__).parents[1] / "fixtures/dialects/openai"
ROWS = json.loads((FIXTURES / "errors.json").read_text())
DEFAULT_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        "404.*not found",
        "401.*unauthorized",
        "403.*forbidden",
        "authentication.*failed",
        "invalid.*credentials",
        "api.*key.*invalid",
        "endpoint.*not.*found",
    )
]
CALLERS_KINDS = {
    Kind.CLIENT_FAULT,
    Kind.CONTEXT_LENGTH,
    Kind.CONTENT_FILTER,
    Kind.CAPABILITY,
    Kind.NOT_FOUND_OBJECT,
}
PERMANENT = (Effect.PERMANENT, Effect.PERMANENT_WINDOW)


def verdict(row: dict[str, Any], *, permanent: bool = True, patterns: Any = DEFAULT_PATTERNS) -> Verdict:
    headers = row.get("headers", {})
    reply = WireReply(status=row["status"], headers=headers, body=row["body"].encode())
    return classify(
        provider=row["provider"],
        target="a",
        status=row["status"],
        headers=headers,
        error=OpenAI().error(reply),
        patterns=patterns,
        permanent=permanent,
        now_wall=1_790_000_000.0,
    )


def of(status: int, error: UpstreamError, *, patterns: Any = (), permanent: bool = True) -> Verdict:
    return classify(
        provider="custom",
        target="a",
        status=status,
        headers={},
        error=error,
        patterns=patterns,
        permanent=permanent,
        now_wall=0.0,
    )


by_name = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['provider']}: {row['name']}")


@by_name
def test_every_row_of_the_outcome_table(row: dict[str, Any]) -> None:
    fault = verdict(row).fault
    assert fault.kind == row["kind"]
    assert fault.target == "a"
    assert fault.upstream_status == row["status"]
    expected = {
        name: row[name] for name in ("code", "param", "http", "message", "retry_after") if name in row
    }
    assert {name: getattr(fault, name) for name in expected} == expected


@by_name
def test_the_breaker_sees_the_kinds_own_effect(row: dict[str, Any]) -> None:
    assert verdict(row).effect is RULES[Kind(row["kind"])].effect


@by_name
def test_with_permanent_handling_off_nothing_is_permanent(row: dict[str, Any]) -> None:
    """Rows 7 to 11 are then failures like any other."""
    own = RULES[Kind(row["kind"])].effect
    assert verdict(row, permanent=False).effect is (Effect.COUNTED if own in PERMANENT else own)


@by_name
def test_what_the_caller_brought_about_is_never_permanent(row: dict[str, Any]) -> None:
    everything = [re.compile("")]
    result = verdict(row, patterns=everything)
    if Kind(row["kind"]) in CALLERS_KINDS:
        assert result.effect is Effect.EXCLUDED
    elif row["status"] not in (400, 413, 422):
        assert result.effect in PERMANENT


@by_name
def test_a_providers_words_reach_the_caller_only_where_they_are_about_the_request(
    row: dict[str, Any],
) -> None:
    fault = verdict(row).fault
    if fault.kind not in CALLERS_KINDS:
        assert fault.message.startswith(f"target 'a' ({row['provider']}) ")
        assert fault.param is None


def test_every_kind_that_a_status_can_stand_for_is_in_the_fixtures() -> None:
    assert {row["kind"] for row in ROWS} >= {
        "CLIENT_FAULT", "CAPABILITY", "CONTEXT_LENGTH", "CONTENT_FILTER", "NOT_FOUND_OBJECT", "CONFLICT",
        "UPSTREAM_AUTH", "UPSTREAM_QUOTA", "UPSTREAM_MODEL_MISSING", "UPSTREAM_RATE_LIMIT",
        "UPSTREAM_OVERLOADED", "UPSTREAM_SATURATED", "UPSTREAM_ERROR", "UPSTREAM_REQUEST_TIMEOUT",
        "UPSTREAM_PROTOCOL",
    }  # fmt: skip


TEXTS = st.one_of(
    st.sampled_from(
        ["404 not found", "401 unauthorized", "Incorrect API key provided: x", "insufficient_quota"]
    ),
    st.text(max_size=40),
)


@pytest.mark.parametrize("provider", [*(name for name in VENDORS if name != "xai"), "unknown"])
@pytest.mark.parametrize("status", [400, 413, 422])
@given(message=TEXTS, param=TEXTS)
def test_no_text_of_a_callers_own_400_makes_it_permanent(
    provider: str, status: int, message: str, param: str
) -> None:
    """Whatever the provider repeats of the request in its message, with every pattern matching."""
    result = classify(
        provider=provider,
        target="a",
        status=status,
        headers={},
        error=UpstreamError(type="invalid_request_error", message=message, param=param),
        patterns=[re.compile("")],
        permanent=True,
        now_wall=0.0,
    )
    assert result.effect is Effect.EXCLUDED
    assert result.fault.rule.effect is Effect.EXCLUDED


def test_a_prompt_cannot_pass_for_xais_word_about_its_key() -> None:
    """Only the very start of the message counts, and a provider begins with its own words."""
    body = json.dumps({"error": "Invalid message: 'Incorrect API key provided: x'"})
    row = {"provider": "xai", "status": 400, "body": body}
    assert verdict(row).fault.kind is Kind.CLIENT_FAULT


@pytest.mark.parametrize(
    ("status", "error", "pattern", "matches"),
    [
        (500, UpstreamError(message="authentication has failed"), "AUTHENTICATION.*failed", True),
        (503, UpstreamError(type="gone_error"), "503 gone_error", True),
        (503, UpstreamError(code="E77"), "E77", True),
        (503, UpstreamError(), "503.*service unavailable", True),
        (500, UpstreamError(message="x" * 512 + "dead"), "dead", False),
        (500, UpstreamError(message="x" * 508 + "dead"), "dead", True),
        (429, UpstreamError(message="monthly cap"), "429.*monthly", True),
        (409, UpstreamError(message="monthly cap"), "409.*monthly", True),
        (400, UpstreamError(message="monthly cap"), "monthly", False),
        (413, UpstreamError(message="monthly cap"), "monthly", False),
        (422, UpstreamError(message="monthly cap"), "monthly", False),
        (418, UpstreamError(message="monthly cap"), "monthly", False),
        (403, UpstreamError(message="your input was flagged"), "403", False),
        (404, UpstreamError(message="No such File object: f"), "404", False),
    ],
)
def test_patterns_see_status_type_code_reason_and_512_characters_of_the_message(
    status: int, error: UpstreamError, pattern: str, matches: bool
) -> None:
    patterns = [re.compile("never this"), re.compile(pattern, re.IGNORECASE)]
    assert (of(status, error, patterns=patterns).effect is Effect.PERMANENT) is matches
    assert of(status, error, patterns=patterns, permanent=False).effect not in PERMANENT


def test_a_message_is_cut_between_characters() -> None:
    shown = of(400, UpstreamError(message="é" * 5000)).fault.message
    assert len(shown.encode()) <= MESSAGE_LIMIT
    assert shown.startswith("é" * 1000)
    assert shown.endswith("…")


def test_a_lone_surrogate_in_a_message_does_no_harm() -> None:
    assert of(400, UpstreamError(message="a\ud800b")).fault.message == "a?b"


JSON_NAMES = st.sampled_from(
    [
        *("error", "message", "detail", "code", "type", "param", "metadata", "raw", "reasons", "loc"),
        *("msg", "status", "object", "choices"),
    ]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_NAMES, inner, max_size=5),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
)
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x"]), st.text(max_size=30))


@given(
    status=st.integers(100, 999), headers=HEADERS, body=BODIES, provider=st.sampled_from([*VENDORS, "nobody"])
)
def test_garbage_is_always_classified(
    status: int, headers: dict[str, str], body: bytes, provider: str
) -> None:
    error = OpenAI().error(WireReply(status=status, headers=headers, body=body))
    result = classify(
        provider=provider, target="a", status=status, headers=headers, error=error,
        patterns=DEFAULT_PATTERNS, permanent=True, now_wall=0.0,
    )  # fmt: skip
    assert isinstance(result.fault, Fault)
    assert result.fault.message
    assert len(result.fault.message.encode()) <= MESSAGE_LIMIT
    assert result.fault.retry_after is None or 0.0 <= result.fault.retry_after <= 600.0
