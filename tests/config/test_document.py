"""The published schema and the reference are what the code says."""

import json
import re
from pathlib import Path

import pytest

from switch_grpc.assembly import TABLES
from switch_grpc.config.document import json_schema, with_reference
from switch_grpc.config.environment import VARIABLES
from switch_grpc.config.source import load

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.*"))
REMEDY = "run: python -m switch_grpc.config.document docs"


def test_the_published_schema_is_current():
    assert (ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8") == json_schema(), REMEDY


def test_the_reference_is_current():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == with_reference(page), REMEDY


def test_every_key_is_described():
    schema = json.loads(json_schema())
    for name, section in {"Definitions": schema, **schema["$defs"]}.items():
        for key, node in section.get("properties", {}).items():
            referred = schema["$defs"].get(node.get("$ref", "").rpartition("/")[2], {})
            assert node.get("description") or referred.get("description"), f"{name}.{key}"


def test_every_variable_is_in_the_reference():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for variable in VARIABLES:
        assert f"| `{variable.name}` |" in page


def test_the_links_of_the_reference_lead_somewhere():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= headings


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_with_the_real_tables(example: Path, tmp_path: Path):
    result = load(str(example), {}, tmp_path, tables=TABLES, serving=False)
    assert result.config.routes


def test_the_configurations_on_the_page_are_valid(tmp_path: Path):
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "block.yaml").write_text(block)
        assert load("block.yaml", {}, tmp_path, tables=TABLES, serving=False).config.routes
