"""Laws of passing over targets whose model cannot do what a call needs."""

import random

from switch_grpc.request import Need
from switch_grpc.routing.needs import words
from switch_grpc.routing.route import Candidates, Pool, PoolSpec, Route, RouteSpec
from switch_grpc.routing.target import Target, TargetSpec


def target(name: str, lacks: Need = Need.NONE, priority: int = 1) -> Target:
    spec = TargetSpec(
        route="r", name=name, provider="p", model="m", identity=name, lacks=lacks, priority=priority
    )
    return Target(spec)


def route(*pools: list[Target], derived: int = 0) -> Route:
    listed = len(pools) - derived
    made = [Pool(PoolSpec(id=str(n), derived=n >= listed), targets) for n, targets in enumerate(pools)]
    return Route(RouteSpec(name="r"), made)


def ask(found: Route, needs: Need) -> Candidates:
    rng = random.Random(7)
    return found.candidates(fallback=True, sticky_key=None, tokens=0, now=0.0, rng=rng, needs=needs)


def test_only_those_are_asked_that_can_do_all_that_is_needed() -> None:
    both = target("both", priority=3)
    found = route([target("blind", Need.VISION), target("toolless", Need.TOOLS, 2), both])
    assert ask(found, Need.VISION | Need.TOOLS).targets == [both]
    assert [t.key for t in ask(found, Need.VISION).targets] == ["toolless", "both"]
    assert len(ask(found, Need.NONE).targets) == 3


def test_an_answer_is_no_fallback_because_the_first_choice_could_not() -> None:
    can = target("can", priority=2)
    found = ask(route([target("cannot", Need.AUDIO), can]), Need.AUDIO)
    assert not found.fallback(can)


def test_a_route_knows_what_nobody_can() -> None:
    found = route([target("a", Need.VISION | Need.TOOLS), target("b", Need.VISION)])
    assert found.lacking(Need.VISION | Need.TOOLS) == Need.VISION
    assert found.lacking(Need.TOOLS) == Need.NONE
    assert found.lacking(Need.NONE) == Need.NONE


def test_a_route_whose_targets_can_each_a_part_lacks_the_whole() -> None:
    found = route([target("a", Need.VISION), target("b", Need.TOOLS)])
    assert found.lacking(Need.VISION | Need.TOOLS) == Need.VISION | Need.TOOLS


def test_a_pool_of_downgrades_does_not_make_an_ill_target_wait() -> None:
    """Alone in its route it would be asked, however ill; the downgrades stand behind it."""
    ill, lesser = target("ill"), target("lesser")
    ill.checked(ok=False, now=0.0)
    assert not ill.healthy(0.0)
    assert ask(route([ill], [lesser], derived=1), Need.NONE).targets == [ill, lesser]
    assert ask(route([ill], [lesser]), Need.NONE).targets == [lesser, ill]


def test_needs_in_words() -> None:
    assert words(Need.TOOLS | Need.VISION) == "call tools or see images"
    assert words(Need.NONE) == ""
    assert all(words(need) for need in Need)
