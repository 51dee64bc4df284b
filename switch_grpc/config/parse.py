"""A text to `Definitions`, or to every problem of its form at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import ValidationError

from switch_grpc.config.expand import as_written, expand
from switch_grpc.config.explain import explain, places
from switch_grpc.config.jsonc import parse_json
from switch_grpc.config.problem import Problem, Where, locate
from switch_grpc.config.repair import repair, untouched
from switch_grpc.config.schema import Definitions
from switch_grpc.config.tree import SyntaxProblem, Tree
from switch_grpc.config.yaml12 import parse_yaml

Format = Literal["json", "yaml"]
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says.

    With problems, `definitions` holds what is left of it for further checks, or None.
    """

    definitions: Definitions | None
    problems: list[Problem]
    tree: Tree = field(default_factory=lambda: Tree({}, {}))
    malformed: tuple[Where, ...] = ()  # places where `definitions` is not what the text says

    def with_checks(self, found: Iterable[Problem]) -> list[Problem]:
        """All problems in the order of the text: its own, and those of the `found` that are not their echo.

        Each with its line, and with the text's own words where it uses variables.
        """
        fresh = untouched(found, self.malformed)
        return locate([*self.problems, *(as_written(p, self.tree) for p in fresh)], self.tree.lines)


def parse(data: bytes, environ: Mapping[str, str], form: Format | None = None) -> Parsed:
    """Reads, expands `${VAR}` from `environ` and validates; `form` None: told from the first character."""
    try:
        text = _decode(data)
        tree = (parse_json if (form or _form_of(text)) == "json" else parse_yaml)(text)
    except SyntaxProblem as error:
        return Parsed(None, [error.problem])
    value, unset = expand(tree, environ)
    malformed = [problem.where for problem in unset]
    problems = [*tree.problems, *unset]
    definitions: Definitions | None
    try:
        definitions = Definitions.model_validate(value)
    except ValidationError as error:
        problems += [as_written(p, tree) for p in untouched(explain(error, value), malformed)]
        malformed += places(error)
        definitions = repair(error, value)
    return Parsed(definitions, problems, tree, tuple(malformed))


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise SyntaxProblem(1, f"{len(data)} bytes", f"at most {MAX_BYTES}", "split the configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SyntaxProblem(line, "a byte that is not UTF-8", "UTF-8", "save the text as UTF-8") from error


def _form_of(text: str) -> Format:
    """JSON starts with a brace or a comment; so does YAML's flow style, which almost always is JSON too."""
    return "json" if text.lstrip().startswith(("{", "//", "/*")) else "yaml"
