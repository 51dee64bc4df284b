"""The environment variables that configure the gateway itself, read as layers under the file's.

Each variable is one key of a section, so that its bounds and its meaning are written once. An empty variable
counts as unset. Variables that the file names (`${VAR}`, `apiKeyVar` ...) are not read here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import SecretStr, ValidationError

from switch_grpc.config.explain import explain
from switch_grpc.config.listen import parse_address
from switch_grpc.config.problem import Problem, Where, show
from switch_grpc.config.schema import Fallback, HealthCheck, PermanentFailures
from switch_grpc.config.section import Section
from switch_grpc.config.server import Server
from switch_grpc.config.service import Admin, CallTimeouts, Drain, Egress, Process

S = TypeVar("S", bound=Section)
SHORTEST_KEY: Final = 8  # characters of an API key


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says; it wins over the file. Addresses as in `server.http`."""

    http: str | None = None
    grpc: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the variables say, each section with only the keys that are set; and the variables themselves."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: Server = field(default_factory=Server)
    process: Process = field(default_factory=Process)
    server: Server = field(default_factory=Server)
    admin: Admin = field(default_factory=Admin)
    calls: CallTimeouts = field(default_factory=CallTimeouts)
    egress: Egress = field(default_factory=Egress)
    drain: Drain = field(default_factory=Drain)
    permanent: PermanentFailures = field(default_factory=PermanentFailures)
    fallback: Fallback = field(default_factory=Fallback)
    health: HealthCheck = field(default_factory=HealthCheck)
    admin_keys: tuple[SecretStr, ...] = ()
    api_keys: tuple[SecretStr, ...] = ()


def _number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text  # text is what the section refuses


def _decimal(text: str) -> object:
    return float(text) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text) else text


_FLAGS: Final = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "no", "off"), False
)


def _flag(text: str) -> object:
    return _FLAGS.get(text.lower(), text)


def _word(text: str) -> object:
    return {"warn": "warning"}.get(text.lower(), text.lower())


def _list(text: str) -> object:
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: the section and the key that it stands for, and how its text becomes the key's value."""

    name: str
    section: type[Section]
    key: str
    read: Callable[[str], object] = str


# PORT stands before SERVER_PORT: the later one wins where both are set.
VARIABLES: Final = (
    Variable("SERVER_HOST", Process, "host"),
    Variable("PORT", Process, "port", _number),
    Variable("SERVER_PORT", Process, "port", _number),
    Variable("GRPC_PORT", Process, "grpcPort", _number),
    Variable("LOG_LEVEL", Process, "logLevel", _word),
    Variable("SERVER_INSECURE", Server, "insecure", _flag),
    Variable("ADMIN_LISTEN", Admin, "listen"),
    Variable("DEFAULT_TIMEOUT_MS", CallTimeouts, "defaultMs", _number),
    Variable("MAX_TIMEOUT_MS", CallTimeouts, "maxMs", _number),
    Variable("MIN_TIMEOUT_MS", CallTimeouts, "minMs", _number),
    Variable("STREAMING_TIMEOUT_MS", CallTimeouts, "streamingMs", _number),
    Variable("CREDENTIAL_RESOLUTION_TIMEOUT_MS", CallTimeouts, "credentialsMs", _number),
    Variable("ENABLE_FALLBACK", Fallback, "enabled", _flag),
    Variable("HEALTH_CHECK_INTERVAL", HealthCheck, "intervalMs", _number),
    Variable("PERMANENT_FAILURE_ENABLED", PermanentFailures, "enabled", _flag),
    Variable("PERMANENT_FAILURE_TIMEOUT_MULTIPLIER", PermanentFailures, "timeoutMultiplier", _decimal),
    Variable("PERMANENT_FAILURE_BASE_TIMEOUT_MS", PermanentFailures, "baseTimeoutMs", _number),
    Variable("PERMANENT_FAILURE_MAX_BACKOFF_MULTIPLIER", PermanentFailures, "maxBackoffMultiplier", _number),
    Variable("PERMANENT_FAILURE_ERROR_PATTERNS", PermanentFailures, "errorPatterns", _list),
    Variable("EGRESS_PROXY", Egress, "proxy"),
    Variable("EGRESS_CA_FILE", Egress, "caFile"),
    Variable("DRAIN_DELAY_MS", Drain, "delayMs", _number),
    Variable("DRAIN_TIMEOUT_MS", Drain, "timeoutMs", _number),
)


def read_environment(
    variables: Mapping[str, str], flags: Flags | None = None
) -> tuple[Environment, list[Problem]]:
    """The layers, and a problem with the place `$NAME` for each variable that cannot be used."""
    problems: list[Problem] = []

    def layer(section: type[S]) -> S:
        values: dict[str, object] = {}
        for variable in VARIABLES:
            text = variables.get(variable.name, "").strip()
            if variable.section is section and text:
                value = variable.read(text)
                if _accepts(section, {variable.key: value}, f"${variable.name}", problems):
                    values[variable.key] = value
        return section.model_validate(values)

    process = layer(Process)
    if process.host is not None and (unusable := _host_problems(process.host)):
        problems += unusable
        process = process.model_copy(update={"host": None})
    environment = Environment(
        variables=variables,
        flags=_flag_layer(flags or Flags(), problems),
        process=process,
        server=layer(Server),
        admin=layer(Admin),
        calls=layer(CallTimeouts),
        egress=layer(Egress),
        drain=layer(Drain),
        permanent=layer(PermanentFailures),
        fallback=layer(Fallback),
        health=layer(HealthCheck),
        admin_keys=_keys("ADMIN_API_KEY", variables, problems),
        api_keys=_keys("API_KEYS", variables, problems),
    )
    return environment, problems + _order_problems(environment.calls)


def bracketed(host: str) -> str:
    """The host as it stands before a port."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _accepts(section: type[Section], values: dict[str, object], place: str, problems: list[Problem]) -> bool:
    try:
        section.model_validate(values)
    except ValidationError as error:
        for found in explain(error, values):
            where: Where = (place, *found.where[1:])
            text = show(next(iter(values.values())), (place,)) if len(where) == 1 else found.found
            what = "variable" if place.startswith("$") else "flag"
            problems.append(Problem(where, text, found.expected, f"correct the {what}: {found.remedy}"))
        return False
    return True


def _flag_layer(flags: Flags, problems: list[Problem]) -> Server:
    given = {key: text for key, text in (("http", flags.http), ("grpc", flags.grpc)) if text is not None}
    values: dict[str, object] = {
        key: text for key, text in given.items() if _accepts(Server, {key: text}, f"--{key}", problems)
    }
    return Server.model_validate(values | ({"insecure": True} if flags.insecure else {}))


def _host_problems(host: str) -> list[Problem]:
    try:
        parse_address(f"{bracketed(host)}:0")
    except ValueError as error:
        return [
            Problem(("$SERVER_HOST",), show(host), "a host name or an address without a port", str(error))
        ]
    return []


def _keys(name: str, variables: Mapping[str, str], problems: list[Problem]) -> tuple[SecretStr, ...]:
    keys = list(dict.fromkeys(key.strip() for key in variables.get(name, "").split(",") if key.strip()))
    problems += [
        Problem(
            (f"${name}",),
            f"a key of {len(key)} characters, the {index}. of {len(keys)}",
            f"keys of at least {SHORTEST_KEY} characters, comma-separated",
            "use a longer key",
        )
        for index, key in enumerate(keys, 1)
        if len(key) < SHORTEST_KEY
    ]
    return tuple(SecretStr(key) for key in keys)


def _order_problems(calls: CallTimeouts) -> list[Problem]:
    """Shortest, default and longest must be in that order."""
    pairs = (
        ("$DEFAULT_TIMEOUT_MS", calls.default_ms, "$MAX_TIMEOUT_MS", calls.max_ms),
        ("$MIN_TIMEOUT_MS", calls.min_ms, "$DEFAULT_TIMEOUT_MS", calls.default_ms),
        ("$MIN_TIMEOUT_MS", calls.min_ms, "$STREAMING_TIMEOUT_MS", calls.streaming_ms),
    )
    return [
        Problem(
            (low,),
            str(less),
            f"at most {high.removeprefix('$')}, which is {more}",
            f"lower it, or raise {high}",
        )
        for low, less, high, more in pairs
        if less > more
    ]
