"""Counters and histograms that are cheap to add to, read by prometheus_client as a custom collector.

prometheus_client's own take a lock and half a dozen Python calls for each addition, and a call makes a dozen:
a third of what the gateway itself cost. Here an addition is one line on the event loop, the only writer; a
scrape reads from a thread of its own, and at worst misses the last call.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Generic, TypeVar

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


class Family(Generic[S]):
    """The series of one metric, by the values of its labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self.name: Final = name
        self._text = text
        self._labels = labels
        self._series: dict[tuple[str, ...], S] = {}

    def of(self, *values: str) -> S:
        """The series of these label values, made when first asked for. Keep it."""
        known = self._series.get(values)
        if known is None:
            known = self._series[values] = self._new()
        return known

    def _new(self) -> S:
        raise NotImplementedError

    def collect(self) -> Iterable[Metric]:
        raise NotImplementedError

    def describe(self) -> Iterable[Metric]:
        """For the registry, which refuses a name that is taken."""
        return self.collect()


class Counter(Family[Count]):
    """A counter, as `NAME_total`."""

    def _new(self) -> Count:
        return Count()

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self.name, self._text, labels=self._labels)
        for values, series in tuple(self._series.items()):
            family.add_metric(values, series.value)
        return [family]


class Histogram(Family[Distribution]):
    """A histogram with the same buckets in all its series."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        super().__init__(name, text, labels)
        self._bounds = bounds

    def _new(self) -> Distribution:
        return Distribution(self._bounds)

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self.name, self._text, labels=self._labels)
        ends = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for values, series in tuple(self._series.items()):
            total, buckets = 0, []
            for end, count in zip(ends, tuple(series.counts), strict=True):
                total += count
                buckets.append((end, float(total)))
            family.add_metric(values, buckets, series.sum)
        return [family]


def registered(registry: CollectorRegistry, *families: Family[Count] | Family[Distribution]) -> None:
    """Has a scrape of `registry` show the families."""
    for family in families:
        registry.register(family)
