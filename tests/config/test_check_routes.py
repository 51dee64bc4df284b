"""Routes and pools that are well formed and still wrong."""

import pytest

from tests.support.configs import one_route, paths_of, problems_of, target


def pools(*entries: dict[str, object], route: str = "a") -> dict[str, object]:
    return {"models": {"r": {"primaryPoolId": route}}, "pools": list(entries)}


def pool(id: str, *fallbacks: str, **keys: object) -> dict[str, object]:
    return {"id": id, "providers": [target(f"t-{id}")], "fallbackPoolIds": list(fallbacks), **keys}


def test_a_route_that_repeats_its_key_is_fine_and_one_that_differs_is_an_error():
    assert paths_of(one_route(name="r")) == []
    assert paths_of(one_route(name="other")) == ["models.r.name"]


def test_no_route_is_an_error():
    assert paths_of({}) == ["models"]


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ({}, "models.r"),
        ({"providers": []}, "models.r"),
        ({"providers": [target()], "primaryPoolId": "a"}, "models.r"),
        ({"primaryPoolId": "b"}, "models.r.primaryPoolId"),
    ],
)
def test_a_route_has_targets_or_a_pool_that_exists(route: dict[str, object], path: str):
    assert paths_of({"models": {"r": route}, "pools": [pool("a")]}) == [path]


def test_a_dangling_pool_names_those_that_exist_and_the_nearest():
    (problem,) = [p for p in problems_of(pools(pool("cheap"), route="cheep")) if not p.warning]
    assert problem.expected == 'one of the pools: "cheap"'
    assert problem.remedy == 'did you mean "cheap"?'


def test_a_dangling_fallback_pool_is_an_error():
    assert paths_of(pools(pool("a", "b"))) == ["pools[0].fallbackPoolIds[0]"]


def test_a_cycle_of_pools_is_one_error_that_shows_the_way_round():
    problems = problems_of(pools(pool("a", "b"), pool("b", "c"), pool("c", "a")))
    assert [(p.path, p.found) for p in problems] == [
        ("pools[0].fallbackPoolIds[0]", "the cycle a -> b -> c -> a")
    ]
    assert paths_of(pools(pool("a", "a"))) == ["pools[0].fallbackPoolIds[0]"]


def test_pools_that_meet_again_are_no_cycle():
    assert paths_of(pools(pool("a", "b", "c"), pool("b", "d"), pool("c", "d"), pool("d"))) == []


def test_a_long_chain_of_pools_is_followed_to_its_end():
    chain = [pool(str(n), str(n + 1)) for n in range(499)] + [pool("499")]
    assert paths_of(pools(*chain, route="0")) == []


def test_pool_ids_are_unique_and_unused_pools_are_a_warning():
    problems = problems_of(pools(pool("a"), pool("a"), pool("b")))
    assert [(p.path, p.warning) for p in problems] == [("pools[1].id", False), ("pools[2]", True)]


def test_target_names_are_unique_in_a_route_across_its_pools():
    assert paths_of(one_route(providers=[target("x"), target("x")])) == ["models.r.providers[1].name"]
    twins = [pool("a", "b", providers=[target("x")]), pool("b", providers=[target("x")])]
    assert paths_of(pools(*twins)) == ["pools[1].providers[0].name"]


def test_the_same_target_name_in_two_routes_is_fine():
    assert paths_of({"models": {"r": {"providers": [target()]}, "q": {"providers": [target()]}}}) == []


def test_two_routes_may_share_a_pool():
    shared = {"models": {"r": {"primaryPoolId": "a"}, "q": {"primaryPoolId": "a"}}, "pools": [pool("a")]}
    assert paths_of(shared) == []


def test_status_keys_that_collide_are_an_error():
    """The admin status names targets {model}-{provider}: a-b + c reads as a + b-c."""
    definitions = {
        "models": {"a-b": {"providers": [target("c")]}, "a": {"providers": [target("b-c"), target("d")]}}
    }
    assert paths_of(definitions) == ["models.a.providers[0].name"]


def test_aliases_clash_with_routes_and_with_each_other():
    definitions = {
        "models": {
            "r": {"providers": [target()], "aliases": ["q", "x"]},
            "q": {"providers": [target()], "aliases": ["x", "y", "q"]},
        }
    }
    assert paths_of(definitions) == ["models.r.aliases[0]", "models.q.aliases[0]", "models.q.aliases[2]"]


def test_at_most_one_route_takes_the_rest():
    route = {"providers": [target()], "default": True}
    assert paths_of({"models": {"r": route, "q": route}}) == ["models.q.default"]


def test_weight_0_drains_a_target_but_not_all_of_them():
    assert paths_of(one_route(providers=[target("a", weight=0), target("b")])) == []
    assert paths_of(one_route(providers=[target("a", weight=0), target("b", weight=0)])) == ["models.r"]


@pytest.mark.parametrize("name", ["round_robin", "round-robin", "cost_optimized", "fastest-response"])
def test_strategies_in_both_spellings(name: str):
    assert paths_of(one_route(loadBalancing={"strategy": name})) == []
    assert paths_of(pools(pool("a", routingStrategy=name))) == []


def test_an_unknown_strategy_names_the_nearest():
    (problem,) = problems_of(one_route(loadBalancing={"strategy": "round_robbin"}))
    assert (problem.path, problem.remedy) == (
        "models.r.loadBalancing.strategy",
        'did you mean "round-robin"?',
    )
    (problem,) = problems_of(one_route(loadBalancing={"strategy": "fastest"}))
    assert problem.remedy == 'did you mean "fastest-response"?'
    (problem,) = problems_of(pools(pool("a", routingStrategy="random")))
    assert (problem.path, problem.remedy) == ("pools[0].routingStrategy", "correct the name")


def test_a_default_parameter_has_one_spelling():
    assert paths_of(one_route(defaultParameters={"maxTokens": 1, "temperature": 0})) == []
    assert paths_of(one_route(defaultParameters={"maxTokens": 1, "max_tokens": 1})) == [
        "models.r.defaultParameters.maxTokens"
    ]


@pytest.mark.parametrize("name", ["model", "messages", "stream", "prompt", "input"])
def test_what_a_request_is_about_has_no_default(name: str):
    assert paths_of(one_route(defaultParameters={name: "x"})) == [f"models.r.defaultParameters.{name}"]


def test_a_route_and_its_pool_with_a_strategy_each_is_a_warning():
    definitions = pools(pool("a", routingStrategy="weighted"))
    definitions["models"]["r"]["loadBalancing"] = {"strategy": "round-robin"}  # type: ignore[index]
    assert [(p.path, p.warning) for p in problems_of(definitions)] == [
        ("models.r.loadBalancing.strategy", True)
    ]


def test_weights_that_follow_health_are_accepted_with_a_notice():
    (problem,) = problems_of(pools(pool("a", weightedRouting={"autoAdjust": True})))
    assert (problem.path, problem.warning) == ("pools[0].weightedRouting.autoAdjust", True)


def test_a_last_resort_is_accepted_with_a_notice():
    (problem,) = problems_of(one_route(fallback={"lastResort": "try"}))
    assert (problem.path, problem.warning) == ("models.r.fallback.lastResort", True)
    assert "not acted on yet" in problem.found
    assert problems_of(one_route(fallback={"lastResort": "fail"})) == []


def test_weight_bounds_are_in_order():
    bounds = {"minWeight": 5, "maxWeight": 2}
    assert paths_of(pools(pool("a", weightedRouting=bounds))) == ["pools[0].weightedRouting.minWeight"]


def test_names_with_slashes_dots_and_colons_are_fine():
    definitions = {"models": {"org/model:v1.0": {"providers": [target("a/b:c")], "aliases": ["x/y"]}}}
    assert paths_of(definitions) == []
