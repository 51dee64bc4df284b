"""Laws of Retry-After in all its spellings."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.providers.retry_after import RETRY_AFTER_LIMIT, retry_after

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.25", 0.25),
        ("7.", 7.0),
        ("600", 600.0),
        ("86400", RETRY_AFTER_LIMIT),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 -0000", 30.0),
        ("Thu, 22 Oct 2015 07:28:00 GMT", RETRY_AFTER_LIMIT),
        ("Wed, 21 Oct 2015 07:27:59 GMT", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("inf", None),
        ("infinity", None),
        ("nan", None),
        ("1e3", None),
        ("0x10", None),
        ("1_000", None),
        ("٣", None),
        ("1 s", None),
        ("soon", None),
        ("99999999999999999999", None),
        ("Wed, 99 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_each_spelling(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_milliseconds_are_finer_and_go_first() -> None:
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}, NOW) == 0.25
    assert retry_after({"retry-after-ms": "9999999"}, NOW) == RETRY_AFTER_LIMIT
    assert retry_after({"retry-after-ms": "nan", "retry-after": "1"}, NOW) == 1.0


def test_a_provider_that_names_no_time_is_not_waited_for() -> None:
    assert retry_after({}, NOW) is None


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=40)))
def test_garbage_never_raises_and_never_means_for_ever(headers: dict[str, str]) -> None:
    seconds = retry_after(headers, NOW)
    assert seconds is None or (math.isfinite(seconds) and 0.0 <= seconds <= RETRY_AFTER_LIMIT)
