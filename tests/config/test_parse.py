"""What is wrong with the form of a text: all of it at once, each with its place and remedy, no secrets."""

import json

import pytest

from switch_grpc.config.parse import parse
from switch_grpc.config.problem import Problem, describe
from tests.support.configs import one_route, paths_of, problems_of, target

MANY = """{
  "models": {
    "a": {
      "providers": [
        {"name": "x", "provder": "openai", "modelName": "m", "credentialsRef": "nowhere"},
        {"name": "y", "provider": "ollama", "modelName": "m", "timeout": "5", "max_retries": 3},
        7
      ]
    },
    "b": {"primaryPoolId": "nopool", "aliases": ["a"]}
  },
  "credentialStores": {
    "s": {"type": "simple", "config": {"apiKeyVar": "OPENAI-KEY"}},
    "t": {"type": "sinple"},
    "u": {"type": "aws", "config": {"apiKeyVar": "X", "useInstanceProfile": true}}
  },
  "circuit": {},
  "limits": {"queue": -1, "queue": 2}
}"""


def test_every_mistake_is_found_in_one_go_of_form_and_of_reference_alike():
    found = [(p.path, p.line) for p in problems_of(MANY) if not p.warning]
    assert found == [
        ("models.a.providers[0].provder", 5),
        ("models.a.providers[0].credentialsRef", 5),
        ("models.a.providers[1].timeout", 6),
        ("models.a.providers[1].max_retries", 6),
        ("models.a.providers[2]", 7),
        ("models.b.primaryPoolId", 10),
        ("models.b.aliases[0]", 10),
        ("credentialStores.s.config.apiKeyVar", 13),
        ("credentialStores.t.type", 14),
        ("credentialStores.u.config.apiKeyVar", 15),
        ("circuit", 17),
        ("limits.queue", 18),
    ]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("provder", "provider"),
        ("max_retries", "maxRetries"),
        ("api-base", "apiBase"),
        ("credentialRef", "credentialsRef"),
        ("modelname", "modelName"),
        ("Weight", "weight"),
    ],
)
def test_an_unknown_key_says_what_was_probably_meant(wrong: str, meant: str):
    (problem,) = [p for p in problems_of(one_route(providers=[target() | {wrong: "x"}])) if wrong in p.path]
    assert problem.remedy == f'did you mean "{meant}"?'


def test_an_unknown_key_near_to_none_lists_those_that_there_are():
    (problem,) = problems_of(one_route() | {"zzz": 1})
    assert "models" in problem.remedy
    assert "credentialStores" in problem.remedy


def test_a_key_pasted_into_a_target_is_told_where_keys_belong():
    (problem,) = problems_of(one_route(providers=[target(apiKey="sk-12345678")]))
    assert problem.path == "models.r.providers[0].apiKey"
    assert "credentialStores" in problem.remedy
    assert "12345678" not in str(problem)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("5", "write it without quotes"),
        ("60s", "write the number alone; its unit is in the reference"),
        ("soon", "write the number alone; its unit is in the reference"),
    ],
)
def test_a_text_for_a_number_is_told_what_helps(value: str, remedy: str):
    (problem,) = problems_of(one_route(providers=[target(timeout=value)]))
    assert problem.remedy == remedy


def test_a_misspelt_required_key_is_one_mistake():
    entry = {"name": "t", "provider": "ollama", "modelname": "m"}
    assert paths_of(one_route(providers=[entry])) == ["models.r.providers[0].modelname"]


@pytest.mark.parametrize(
    ("keys", "path", "found", "expected"),
    [
        ({"timeout": "5"}, "timeout", '"5"', "a whole number"),
        ({"timeout": 5.5}, "timeout", "5.5", "a whole number"),
        ({"timeout": True}, "timeout", "true", "a whole number"),
        ({"timeout": 0}, "timeout", "0", "more than 0"),
        ({"timeout": None}, "timeout", "null", "a whole number"),
        ({"maxRetries": 11}, "maxRetries", "11", "at most 10"),
        ({"priority": 0}, "priority", "0", "at least 1"),
        ({"weight": -1}, "weight", "-1", "at least 0"),
        ({"weight": "1"}, "weight", '"1"', "a number"),
        ({"modelName": 5}, "modelName", "5", "a string"),
        ({"modelName": ""}, "modelName", '""', "at least 1 characters"),
        ({"headers": {"a": 1}}, "headers.a", "1", "a string"),
        ({"useModelDefaults": "yes"}, "useModelDefaults", '"yes"', "true or false"),
        ({"regions": "eu"}, "regions", '"eu"', "a list"),
        ({"egress": []}, "egress", "an empty list", "an object"),
        ({"costPerToken": {"in": 1}}, "costPerToken.in", 'an unknown key "in"', "a key that this object has"),
        ({"costPerToken": -1}, "costPerToken", "-1", "at least 0"),
        ({"costPerToken": "1"}, "costPerToken", '"1"', "a number"),
        ({"name": "tä"}, "name", '"tä"', "text of the form ^[!-~]+( [!-~]+)*$"),
        (
            {"circuitBreaker": {"permanentFailureHandling": {"baseTimeoutMs": 59999}}},
            "circuitBreaker.permanentFailureHandling.baseTimeoutMs",
            "59999",
            "at least 60000",
        ),
        (
            {"circuitBreaker": {"permanentFailureHandling": {"errorPatterns": ["ok", "40[4"]}}},
            "circuitBreaker.permanentFailureHandling.errorPatterns[1]",
            '"40[4"',
            "a regular expression",
        ),
    ],
)
def test_a_wrong_value_says_where_what_and_what_instead(
    keys: dict[str, object], path: str, found: str, expected: str
):
    (problem,) = problems_of(one_route(providers=[target() | keys]))
    assert (problem.path, problem.found, problem.expected) == (
        f"models.r.providers[0].{path}",
        found,
        expected,
    )
    assert problem.remedy


def test_keys_that_are_no_plain_words_stand_in_brackets_in_a_path():
    definitions = {"models": {"gpt-4.1/x y": {"providers": [target(timeout=0)]}}}
    assert paths_of(definitions) == ['models["gpt-4.1/x y"].providers[0].timeout']


@pytest.mark.parametrize(
    "text",
    [
        '{"models": {}, "apiKey": "hunter2"}',
        '{"models": {"r": {"secret": "hunter2", "providers": []}}}',
        '{"models": {"r": {"providers": [{"name": "t", "password": ["hunter2"]}]}}}',
        '{"credentialStores": {"s": {"type": "simple", "config": {"apiKeyVar": "hunter2!"}}}}',
        '{"credentialStores": {"s": {"type": "simple", "config": {"apiKey": "hunter2"}}}}',
        '{"credentialStores": {"s": {"type": "simple", "source": "sk-hunter2"}}}',
        '{"auth": {"keys": [{"id": "a", "hash": "hunter2"}]}}',
        '{"sk-hunter2": 1}',
        '{"models": {"r": {"providers": [{"apiBase": "https://u:hunter2@example.com"}]}}}',
        '{"models": {"r": {"providers": [{"apiBase": "ftp://example.com?key=hunter2"}]}}}',
        '{"models": {"r": {"providers": [{"credentialsRef": "sk-hunter2"}]}}}',
        '{"egress": {"proxy": "socks5://u:hunter2@proxy:1"}}',
        '{"apiKey": hunter2}',
        "apiKey: !secret hunter2",
        "apiKey: [hunter2",
    ],
)
def test_no_message_repeats_a_secret(text: str):
    problems = problems_of(text)
    assert problems
    assert "hunter2" not in describe(problems, "text")
    assert "hunter2" not in repr([problem.found for problem in problems])


def test_json_and_yaml_are_told_apart_by_their_first_character():
    text = json.dumps(one_route())
    for form in (text, f"// a comment\n{text}", "models: {r: {providers: []}}", f"\ufeff{text}"):
        assert parse(form.encode(), {}).definitions is not None


@pytest.mark.parametrize("data", [b"", b"[]", b"5", b"null", b"just words", b"\xff\xfe{}", b'{"a": "\x00"}'])
def test_what_is_no_object_is_one_problem_of_the_whole_text(data: bytes):
    (problem,) = parse(data, {}).problems
    assert problem.path == ""


def test_a_text_that_is_too_long_is_refused():
    (problem,) = parse(b" " * (16 * 1024 * 1024 + 1), {}).problems
    assert "16777217 bytes" in problem.found


def test_described_for_people_errors_stand_first_and_are_counted():
    problems = [
        Problem(("a",), "1", "2", "3", warning=True),
        Problem(("b", 0), "4", "5", "6", line=7),
    ]
    assert describe(problems, "x.json") == (
        "x.json: 1 error, 1 warning\n"
        "\nerror: b[0] (line 7)\n  found:    4\n  expected: 5\n  remedy:   6\n"
        "\nwarning: a\n  found:    1\n  expected: 2\n  remedy:   3"
    )
