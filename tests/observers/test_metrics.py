"""Metrics as a Prometheus server reads them, and labels that callers cannot multiply."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from switch_grpc.events import BreakerChanged, ConfigReloaded, Event
from switch_grpc.faults import Kind
from switch_grpc.observers.metrics import Metrics
from tests.observers.test_log import ATTEMPT, CALL, failed


def scraped(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    text, kind = metrics.render()
    assert kind.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def after(*events: Event) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    metrics = Metrics()
    for event in events:
        metrics(event)
    return scraped(metrics)


def value(samples: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_calls_are_counted_by_outcome():
    samples = after(CALL, CALL, failed(Kind.BAD_KEY))
    of = {"door": "http", "operation": "chat", "route": "lite", "stream": "true", "outcome": "ok"}
    assert value(samples, "switch_calls_total", **of) == 2
    of = {"door": "grpc", "operation": "chat", "route": "", "stream": "false", "outcome": "BAD_KEY"}
    assert value(samples, "switch_calls_total", **of) == 1


def test_a_call_tells_its_duration_its_overhead_its_first_content_and_its_tokens():
    samples = after(CALL)
    where = {"door": "http", "operation": "chat", "route": "lite"}
    assert value(samples, "switch_call_duration_seconds_sum", **where) == pytest.approx(0.5)
    assert value(samples, "switch_call_duration_seconds_bucket", **where, le="0.25") == 0
    assert value(samples, "switch_call_duration_seconds_bucket", **where, le="0.5") == 1
    assert value(samples, "switch_overhead_seconds_sum", route="lite") == pytest.approx(0.5 - 0.012345)
    assert value(samples, "switch_first_content_seconds_sum", route="lite") == pytest.approx(0.25)
    assert value(samples, "switch_tokens_total", route="lite", direction="in") == 3
    assert value(samples, "switch_tokens_total", route="lite", direction="out") == 4


def test_attempts_are_counted_by_target_and_outcome():
    samples = after(ATTEMPT, replace(ATTEMPT, fault=None, ttfb=0.05))
    for outcome in ("UPSTREAM_ERROR", "ok"):
        assert value(samples, "switch_attempts_total", route="lite", target="a", outcome=outcome) == 1
    assert value(samples, "switch_attempt_duration_seconds_count", route="lite", target="a") == 2
    assert value(samples, "switch_attempt_ttfb_seconds_count", route="lite", target="a") == 1


@pytest.mark.parametrize(("state", "number"), [("closed", 0), ("half_open", 1), ("open", 2)])
def test_a_breakers_state_is_a_number(state: str, number: int):
    samples = after(BreakerChanged(route="lite", target="a", state=state, cause="x", until=None))
    assert value(samples, "switch_breaker_state", route="lite", target="a") == number


def breakers(metrics: Metrics) -> dict[str, float]:
    """The state of each breaker by its target's name."""
    return {
        dict(labels)["target"]: state
        for (name, labels), state in scraped(metrics).items()
        if name == "switch_breaker_state"
    }


def test_a_breaker_has_a_state_before_it_ever_moved_and_none_once_its_target_is_gone():
    metrics = Metrics()
    metrics.know({("lite", "a"): "closed", ("lite", "b"): "closed"})
    metrics(BreakerChanged(route="lite", target="b", state="open", cause="x", until=None))
    assert breakers(metrics) == {"a": 0, "b": 2}
    metrics.know({("lite", "a"): "half_open", ("lite", "c"): "closed"})
    assert breakers(metrics) == {"a": 1, "c": 0}
    metrics(BreakerChanged(route="lite", target="b", state="half_open", cause="x", until=None))
    assert breakers(metrics) == {"a": 1, "c": 0}


def test_an_overhead_of_a_millisecond_is_told_from_one_of_two():
    samples = after(CALL, replace(CALL, duration=0.012345 + 0.0007), replace(CALL, duration=0.012345 + 0.002))
    buckets = {"0.0005": 0, "0.001": 1, "0.0025": 2, "1.0": 3}
    assert {
        bound: value(samples, "switch_overhead_seconds_bucket", route="lite", le=bound) for bound in buckets
    } == buckets


def test_reloads_are_counted_by_outcome():
    samples = after(*(ConfigReloaded(version="1", source="f", problems=n) for n in (0, 0, 2)))
    assert value(samples, "switch_config_reloads_total", outcome="taken") == 2
    assert value(samples, "switch_config_reloads_total", outcome="refused") == 1


def test_calls_in_flight_are_asked_for_at_each_scrape():
    metrics = Metrics()
    busy = [3]
    metrics.in_flight.set_function(lambda: busy[0])
    assert scraped(metrics)["switch_calls_in_flight", frozenset()] == 3
    busy[0] = 0
    assert scraped(metrics)["switch_calls_in_flight", frozenset()] == 0


def test_every_metric_is_described_and_named_as_prometheus_wants():
    metrics = Metrics()
    for event in (CALL, ATTEMPT):
        metrics(event)
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        assert family.documentation
        assert family.name.startswith("switch_")
        assert family.type in ("counter", "gauge", "histogram")


def _storm() -> Iterable[Any]:
    for number in range(2000):
        yield replace(CALL, call_id=f"req-{number}", principal=f"key-{number}", message=f"m{number}")
        yield replace(ATTEMPT, call_id=f"req-{number}", upstream_status=400 + number)
        yield failed(Kind.UNKNOWN_ROUTE, f"no route is called 'x{number}'")


def test_what_callers_choose_makes_no_new_series():
    """Ids, keys and messages differ from call to call; the number of series does not."""
    metrics = Metrics()
    for event in (CALL, ATTEMPT, failed(Kind.UNKNOWN_ROUTE)):
        metrics(event)
    before = len(scraped(metrics))
    for event in _storm():
        metrics(event)
    assert len(scraped(metrics)) == before


def test_the_series_of_a_label_set_are_looked_up_once(monkeypatch: pytest.MonkeyPatch):
    metrics = Metrics()
    metrics(CALL)
    metrics(ATTEMPT)

    def looked_up(*_: object) -> None:
        raise AssertionError("a lookup on the hot path")

    for family in (metrics._calls, metrics._duration, metrics._attempts, metrics._ttfb):
        monkeypatch.setattr(family, "of", looked_up)
    metrics(CALL)
    metrics(ATTEMPT)
