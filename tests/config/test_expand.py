from switch_grpc.config.expand import expand
from switch_grpc.config.tree import Tree
from tests.support.configs import one_route, problems_of, target


def expanded(value: object, **environ: str) -> object:
    result, problems = expand(Tree(value, {}), environ)
    assert problems == []
    return result


def test_every_string_value_is_expanded_but_error_patterns_and_keys():
    tree = {"a": "x-${V}", "b": [1, {"c": "${V}${V}"}], "${V}": True, "errorPatterns": ["^${V}$"]}
    assert expanded(tree, V="v") == {
        "a": "x-v",
        "b": [1, {"c": "vv"}],
        "${V}": True,
        "errorPatterns": ["^${V}$"],
    }


def test_what_a_variable_holds_is_not_expanded_again():
    assert expanded(["${A}"], A="${B}", B="no") == ["${B}"]


def test_two_dollars_escape_and_one_dollar_is_a_dollar():
    assert expanded(["$${V}", "$V", "$$", "a$"], V="v") == ["${V}", "$V", "$$", "a$"]


def test_an_empty_variable_is_set():
    assert expanded(["<${V}>"], V="") == ["<>"]


def test_an_unset_variable_is_one_error_that_names_it_and_the_path():
    definitions = one_route(providers=[target(apiBase="https://x.${REGION}.example.com")])
    (problem,) = problems_of(definitions)
    assert (problem.path, problem.warning) == ("models.r.providers[0].apiBase", False)
    assert "REGION is not set" in problem.found


def test_a_reference_without_an_end_never_goes_to_a_provider_as_it_is():
    (problem,) = problems_of(one_route(description="${REGION"))
    assert problem.path == "models.r.description"


def test_an_error_shows_what_is_written_and_not_a_secret_that_it_expands_to():
    definitions = one_route(providers=[target(provider="custom", apiBase="http://${API_TOKEN}.example.com")])
    (problem,) = problems_of(definitions, {"API_TOKEN": "hunter2"})
    assert problem.found == '"http://${API_TOKEN}.example.com"'
    (plain,) = problems_of(
        one_route(providers=[target(apiBase="http://${HOST}")]), {"HOST": "llm.example.com"}
    )
    assert plain.found == '"http://${HOST}", which is "http://llm.example.com"'
