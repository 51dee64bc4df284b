"""One thing that is wrong with a configuration, and the exception that carries all of them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

Where = tuple[str | int, ...]
"""A place in the tree: keys and list indices from the top. `("$NAME",)` is an environment variable."""

EX_CONFIG: Final = 78  # sysexits.h: the exit status for a configuration error

_PLAIN: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_PLAIN_TOP: Final = re.compile(r"[A-Za-z0-9_$.-]+")  # also --http and .env
_SECRET_NAME: Final = re.compile(r"(?i)key|secret|token|passw|credential|authorization|cookie|hash")
_NAMES_NO_SECRET: Final = frozenset(
    {"costPerToken", "credentialsRef", "firstTokenMs", "maxCostPerToken", "stickyKey", "tokenIdleMs"}
    | {"tokensPerMinute", "cacheTtl", "max_tokens", "maxTokens", "max_completion_tokens"}
)
_SECRET_START: Final = re.compile(
    r"\b(sk|pk|rk|gsk|hf|xai|ghp|gho|glpat|xox[a-z]|r8|pplx|nvapi|hvs|sw)[-_.]\w{8}"  # vendors' prefixes
    r"|\bsk-|\b(AKIA|ASIA)[A-Z0-9]{8}|\bAIza|\beyJ[\w-]{8}|-----BEGIN"
)
_SECRET_RUN: Final = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20}")
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """What was found, what was expected, and what to do. Holds no secret: `found` comes from `show`."""

    where: Where
    found: str
    expected: str
    remedy: str
    warning: bool = False  # the configuration works, but probably not as meant
    line: int | None = None  # in the text, from 1

    @property
    def path(self) -> str:
        """`models.lite.providers[0].credentialsRef`; keys that are no plain words stand as `["a.b"]`."""
        return path_of(self.where)


def unacted(where: Where, found: str, instead: str) -> Problem:
    """The warning about what is accepted and does nothing yet; `instead` says what happens."""
    return Problem(
        where,
        f"{found}, accepted and not acted on yet",
        "what this release does",
        f"remove it: {instead}",
        True,
    )


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds the warnings too, errors first."""

    def __init__(self, problems: Iterable[Problem], source: str = "", version: str = "") -> None:
        """`source`: where the configuration was read from, "" where none was found.

        `version`: that of its text, as `Loaded` has it; "" where it could not be read.
        """
        self.problems = sorted(problems, key=lambda problem: problem.warning)
        self.source = source
        self.version = version
        super().__init__(describe(self.problems, source))


def path_of(where: Where) -> str:
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        elif (_PLAIN if text else _PLAIN_TOP).fullmatch(part) and not _SECRET_START.search(part):
            text += f".{part}" if text else part
        else:
            text += f"[{show_name(part)}]"
    return text


def looks_secret(name: str) -> bool:
    """Whether a key or variable of this name probably holds a secret."""
    return name not in _NAMES_NO_SECRET and _SECRET_NAME.search(name) is not None


def show(value: object, where: Where = ()) -> str:
    """`value` for people, in a few words and without secrets; `where` it stands tells whether it is one."""
    match value:
        case dict():
            return (
                f"an object with {', '.join(map(show_name, list(value)[:4]))}" if value else "an empty object"
            )
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case str():
            names = [part for part in where if isinstance(part, str)]
            secret = any(looks_secret(name) for name in names[-1:])
            if secret or _SECRET_START.search(value) or _SECRET_RUN.search(value):
                return f"*** ({len(value)} characters)"
            return json.dumps(_clip(_bare_url(value)), ensure_ascii=False)
        case _:
            return _clip(json.dumps(value))


def show_name(name: object) -> str:
    """A key, which somebody may have pasted a secret into."""
    text = str(name)
    return "***" if _SECRET_START.search(text) else json.dumps(_clip(text), ensure_ascii=False)


def _bare_url(value: str) -> str:
    """The value without a URL's user info and query, where people put keys."""
    return re.sub(r"\?.*", "?***", re.sub(r"//[^/\s]*@", "//***@", value)) if "://" in value else value


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def locate(problems: Iterable[Problem], lines: Mapping[Where, int]) -> list[Problem]:
    """The problems with the lines of the nearest places that have one, in the order of the text."""

    def line_of(where: Where) -> int | None:
        while where and where not in lines:
            where = where[:-1]
        return lines.get(where)

    located = [replace(p, line=line_of(p.where)) if p.line is None else p for p in problems]
    return sorted(located, key=lambda problem: (problem.line is None, problem.line or 0))


def describe(problems: Sequence[Problem], source: str) -> str:
    """All problems for people: a count, then errors and warnings, each with its place and remedy."""
    errors = sum(not problem.warning for problem in problems)
    warnings = len(problems) - errors
    counts = [counted(errors, "error")] if errors else []
    counts += [counted(warnings, "warning")] if warnings else []
    lines = [f"{source or 'configuration'}: {', '.join(counts) or 'no problems'}"]
    for problem in sorted(problems, key=lambda problem: problem.warning):
        line = f" (line {problem.line})" if problem.line else ""
        lines.append(
            f"\n{'warning' if problem.warning else 'error'}: {problem.path or 'the whole file'}{line}"
        )
        lines += [f"  found:    {problem.found}"] if problem.found else []
        lines += [f"  expected: {problem.expected}"] if problem.expected else []
        lines += [f"  remedy:   {problem.remedy}"] if problem.remedy else []
    return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
