"""What the documents point at exists."""

import re
import tomllib
from pathlib import Path

import pytest

from http_facade import openapi
from switch_grpc.config.environment import SHORTEST_KEY
from switch_grpc.observers.metrics import Metrics

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Headings as GitHub links to them."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(document: Path) -> None:
    links = LINK.findall(FENCE.sub("", document.read_text()))
    assert [link for link in links if "://" not in link and is_broken(document, link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_the_make_targets_that_a_document_names_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text())) <= targets


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    told = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) == told


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_the_extras_that_a_document_names_exist(document: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
    named = re.findall(r"switch-gateway\[([a-z,]+)\]", document.read_text())
    assert {extra for group in named for extra in group.split(",")} <= extras


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_the_keys_that_a_document_shows_are_taken(document: Path) -> None:
    for keys in re.findall(r"\bA(?:DMIN_API_KEY|PI_KEYS)=([\w,-]+)", document.read_text()):
        assert min(map(len, keys.split(","))) >= SHORTEST_KEY


def test_the_page_of_the_apis_has_every_path_header_and_rpc() -> None:
    """The page of the running gateway, made from the code, and the one to read before are about the same."""
    page = (ROOT / "docs/api.md").read_text()
    described = openapi.document(openapi._PATHS)
    names = set(re.findall(r"'name': '([a-z-]+)', 'in': 'header'", str(described)))
    names |= {name.lower() for name in re.findall(r"'(X-[A-Za-z-]+)': \{'description'", str(described))}
    assert {"x-request-timeout-ms", "x-used-provider", "x-request-id"} < names
    assert {name for name in names if name not in page.lower()} == set()
    assert [path for path in openapi._PATHS if f"{path}`" not in page] == []
    contract = "".join(each.read_text() for each in (ROOT / "proto/switch_grpc/v1").glob("*.proto"))
    assert [
        rpc for rpc in re.findall(r"^  rpc (\w+)", contract, re.MULTILINE) if f"`{rpc}`" not in page
    ] == []


def test_the_page_for_operators_has_every_metric() -> None:
    text = Metrics().render()[0].decode()
    names = set(re.findall(r"^# TYPE (switch_\w+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    page = (ROOT / "docs/operations.md").read_text()
    assert len(names) > 10
    assert names == set(re.findall(r"`(switch_\w+)`", page))
