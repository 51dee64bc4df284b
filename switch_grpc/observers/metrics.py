"""Prometheus metrics. Label values come from the configuration only, so their number is bounded.

The series of a call are looked up once per label set and kept: see `series` for why they are our own.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from switch_grpc.events import AttemptFinished, BreakerChanged, CallFinished, Event
from switch_grpc.observers.series import Count, Counter, Distribution, Histogram, registered

LATENCY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
OVERHEAD_BUCKETS: Final = (  # seconds; the gateway's own share is mostly below a millisecond
    *(0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
BREAKER_STATES: Final = {"closed": 0, "half_open": 1, "open": 2}


class Metrics:
    """Counts events into a registry of its own; `render` gives the text of a scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._of_calls: dict[tuple[object, ...], _OfCalls] = {}
        self._of_attempts: dict[tuple[object, ...], _OfAttempts] = {}
        self._calls = Counter(
            "switch_calls", "Calls by outcome", ("door", "operation", "route", "stream", "outcome")
        )
        self._duration = _latency("switch_call_duration_seconds", "Whole calls", "door", "operation", "route")
        self._overhead = Histogram(
            "switch_overhead_seconds", "Whole calls less the provider's time", ("route",), OVERHEAD_BUCKETS
        )
        self._first = _latency("switch_first_content_seconds", "To the first content of a stream", "route")
        self._attempts = Counter("switch_attempts", "Attempts by outcome", ("route", "target", "outcome"))
        self._upstream = _latency("switch_attempt_duration_seconds", "Attempts", "route", "target")
        self._ttfb = _latency("switch_attempt_ttfb_seconds", "To a provider's first byte", "route", "target")
        self._cost = Counter("switch_cost_usd", "US dollars, by the catalogue's prices", ("route", "target"))
        self._tokens = Counter("switch_tokens", "Tokens as counted by providers", ("route", "direction"))
        self._reloads = Counter("switch_config_reloads", "Configuration reloads", ("outcome",))
        registered(self.registry, self._calls, self._duration, self._overhead, self._first, self._tokens)
        registered(self.registry, self._attempts, self._upstream, self._ttfb, self._cost, self._reloads)
        self._breaker = Gauge(
            "switch_breaker_state",
            "0 closed, 1 half open, 2 open",
            ["route", "target"],
            registry=self.registry,
        )
        self._targets: Set[tuple[str, str]] | None = None  # None: not told yet
        self.in_flight = Gauge(
            "switch_calls_in_flight", "Calls admitted and not yet finished", registry=self.registry
        )
        self.tasks = Gauge(
            "switch_tasks", "Tasks of the event loop, of idle connections too", registry=self.registry
        )
        self.log_dropped = Gauge(
            "switch_log_lines_dropped", "Lines of the log that nobody read in time", registry=self.registry
        )

    def __call__(self, event: Event) -> None:
        if isinstance(event, CallFinished):
            self._call(event)
        elif isinstance(event, AttemptFinished):
            self._attempt(event)
        elif isinstance(event, BreakerChanged):
            # A call that began before a reload may still move the breaker of a target that is gone.
            if self._targets is None or (event.route, event.target) in self._targets:
                self._breaker.labels(event.route, event.target).set(BREAKER_STATES[event.state])
        else:
            self._reloads.of("refused" if event.problems else "taken").value += 1

    def know(self, breakers: Mapping[tuple[str, str], str]) -> None:
        """The targets that there are, by route and name, and the state of each one's breaker.

        From the start an alert can tell a closed breaker from one that nobody watches; after a reload no
        breaker of a target that is gone stays open for ever.
        """
        for gone in (self._targets or set()) - breakers.keys():
            self._breaker.remove(*gone)
        self._targets = set(breakers)
        for target, state in breakers.items():
            self._breaker.labels(*target).set(BREAKER_STATES[state])

    def render(self) -> tuple[bytes, str]:
        """The text of a scrape and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _attempt(self, event: AttemptFinished) -> None:
        key = (event.route, event.target, event.fault)
        series = self._of_attempts.get(key) or self._new_of_attempts(key, event)
        series.count.value += 1
        series.duration.add(event.duration)
        if event.cost is not None:
            series.cost.value += event.cost
        if event.ttfb is not None:
            series.ttfb.add(event.ttfb)

    def _call(self, event: CallFinished) -> None:
        key = (event.route, event.door, event.operation, event.stream, event.fault)
        series = self._of_calls.get(key) or self._new_of_calls(key, event)
        series.count.value += 1
        series.duration.add(event.duration)
        if event.info is not None:
            series.overhead.add(max(0.0, event.duration - event.info.provider_ms / 1e3))
        if event.first_content is not None:
            series.first.add(event.first_content)
        if (usage := event.usage) is not None:
            series.tokens_in.value += usage.prompt
            series.tokens_out.value += usage.completion

    def _new_of_attempts(self, key: tuple[object, ...], event: AttemptFinished) -> "_OfAttempts":
        where = (event.route, event.target)
        made = self._of_attempts[key] = _OfAttempts(
            count=self._attempts.of(*where, event.fault or "ok"),
            duration=self._upstream.of(*where),
            ttfb=self._ttfb.of(*where),
            cost=self._cost.of(*where),
        )
        return made

    def _new_of_calls(self, key: tuple[object, ...], event: CallFinished) -> "_OfCalls":
        door, operation, route = event.door, event.operation, event.route
        made = self._of_calls[key] = _OfCalls(
            count=self._calls.of(
                door, operation, route, "true" if event.stream else "false", event.fault or "ok"
            ),
            duration=self._duration.of(door, operation, route),
            overhead=self._overhead.of(route),
            first=self._first.of(route),
            tokens_in=self._tokens.of(route, "in"),
            tokens_out=self._tokens.of(route, "out"),
        )
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfCalls:
    """The series that a call with one label set is entered into."""

    count: Count
    duration: Distribution
    overhead: Distribution
    first: Distribution
    tokens_in: Count
    tokens_out: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfAttempts:
    """The same for an attempt."""

    count: Count
    duration: Distribution
    ttfb: Distribution
    cost: Count


def _latency(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(name, text, labels, LATENCY_BUCKETS)
