"""Where the configuration comes from: a file or a variable, `.env`, the environment. The one part with IO.

Looked up in this order, and the first that is there counts, whole or broken: the path given (`--config`, else
`SWITCH_CONFIG`), `definitions.json` in the working directory, the variable `MODEL_DEFINITIONS`.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from switch_grpc.config.check import Tables, check
from switch_grpc.config.effective import Config
from switch_grpc.config.environment import Flags, read_environment
from switch_grpc.config.files import file_problems
from switch_grpc.config.layers import merge
from switch_grpc.config.parse import MAX_BYTES, Format, parse
from switch_grpc.config.problem import ConfigError, Problem, Where, locate, show
from switch_grpc.config.resolve import resolve
from switch_grpc.config.schema import Definitions
from switch_grpc.config.service import Catalog, CatalogModel

DEFAULT_FILE: Final = "definitions.json"
VARIABLE: Final = "MODEL_DEFINITIONS"
_FORMATS: Final[Mapping[str, Format]] = {".json": "json", ".jsonc": "json", ".yaml": "yaml", ".yml": "yaml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that can be used."""

    config: Config
    problems: tuple[Problem, ...]  # warnings
    source: str  # a path, or MODEL_DEFINITIONS
    version: str  # the first 12 hex digits of the text's SHA-256
    environ: Mapping[str, str] = field(repr=False)  # with `.env` under it: what credential stores read


@dataclass(frozen=True, slots=True)
class _Text:
    data: bytes
    source: str
    form: Format | None  # None: to be told from the text


def load(
    path: str | None,
    environ: Mapping[str, str],
    cwd: Path,
    *,
    tables: Tables,
    flags: Flags | None = None,
    serving: bool = True,
) -> Loaded:
    """Reads, checks and resolves. Raises ConfigError with every problem there is.

    `serving` False: what only forbids to start (no API key, no TLS on a public address) is a warning.
    """
    variables, env_problems = with_dotenv(environ, cwd)
    text = _find(path, variables, cwd)
    parsed = parse(text.data, variables, text.form)
    environment, variable_problems = read_environment(variables, flags)
    found: list[Problem] = []
    file = _File()
    if parsed.definitions is not None:
        found = check(parsed.definitions, environment, tables, serving=serving)
        found += file_problems(parsed.definitions, environment, cwd)
        file = _catalog_file(parsed.definitions.catalog, variables, cwd)
    problems = locate([*parsed.with_checks(found), *env_problems, *variable_problems, *file.problems], {})
    version = hashlib.sha256(text.data + file.data).hexdigest()[:12]
    if parsed.definitions is None or not all(problem.warning for problem in problems):
        raise ConfigError(problems, text.source, version)
    return Loaded(
        config=resolve(_over(parsed.definitions, file.models), environment),
        problems=tuple(problems),
        source=text.source,
        version=version,
        environ=variables,
    )


@dataclass(frozen=True, slots=True)
class _File:
    """The catalogue file, as far as there is one."""

    data: bytes = b""
    models: Mapping[str, CatalogModel] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def _catalog_file(catalog: Catalog, variables: Mapping[str, str], cwd: Path) -> _File:
    """`catalog.file`, which has the form of a configuration with nothing in it but `catalog.models`."""
    if catalog.file is None or not (cwd / catalog.file).is_file():
        return _File()  # one that is not there is among `file_problems`
    text = _read(cwd / catalog.file, catalog.file, ("catalog", "file"))
    parsed = parse(text.data, variables, text.form)
    problems = [replace(problem, where=(catalog.file, *problem.where)) for problem in parsed.with_checks([])]
    definitions = parsed.definitions or Definitions()
    for section, extra in ((definitions, {"catalog"}), (definitions.catalog, {"models"})):
        for name in sorted(section.model_fields_set - extra - {"schema_url"}):
            key = section.key_of(name)
            problems.append(
                Problem((catalog.file,), f'"{key}"', 'nothing but "catalog" with its "models"', "remove it")
            )
    return _File(text.data, definitions.catalog.models, problems)


def _over(definitions: Definitions, models: Mapping[str, CatalogModel]) -> Definitions:
    """The definitions over the catalogue file's models, key by key."""
    if not models:
        return definitions
    catalog = definitions.catalog
    both = {name: merge(own, models[name]) for name, own in catalog.models.items() if name in models}
    whole = catalog.model_copy(update={"models": {**models, **catalog.models, **both}})
    return definitions.model_copy(update={"catalog": whole})


def _find(path: str | None, variables: Mapping[str, str], cwd: Path) -> _Text:
    given = path or variables.get("SWITCH_CONFIG") or None
    if given is not None:
        place = "--config" if path else "$SWITCH_CONFIG"
        return _read(cwd / given, given, (place,))
    if (cwd / DEFAULT_FILE).exists():
        return _read(cwd / DEFAULT_FILE, DEFAULT_FILE, (DEFAULT_FILE,))
    text = variables.get(VARIABLE, "")
    if text.strip():
        return _Text(text.encode("utf-8", "surrogateescape"), VARIABLE, None)
    expected = f"a file given by --config or SWITCH_CONFIG, ./{DEFAULT_FILE}, or the variable {VARIABLE}"
    raise ConfigError([Problem((), "no configuration", expected, "write one: see docs/configuration.md")])


def _read(path: Path, name: str, where: Where) -> _Text:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found = f"{show(name)}: {why.lower()}"
        raise ConfigError(
            [Problem(where, found, "a file that can be read", "correct the path")], name
        ) from error
    return _Text(data, name, _FORMATS.get(path.suffix.lower()))


def with_dotenv(environ: Mapping[str, str], cwd: Path) -> tuple[dict[str, str], list[Problem]]:
    """The environment over the working directory's `.env`; references between variables are not expanded."""
    path = cwd / ".env"
    if not path.is_file():
        return dict(environ), []
    text = _read(path, ".env", (".env",)).data
    try:
        bindings = list(parse_stream(io.StringIO(text.decode("utf-8-sig"))))
    except UnicodeDecodeError as error:
        problem = Problem((".env",), "a byte that is not UTF-8", "UTF-8", "save it as UTF-8")
        raise ConfigError([problem], ".env") from error
    written = {binding.key: binding.value or "" for binding in bindings if binding.key is not None}
    variables = {**written, **environ}
    # Containers set HOSTNAME to the pod's name, so it means a listener only where `.env` says it.
    if "HOSTNAME" in written and "SERVER_HOST" not in variables:
        variables["SERVER_HOST"] = written["HOSTNAME"]
    problems = [
        Problem(
            (".env",),
            f"line {binding.original.line}, which is not understood",
            "NAME=value",
            "correct the line; it is ignored",
            warning=True,
        )
        for binding in bindings
        if binding.error
    ]
    return variables, problems
