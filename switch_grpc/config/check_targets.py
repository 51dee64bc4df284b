"""Each `providers[]` entry by itself: its vendor, credential, base URL, headers and egress."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Protocol

from switch_grpc.config.near import dangling
from switch_grpc.config.problem import Problem, Where, path_of, show, show_name
from switch_grpc.config.schema import Definitions, TargetEntry
from switch_grpc.config.stores import AnyStore, stores_in
from switch_grpc.config.urls import base_problems, host_problems, hostname, is_private, path, proxy_problems

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Ours to write: the HTTP client sets them, or the next hop would misread the request.
_RESERVED: Final = frozenset(
    [
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_AUTH: Final = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key"})
_RUNPOD: Final = re.compile(
    r"/v2/(?P<id>(?!ENDPOINT_ID\b|your|openai\b)[A-Za-z0-9_-]+)(?P<api>/openai/v1/?$)?", re.IGNORECASE
)


class VendorFacts(Protocol):
    """What the checks must know of a vendor's row."""

    @property
    def base_url(self) -> str | None:
        """Its own base; None: a target must name an apiBase."""

    @property
    def base_hint(self) -> str:
        """What an apiBase looks like."""

    @property
    def credentials(self) -> Collection[str]:
        """The types of credential store that it takes."""

    @property
    def keyless(self) -> bool:
        """Works without a credential."""

    @property
    def regional(self) -> bool:
        """Asked in AWS's regions."""

    def instead_of(self, model: str) -> str | None:
        """What to use in place of a model that it has retired; None where it has not."""


def targets_in(definitions: Definitions) -> Iterator[tuple[Where, TargetEntry]]:
    """Every entry of a `providers[]`, of routes and of pools, with its place."""
    for name, route in definitions.models.items():
        for index, target in enumerate(route.providers or ()):
            yield ("models", name, "providers", index), target
    for number, pool in enumerate(definitions.pools):
        for index, target in enumerate(pool.providers):
            yield ("pools", number, "providers", index), target


def target_problems(
    definitions: Definitions, vendors: Mapping[str, VendorFacts], planned: Collection[str]
) -> list[Problem]:
    stores = {name: store for _, name, store in stores_in(definitions.credential_stores)}
    problems: list[Problem] = []
    for where, target in targets_in(definitions):
        vendor = vendors.get(target.provider)
        if vendor is not None:
            problems += _base(where, target, vendor, definitions)
            problems += _credential(where, target, vendor, stores)
        elif target.provider in planned:
            problems.append(_planned((*where, "provider"), target.provider))
            if target.api_base is not None:
                problems += base_problems((*where, "apiBase"), target.api_base, target.egress.allow_hosts)
        else:
            known = [*vendors, *planned]
            problems.append(
                dangling(
                    (*where, "provider"), target.provider, "providers", known, '"custom" with its apiBase'
                )
            )
        if target.credentials_ref is not None and target.credentials_ref not in stores:
            place = (*where, "credentialsRef")
            added = path_of(("credentialStores", target.credentials_ref))
            problems.append(dangling(place, target.credentials_ref, "credential stores", stores, added))
        problems += _headers((*where, "headers"), target.headers)
        problems += _egress((*where, "egress"), target.egress.proxy, target.egress.allow_hosts)
    return problems + _egress(("egress",), definitions.egress.proxy, definitions.egress.allow_hosts)


def retired_problems(
    definitions: Definitions, retired: Callable[[str, str], str | None]
) -> Iterator[Problem]:
    """Models that their provider has stopped serving; warnings, as accounts may keep them for longer."""
    for where, target in targets_in(definitions):
        if (day := retired(target.provider, target.model_name)) is not None:
            yield Problem(
                (*where, "modelName"),
                f"{show(target.model_name)}, which {target.provider} stopped serving on {day}",
                "a model that is served",
                "use its successor: see docs/models.md",
                warning=True,
            )


def _planned(where: Where, provider: str) -> Problem:
    return Problem(
        where,
        f"{show_name(provider)}, which this release cannot speak to yet",
        "a provider that it can",
        "the target is passed over",
        warning=True,
    )


def _base(where: Where, target: TargetEntry, vendor: VendorFacts, definitions: Definitions) -> list[Problem]:
    place = (*where, "apiBase")
    hint = vendor.base_hint or "https://llm.example.com/v1"
    if target.api_base is None:
        if vendor.base_url is not None:
            return []
        expected = f'a base URL, as "{target.provider}" has none of its own'
        return [Problem(place, "nothing", expected, f'add "apiBase", like {hint}')]
    allow = [*target.egress.allow_hosts, *definitions.egress.allow_hosts]
    problems = base_problems(place, target.api_base, allow)
    return problems or _vendor_base(place, target.provider, target.api_base, hint)


def _vendor_base(where: Where, provider: str, base: str, hint: str) -> list[Problem]:
    """The two bases that users get wrong: each then answers 404 to everything."""
    host = hostname(base)
    dashscope = host.startswith("dashscope") and host.endswith("aliyuncs.com")
    if (provider == "alibaba" or dashscope) and "/compatible-mode" not in path(base):
        expected = "a DashScope URL with /compatible-mode, the part that speaks OpenAI"
        own = hint if provider == "alibaba" else f"https://{host}/compatible-mode/v1"
        return [Problem(where, show(base), expected, f"write it like {own}")]
    if host != "api.runpod.ai":
        return []
    found = _RUNPOD.match(path(base))
    if not found:
        return [Problem(where, show(base), "a RunPod URL with your endpoint's id", f"write it like {hint}")]
    if not found["api"]:  # RunPod's own API of jobs
        own = f"https://{host}/v2/{found['id']}/openai/v1"
        expected = "a RunPod URL with /openai/v1, the part that speaks OpenAI"
        return [Problem(where, show(base), expected, f"write it like {own}")]
    return []


def _credential(
    where: Where, target: TargetEntry, vendor: VendorFacts, stores: Mapping[str, AnyStore]
) -> list[Problem]:
    place = (*where, "credentialsRef")
    if target.credentials_ref is None:
        base = target.api_base or vendor.base_url or ""
        if vendor.keyless or is_private(hostname(base)):
            return []
        expected = f"a credential store of type {' or '.join(sorted(vendor.credentials))}"
        return [Problem(place, "nothing", expected, 'add "credentialsRef"')]
    store = stores.get(target.credentials_ref)
    if store is None or store.type in vendor.credentials or not vendor.credentials:
        return []
    return [
        Problem(
            place,
            f'{show_name(target.credentials_ref)}, of type "{store.type}"',
            f'for "{target.provider}", a store of type {" or ".join(sorted(vendor.credentials))}',
            "refer to another store, or change its type",
        )
    ]


def _headers(where: Where, headers: Mapping[str, str]) -> list[Problem]:
    problems = []
    for name, value in headers.items():
        place = (*where, name)
        if not _TOKEN.fullmatch(name):
            problems.append(Problem(place, show_name(name), "a header name", "correct the name"))
        elif name.lower() in _RESERVED:
            problems.append(
                Problem(place, show_name(name), "headers that are not the gateway's own", "remove it")
            )
        elif not _HEADER_VALUE.fullmatch(value):
            expected = "a header value: one line of printable Latin-1"
            problems.append(
                Problem(place, "a character that headers cannot carry", expected, "correct the value")
            )
        elif name.lower() in _AUTH:
            problems.append(
                Problem(
                    place,
                    f"{show_name(name)} with a value of its own",
                    "credentials in a credential store",
                    'use "credentialsRef": a key here is neither rotated nor kept out of dumps',
                    warning=True,
                )
            )
    return problems


def _egress(where: Where, proxy: str | None, allow_hosts: list[str]) -> list[Problem]:
    problems = [] if proxy is None else proxy_problems((*where, "proxy"), proxy)
    for index, host in enumerate(allow_hosts):
        problems += host_problems((*where, "allowHosts", index), host)
    return problems
