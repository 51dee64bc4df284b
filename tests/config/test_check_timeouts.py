"""MIN_TIMEOUT_MS bounds what may be configured."""

import pytest

from tests.support.configs import one_route, problems_of, target


def below(definitions: object, **environ: str) -> list[tuple[str, bool]]:
    return [(p.path, p.warning) for p in problems_of(definitions, environ)]


@pytest.mark.parametrize(
    ("definitions", "path"),
    [
        (one_route() | {"timeouts": {"maxTotalMs": 999}}, "timeouts.maxTotalMs"),
        (one_route(timeouts={"maxTotalMs": 999}), "models.r.timeouts.maxTotalMs"),
        (one_route(providers=[target(timeout=999)]), "models.r.providers[0].timeout"),
        (
            one_route(providers=[target(timeouts={"maxTotalMs": 999})]),
            "models.r.providers[0].timeouts.maxTotalMs",
        ),
        (
            {
                "pools": [{"id": "p", "providers": [target(timeout=999)]}],
                "models": {"r": {"primaryPoolId": "p"}},
            },
            "pools[0].providers[0].timeout",
        ),
    ],
)
def test_a_bound_below_the_shortest_is_an_error(definitions: object, path: str):
    assert below(definitions) == [(path, False)]
    assert below(definitions, MIN_TIMEOUT_MS="999") == []


def test_the_shortest_itself_and_the_timers_of_parts_of_an_answer_are_fine():
    parts = {
        "connectMs": 1,
        "ttfbMs": 1,
        "firstTokenMs": 1,
        "idleMs": 1,
        "tokenIdleMs": 1,
        "maxTotalMs": 1000,
    }
    assert below(one_route(timeouts=parts, providers=[target(timeout=1000)])) == []


def test_what_nobody_wrote_is_not_judged():
    assert below(one_route(), MIN_TIMEOUT_MS="40000") == []
