"""The published tables are what the rows and the catalogue say."""

from pathlib import Path

import pytest

from switch_grpc.providers.document import REMEDY, with_tables
from switch_grpc.providers.vendors import VENDORS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["providers.md", "models.md"])
def test_the_tables_are_current(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    assert page == with_tables(page), f"run: {REMEDY}"


def test_every_provider_has_its_row() -> None:
    page = (DOCS / "providers.md").read_text(encoding="utf-8")
    for vendor in VENDORS:
        assert vendor == "mock" or f"| [`{vendor}`](" in page or f"| `{vendor}` |" in page
