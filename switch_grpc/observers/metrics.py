"""Prometheus metrics. Label values come from the configuration only, so their number is bounded.

Children are looked up once per label set and kept: a call costs about two microseconds (docs/benchmarks.md).
"""

from collections.abc import Callable, Mapping, Set
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from switch_grpc.events import AttemptFinished, BreakerChanged, CallFinished, ConfigReloaded, Event

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
        self._children: dict[tuple[object, ...], tuple[Callable[[float], None], ...]] = {}
        make = self._make
        self._calls = make(
            Counter, "switch_calls", "Calls by outcome", "door", "operation", "route", "stream", "outcome"
        )
        self._duration = make(
            Histogram, "switch_call_duration_seconds", "Whole calls", "door", "operation", "route"
        )
        self._overhead = Histogram(
            "switch_overhead_seconds",
            "Whole calls less the provider's time",
            ["route"],
            buckets=OVERHEAD_BUCKETS,
            registry=self.registry,
        )
        self._first = make(
            Histogram, "switch_first_content_seconds", "To the first content of a stream", "route"
        )
        self._attempts = make(Counter, "switch_attempts", "Attempts by outcome", "route", "target", "outcome")
        self._upstream = make(Histogram, "switch_attempt_duration_seconds", "Attempts", "route", "target")
        self._ttfb = make(
            Histogram, "switch_attempt_ttfb_seconds", "To a provider's first byte", "route", "target"
        )
        self._cost = make(
            Counter, "switch_cost_usd", "US dollars, by the catalogue's prices", "route", "target"
        )
        self._tokens = make(Counter, "switch_tokens", "Tokens as counted by providers", "route", "direction")
        self._breaker = make(
            Gauge, "switch_breaker_state", "0 closed, 1 half open, 2 open", "route", "target"
        )
        self._targets: Set[tuple[str, str]] | None = None  # None: not told yet
        self._reloads = make(Counter, "switch_config_reloads", "Configuration reloads", "outcome")
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
        match event:
            case AttemptFinished():
                self._attempt(event)
            case CallFinished():
                self._call(event)
            case BreakerChanged():
                # A call that began before a reload may still move the breaker of a target that is gone.
                if self._targets is None or (event.route, event.target) in self._targets:
                    self._breaker.labels(event.route, event.target).set(BREAKER_STATES[event.state])
            case ConfigReloaded():
                self._reloads.labels("refused" if event.problems else "taken").inc()

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

    def _make(self, kind: type, name: str, text: str, *labels: str):  # type: ignore[no-untyped-def]
        # Three metric classes share a constructor but no base that says so.
        extra = {"buckets": LATENCY_BUCKETS} if kind is Histogram else {}
        return kind(name, text, labels, registry=self.registry, **extra)

    def _attempt(self, event: AttemptFinished) -> None:
        outcome = event.fault or "ok"
        key = (event.route, event.target, outcome)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (
                self._attempts.labels(event.route, event.target, outcome).inc,
                self._upstream.labels(event.route, event.target).observe,
                self._ttfb.labels(event.route, event.target).observe,
                self._cost.labels(event.route, event.target).inc,
            )
        count, duration, ttfb, cost = children
        count(1)
        duration(event.duration)
        if event.cost is not None:
            cost(event.cost)
        if event.ttfb is not None:
            ttfb(event.ttfb)

    def _call(self, event: CallFinished) -> None:
        outcome = event.fault or "ok"
        key = (event.door, event.operation, event.route, event.stream, outcome)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (
                self._calls.labels(*map(str, key)).inc,
                self._duration.labels(event.door, event.operation, event.route).observe,
                self._overhead.labels(event.route).observe,
                self._first.labels(event.route).observe,
                self._tokens.labels(event.route, "in").inc,
                self._tokens.labels(event.route, "out").inc,
            )
        count, duration, overhead, first, tokens_in, tokens_out = children
        count(1)
        duration(event.duration)
        if event.info is not None:
            overhead(max(0.0, event.duration - event.info.provider_ms / 1e3))
        if event.first_content is not None:
            first(event.first_content)
        if event.usage is not None:
            tokens_in(event.usage.prompt_tokens)
            tokens_out(event.usage.completion_tokens)
