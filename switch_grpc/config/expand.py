"""`${VAR}` in string values: expanded once, everywhere but in `errorPatterns`, whose `$` are the regex's."""

import re
from collections.abc import Mapping
from typing import Final

from switch_grpc.config.problem import Problem, Where, looks_secret, show
from switch_grpc.config.tree import Tree

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_KEEP: Final = "errorPatterns"


def expand(tree: Tree, environ: Mapping[str, str]) -> tuple[object, list[Problem]]:
    """The tree's value with references replaced, `$${` by `${`, and a problem for each that cannot be."""
    problems: list[Problem] = []
    return _expand(tree.value, (), environ, problems), problems


def as_written(problem: Problem, tree: Tree) -> Problem:
    """The problem with what the text says where that is a reference: what it expands to may be a secret."""
    text = tree.at(problem.where)
    if not isinstance(text, str) or _REFERENCE.search(text) is None or _KEEP in problem.where:
        return problem
    secret = any(looks_secret(name) for name in _REFERENCE.findall(text))
    found = show(text) if secret else f"{show(text)}, which is {problem.found}"
    return Problem(problem.where, found, problem.expected, problem.remedy, problem.warning, problem.line)


def _expand(value: object, where: Where, environ: Mapping[str, str], problems: list[Problem]) -> object:
    if isinstance(value, str):
        return _text(value, where, environ, problems)
    if isinstance(value, list):
        return [_expand(item, (*where, i), environ, problems) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            key: item if key == _KEEP else _expand(item, (*where, key), environ, problems)
            for key, item in value.items()
        }
    return value


def _text(value: str, where: Where, environ: Mapping[str, str], problems: list[Problem]) -> str:
    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if match[0] == "$${":
            return "${"
        if name is None:
            problems.append(
                Problem(
                    where, show(value, where), "${NAME}", "close the brace, or write $${ for a literal ${"
                )
            )
        elif name in environ:
            return environ[name]
        else:
            problems.append(
                Problem(
                    where,
                    f"${{{name}}}, but the environment variable {name} is not set",
                    "a variable that is set",
                    f"set {name}, or write $${{{name}}} for the literal text",
                )
            )
        return match[0]

    return _REFERENCE.sub(replaced, value) if "${" in value else value
