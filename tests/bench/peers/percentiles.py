"""Figures from samples."""

import statistics
from collections.abc import Iterable


def percentile(sorted_samples: list[float], share: float) -> float:
    return sorted_samples[min(len(sorted_samples) - 1, int(len(sorted_samples) * share))]


def spread(seconds: list[float]) -> dict[str, float | int | None]:
    """Count and percentiles, in milliseconds."""
    ordered = sorted(seconds)
    shares = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    figures = {k: round(percentile(ordered, s) * 1e3, 4) if ordered else None for k, s in shares.items()}
    return {"n": len(ordered), **figures}


def median(values: Iterable[float | None]) -> float | None:
    """Of the values that are there."""
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 4) if known else None
