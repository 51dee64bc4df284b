"""Imports point down the layers that `switch_grpc`'s docstring draws."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "switch_grpc": ROOT / "switch_grpc",
    "http_facade": ROOT / "http_facade",
    "switch_client": ROOT / "clients/python/switch_client",
}

# Every module has the layer of its longest prefix here. A new top-level module needs a row.
LAYERS = {
    "switch_grpc.v1": 0,
    "switch_grpc.faults": 0,
    "switch_grpc.answered": 0,
    "switch_grpc.call": 0,
    "switch_grpc.caller_fields": 0,
    "switch_grpc.request": 0,
    "switch_grpc.redact": 0,
    "switch_grpc.openai_wire": 0,
    "switch_grpc.events": 0,
    "switch_grpc.routing": 1,
    "switch_grpc.providers": 1,
    "switch_grpc.config": 1,
    "switch_grpc.auth": 1,
    "switch_grpc.config.files": 2,
    "switch_grpc.config.source": 2,
    "switch_grpc.config.watch": 2,
    "switch_grpc.upstream": 2,
    "switch_grpc.credentials": 2,
    "switch_grpc.observers": 2,
    "switch_grpc.permit": 2,
    "switch_grpc.engine": 3,
    "switch_grpc.server": 4,
    "http_facade": 4,
    "switch_client": 4,
    "switch_grpc.assembly": 5,
    "switch_grpc.doors": 5,
    "switch_grpc.gateway": 5,
    "switch_grpc.cli": 5,
    "switch_grpc.mock": 5,
    "switch_grpc.__main__": 5,
}
# What the whole of level 1 may read: the configuration's shape.
SCHEMA = {f"switch_grpc.config.{name}" for name in ("schema", "section", "service", "stores", "listen")}
# A door translates; whom to ask and how is not its business. The HTTP door may stand before a remote engine.
DOORS = {"switch_grpc.server", "http_facade", "switch_client"}
NOT_A_DOORS = {
    "switch_grpc.routing",
    "switch_grpc.providers",
    "switch_grpc.upstream",
    "switch_grpc.credentials",
}
BETWEEN_DOORS = {("http_facade", "switch_client")}
# The client installs with the stubs' three dependencies, so it imports what needs no more than these.
CLIENTS = {"switch_grpc.v1", "switch_grpc.faults"}
# What levels 0 and 1 take as arguments, or leave to others.
IMPURE = {"aiohttp", "asyncio", "httpx", "os", "secrets", "socket", "subprocess", "threading", "time", "uuid"}


class Import(NamedTuple):
    importer: str
    imported: str
    place: str  # file:line


def modules() -> dict[str, Path]:
    """Name -> file of every module that people write."""
    found = {}
    for package, folder in PACKAGES.items():
        for file in folder.rglob("*.py"):
            parts = (package, *file.relative_to(folder).with_suffix("").parts)
            name = ".".join(parts).removesuffix(".__init__")
            if not name.startswith("switch_grpc.v1."):
                found[name] = file
    return found


MODULES = modules()


def is_module(name: str) -> bool:
    return name in MODULES or name.startswith("switch_grpc.v1.")


def imported_names(node: ast.AST) -> list[str]:
    """Modules that a statement imports; `from package import module` names the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if is_module(name) else node.module for name in inner]
    return []


def imports() -> Iterator[Import]:
    for importer, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_bytes())):
            for imported in imported_names(node):
                yield Import(importer, imported, f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")


IMPORTS = list(imports())
OURS = [i for i in IMPORTS if i.imported.partition(".")[0] in PACKAGES]


def unit(module: str) -> str | None:
    """The row of LAYERS that a module belongs to; None for the package that holds all and imports nothing."""
    if module == "switch_grpc":
        return None
    prefixes = [row for row in LAYERS if module == row or module.startswith(row + ".")]
    assert prefixes, f"{module} has no layer: give it a row in LAYERS and a place in switch_grpc's docstring"
    return max(prefixes, key=len)


def told(import_: Import, law: str) -> str:
    return f"{import_.place}: {import_.importer} imports {import_.imported}; {law}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_has_a_layer(module: str) -> None:
    assert module == "switch_grpc" or unit(module) in LAYERS


def test_the_package_that_holds_the_map_imports_nothing() -> None:
    """The client imports it too, and has neither the gateway's dependencies nor its start-up time."""
    assert [i for i in IMPORTS if i.importer == "switch_grpc"] == []


def test_imports_point_down() -> None:
    wrong = []
    for import_ in OURS:
        above, below = unit(import_.importer), unit(import_.imported)
        if above and below and LAYERS[above] < LAYERS[below]:
            wrong.append(told(import_, f"level {LAYERS[above]} must not know level {LAYERS[below]}"))
    assert wrong == []


def test_the_pure_packages_do_not_know_each_other() -> None:
    """Routing, providers, config and auth change alone; what they share is the configuration's schema."""
    wrong = []
    for import_ in OURS:
        one, other = unit(import_.importer), unit(import_.imported)
        siblings = one and other and one != other and LAYERS[one] == LAYERS[other] == 1
        if siblings and import_.imported not in SCHEMA:
            wrong.append(told(import_, "siblings on level 1 share config.schema only"))
    assert wrong == []


def test_doors_do_not_route() -> None:
    wrong = []
    for import_ in OURS:
        door, other = unit(import_.importer), unit(import_.imported)
        if door not in DOORS:
            continue
        if other in NOT_A_DOORS:
            wrong.append(told(import_, "a door only translates"))
        if other in DOORS and other != door and (door, other) not in BETWEEN_DOORS:
            wrong.append(told(import_, "one door does not know another"))
    assert wrong == []


def test_the_client_needs_only_the_stubs() -> None:
    wrong = [
        told(import_, "the client imports the stubs and the fault table only")
        for import_ in OURS
        if unit(import_.importer) == "switch_client"
        and unit(import_.imported) not in CLIENTS | {"switch_client", None}
    ]
    assert wrong == []


def is_pure(module: str) -> bool:
    row = unit(module)
    return row is not None and LAYERS[row] <= 1


def test_the_lower_levels_take_clock_chance_and_environment_as_arguments() -> None:
    wrong = [
        told(import_, "levels 0 and 1 are pure")
        for import_ in IMPORTS
        if import_.imported.partition(".")[0] in IMPURE and is_pure(import_.importer)
    ]
    assert wrong == []


def test_the_lower_levels_do_not_wait() -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    wrong = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: levels 0 and 1 do not wait"
        for module, file in MODULES.items()
        if is_pure(module)
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, waits)
    ]
    assert wrong == []
