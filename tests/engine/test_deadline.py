"""How long a call may take, and an attempt of it, by numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.call import Call
from switch_grpc.engine.deadline import MARGIN, SHARE, CallLimits, attempt_deadline, call_deadline

LIMITS = CallLimits(default=60.0, maximum=300.0, streaming=600.0)
SECONDS = st.floats(0.0, 10_000.0)


def call(deadline: float | None = None) -> Call:
    return Call(id="c", door="http", started=100.0, deadline=deadline)


@pytest.mark.parametrize(
    ("wish", "stream", "total", "expected"),
    [
        (None, False, None, 60.0),  # the default
        (None, True, None, 600.0),  # a stream's default
        (5.0, False, None, 5.0),  # a caller's own
        (5.0, True, None, 5.0),
        (0.01, False, None, 0.01),  # never lengthened
        (200.0, False, None, 200.0),  # longer than the default
        (1000.0, False, None, 300.0),  # capped
        (1000.0, True, None, 600.0),
        (None, False, 20.0, 20.0),  # maxTotalMs of the route
        (None, True, 20.0, 20.0),
        (25.0, False, 20.0, 20.0),
        (5.0, False, 20.0, 5.0),
    ],
)
def test_a_call_ends_at_the_soonest_of_its_bounds(
    wish: float | None, stream: bool, total: float | None, expected: float
):
    limits = CallLimits(default=60.0, maximum=300.0, streaming=600.0, total=total)
    ends = call_deadline(call(None if wish is None else 100.0 + wish), stream, limits)
    assert ends == pytest.approx(100.0 + expected)


def test_time_in_the_queue_is_the_calls_own():
    """The deadline counts from the call's arrival, whenever it is computed."""
    assert call_deadline(call(), False, LIMITS) == 160.0


def test_while_others_are_left_an_attempt_gets_sixty_per_cent():
    assert attempt_deadline(10.0, 20.0, others=True) == pytest.approx(16.0)


def test_the_last_gets_all_but_the_time_to_answer_in():
    assert attempt_deadline(10.0, 20.0, others=False) == pytest.approx(20.0 - MARGIN)


@given(now=SECONDS, remaining=SECONDS, others=st.booleans())
def test_no_attempt_outlasts_its_share(now: float, remaining: float, others: bool):
    until = attempt_deadline(now, now + remaining, others)
    assert until <= now + remaining - MARGIN + 1e-9
    if others:
        assert until - now <= SHARE * remaining + 1e-6
