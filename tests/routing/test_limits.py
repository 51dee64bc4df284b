from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.routing.limits import MinuteLimits, Reservation


def reserved(limits: MinuteLimits, tokens: int, now: float) -> Reservation:
    place = limits.reserve(tokens, now)
    assert place is not None
    return place


def test_without_limits_everything_fits_and_is_counted():
    limits = MinuteLimits()
    for _ in range(1000):
        reserved(limits, 1000, 0.0)
    assert limits.used(0.0) == (1000, 1_000_000)


def test_requests_beyond_the_minute_wait_for_it_to_end():
    limits = MinuteLimits(requests=2)
    reserved(limits, 0, 0.0)
    reserved(limits, 0, 30.5)
    assert limits.reserve(0, 59.9) is None
    assert limits.retry_at(0, 59.9) == 61.0
    assert not limits.fits(0, 60.9)
    assert limits.fits(0, 61.0)
    reserved(limits, 0, 61.0)
    assert limits.retry_at(0, 61.0) == 91.0


def test_tokens_beyond_the_minute_wait_for_enough_to_be_free():
    limits = MinuteLimits(tokens=100)
    for second in range(10):
        reserved(limits, 10, float(second))
    assert limits.reserve(1, 10.0) is None
    assert limits.retry_at(25, 10.0) == 63.0, "when the first three have left"
    assert limits.fits(25, 63.0)


def test_what_fits_need_not_wait():
    assert MinuteLimits(requests=1, tokens=1).retry_at(1, 5.0) == 5.0


def test_tokens_that_were_not_used_are_given_back():
    limits = MinuteLimits(tokens=100)
    place = reserved(limits, 90, 0.0)
    place.settle(10, 1.0)
    assert limits.used(1.0) == (1, 10)
    assert limits.fits(90, 1.0)


def test_tokens_used_beyond_the_estimate_are_charged_when_they_are_known():
    limits = MinuteLimits(tokens=100)
    place = reserved(limits, 10, 0.0)
    place.settle(150, 50.0)
    assert limits.used(50.0) == (1, 150)
    assert limits.retry_at(1, 50.0) == 111.0


def test_a_request_that_never_left_is_given_back_whole():
    limits = MinuteLimits(requests=1, tokens=100)
    reserved(limits, 100, 0.0).cancel(0.5)
    assert limits.used(0.5) == (0, 0)


def test_a_reservation_ends_once():
    limits = MinuteLimits()
    place = reserved(limits, 10, 0.0)
    reserved(limits, 10, 0.0)
    place.cancel(0.0)
    place.cancel(0.0)
    place.settle(500, 0.0)
    assert limits.used(0.0) == (1, 10)


def test_what_has_left_the_window_is_not_given_back_again():
    limits = MinuteLimits()
    old = reserved(limits, 10, 0.0)
    gone = reserved(limits, 10, 0.0)
    reserved(limits, 7, 61.0)
    old.settle(3, 61.0)
    gone.cancel(61.0)
    assert limits.used(61.0) == (1, 7)
    assert limits.used(122.0) == (0, 0)


def test_a_request_larger_than_a_whole_minute_goes_when_nothing_else_does():
    limits = MinuteLimits(tokens=100)
    assert limits.fits(1000, 0.0)
    reserved(limits, 1, 0.0)
    assert not limits.fits(1000, 0.0)
    assert limits.retry_at(1000, 0.0) == 61.0


def test_time_that_runs_backwards_frees_nothing():
    limits = MinuteLimits(requests=1)
    reserved(limits, 0, 100.0)
    assert limits.reserve(0, 10.0) is None
    assert limits.used(100.0) == (1, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["reserve", "settle", "cancel"]), st.floats(0.0, 20.0), st.integers(0, 60)),
        max_size=120,
    )
)
def test_no_minute_holds_more_than_its_limit_and_counters_return_to_zero(
    story: list[tuple[str, float, int]],
):
    limits, now = MinuteLimits(requests=5, tokens=100), 0.0
    starts: list[float] = []
    places: list[tuple[float, Reservation]] = []
    for event, wait, tokens in story:
        now += wait
        if event == "reserve":
            place = limits.reserve(tokens, now)
            if place is not None:
                starts.append(now)
                places.append((now, place))
            assert sum(now - 60.0 < start for start in starts) <= 5
        elif places and event == "settle":
            places.pop(tokens % len(places))[1].settle(tokens, now)
        elif places:
            start, place = places.pop(tokens % len(places))
            place.cancel(now)
            starts.remove(start)
        requests, used = limits.used(now)
        assert requests >= 0
        assert used >= 0
    assert limits.used(now + 61.0) == (0, 0)
