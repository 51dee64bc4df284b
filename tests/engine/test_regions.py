"""Laws of a target's regions."""

from switch_grpc.engine.regions import REST_SECONDS, Region, Regions
from switch_grpc.providers.dialects.base import Binding


def region(name: str) -> Region:
    return Region(Binding(target="t", provider="bedrock", model="m", base_url="", region=name), f"aws/{name}")


A, B, C = region("a"), region("b"), region("c")


def test_regions_are_asked_in_order() -> None:
    assert list(Regions([A, B, C]).order(now=0.0)) == [A, B, C]


def test_a_region_that_could_not_serve_rests_and_then_comes_first_again() -> None:
    regions = Regions([A, B, C])
    regions.rest(A, now=10.0)
    assert list(regions.order(now=10.0)) == [B, C]
    assert list(regions.order(now=10.0 + REST_SECONDS)) == [A, B, C]


def test_where_all_rest_the_first_to_wake_is_asked_alone() -> None:
    """Else every call would cost as many failed requests as there are regions."""
    regions = Regions([A, B])
    regions.rest(B, now=0.0)
    regions.rest(A, now=1.0)
    assert list(regions.order(now=2.0)) == [B]
