"""Counters and histograms that are cheap to add to, read by prometheus_client as a custom collector.

prometheus_client's own take a lock and half a dozen Python calls for each addition, and a call makes a dozen.
Here an addition is one line on the event loop, the only writer; a scrape reads from a thread of its own, and
at worst misses the last call.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric


class Count:
    """One series of a counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Distribution:
    """One series of a histogram. `bounds`: upper ends of its buckets, but for the last, infinite one."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # by bucket, not cumulative
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


S = TypeVar("S", Count, Distribution)


class _Series(Generic[S]):
    """The series of one metric, by the values of its labels."""

    def __init__(self, new: Callable[[], S]) -> None:
        self._new: Callable[[], S] = new
        self._series: dict[tuple[str, ...], S] = {}

    def of(self, *values: str) -> S:
        """The series of these label values, made when first asked for. Keep it."""
        known = self._series.get(values)
        if known is None:
            known = self._series[values] = self._new()
        return known

    def _all(self) -> Sequence[tuple[tuple[str, ...], S]]:
        """All of them; safe to call in another thread than `of`."""
        return tuple(self._series.items())


class Counter(_Series[Count]):
    """A counter, as `NAME_total`."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        super().__init__(Count)
        self._about = name, text, None, labels

    def collect(self) -> Iterable[Metric]:
        """What a scrape shows; the registry also asks for it to refuse a name that is taken."""
        family = CounterMetricFamily(*self._about)
        for values, series in self._all():
            family.add_metric(values, series.value)
        return [family]


class Histogram(_Series[Distribution]):
    """A histogram with the same buckets in all its series."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        super().__init__(lambda: Distribution(bounds))
        self._about = name, text, None, None, labels
        self._bounds = bounds

    def collect(self) -> Iterable[Metric]:
        """As a Counter's."""
        family = HistogramMetricFamily(*self._about)
        ends = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for values, series in self._all():
            total, buckets = 0, []
            for end, count in zip(ends, tuple(series.counts), strict=True):
                total += count
                buckets.append((end, float(total)))
            family.add_metric(values, buckets, series.sum)
        return [family]


def registered(registry: CollectorRegistry, *families: Counter | Histogram) -> None:
    """Has a scrape of `registry` show the families."""
    for family in families:
        registry.register(family)
