"""The gateway itself: listeners, TLS, callers' keys."""

from collections.abc import Iterator

from switch_grpc.config.environment import Environment
from switch_grpc.config.layers import listeners, matching, merge
from switch_grpc.config.listen import Address
from switch_grpc.config.problem import Problem, Where, show, show_name
from switch_grpc.config.schema import Definitions
from switch_grpc.config.urls import proxy_problems


def service_problems(definitions: Definitions, environment: Environment, *, serving: bool) -> list[Problem]:
    """Problems; those that only forbid to start are warnings unless `serving`."""
    proxy = environment.egress.proxy
    return [
        *_key_problems(definitions, environment),
        *_start_problems(definitions, environment, warning=not serving),
        *([] if proxy is None else proxy_problems(("$EGRESS_PROXY",), proxy)),
    ]


def _bindings(definitions: Definitions, environment: Environment) -> dict[Where, Address]:
    """The listeners, each with the place that says where it binds, as far as one does."""
    _, http, grpc = listeners(definitions, environment)
    flags, written, process = environment.flags, definitions.server, environment.process.model_fields_set
    places: dict[Where, Address] = {}
    for key, address, flag, own, variable in (
        ("http", http, flags.http, written.http, "$SERVER_PORT" if "port" in process else ""),
        ("grpc", grpc, flags.grpc, written.grpc, "$GRPC_PORT" if "grpc_port" in process else ""),
    ):
        host = "$SERVER_HOST" if "host" in process else ""
        place = f"--{key}" if flag else "" if own else host or variable
        places[(place,) if place else ("server", key)] = address
    admin = merge(definitions.admin, environment.admin).listen
    if admin is not None:
        places[("admin", "listen") if definitions.admin.listen else ("$ADMIN_LISTEN",)] = admin
    return places


def _start_problems(
    definitions: Definitions, environment: Environment, *, warning: bool
) -> Iterator[Problem]:
    server, http, grpc = listeners(definitions, environment)
    admin = merge(definitions.admin, environment.admin).listen
    bindings = _bindings(definitions, environment)
    seen: set[Address] = set()
    for address in (http, grpc, admin):
        if address in seen and address is not None and (address.is_unix or address.port):
            place = next(
                (where for where, bound in reversed(bindings.items()) if bound == address), ("server",)
            )
            yield Problem(place, show(str(address)), "an address per listener", "change one of them")
        if address is not None:
            seen.add(address)
    public = {where: address for where, address in bindings.items() if not address.is_local}
    for where, address in public.items():
        if server.tls is None and not server.insecure:
            yield Problem(
                where,
                f"{show(str(address))} without TLS",
                "TLS on listeners beyond loopback",
                "add server.tls, or allow it by server.insecure, SERVER_INSECURE or --insecure",
                warning,
            )
        if definitions.auth.mode == "none":
            yield Problem(
                ("auth", "mode"),
                f'"none" with a listener on {show(str(address))}',
                "keys, where others than this machine can call",
                "listen on loopback or a Unix socket, or set auth.mode to keys",
                warning,
            )
    has_key = (
        environment.admin_keys
        or environment.api_keys
        or any(
            entry.hash or environment.variables.get(entry.key_var or "") for entry in definitions.auth.keys
        )
    )
    if definitions.auth.mode == "keys" and not has_key:
        yield Problem(
            ("auth", "keys"),
            "no key for callers",
            "at least one",
            "set ADMIN_API_KEY or API_KEYS, or add auth.keys; auth.mode none is for loopback only",
            warning,
        )


def _key_problems(definitions: Definitions, environment: Environment) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in enumerate(definitions.auth.keys):
        where: Where = ("auth", "keys", index)
        if entry.id in seen:
            yield Problem(
                (*where, "id"), f"{show_name(entry.id)} a second time", "each id once", "rename one"
            )
        seen.add(entry.id)
        if (entry.hash is None) == (entry.key_var is None):
            found = "neither hash nor keyVar" if entry.hash is None else "both hash and keyVar"
            yield Problem(
                where,
                found,
                "one of them",
                "`switch key new` prints a hash" if entry.hash is None else "remove one",
            )
        elif entry.key_var is not None and not environment.variables.get(entry.key_var, "").strip():
            yield Problem(
                (*where, "keyVar"),
                f"the environment variable {entry.key_var}, which is not set",
                "a variable that is set",
                f"set {entry.key_var}; until then the key {show_name(entry.id)} opens nothing",
                warning=True,
            )
        for number, pattern in enumerate(entry.routes or ()):
            if not matching([pattern], definitions):
                yield Problem(
                    (*where, "routes", number),
                    f"{show_name(pattern)}, which no route matches",
                    "the name of a route, or a pattern that matches some",
                    "correct it",
                    warning=True,
                )
    doubled = {k.get_secret_value() for k in environment.admin_keys} & {
        k.get_secret_value() for k in environment.api_keys
    }
    if doubled:
        found = "a key that ADMIN_API_KEY has too"
        yield Problem(
            ("$API_KEYS",), found, "other keys for inference only", "remove it from one", warning=True
        )
