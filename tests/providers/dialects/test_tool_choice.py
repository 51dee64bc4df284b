"""OpenAI's `allowed_tools`, in both spellings of its tools."""

import pytest

from switch_grpc.providers.dialects.tool_choice import Allowed, allowed_tools


@pytest.mark.parametrize(
    ("raw", "allowed"),
    [
        (
            '{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[TOOL]}}'.replace(
                "TOOL", '{"type":"function","function":{"name":"a"}},{"type":"function","name":"b"}'
            ),
            Allowed(frozenset({"a", "b"}), required=True),
        ),
        (
            '{"type":"allowed_tools","mode":"auto","tools":[{"name":"a"}]}',
            Allowed(frozenset({"a"}), required=False),
        ),
        ('{"type":"allowed_tools","allowed_tools":{"mode":"some","tools":[{"name":"a"}]}}', None),
        ('{"type":"allowed_tools","allowed_tools":{"tools":[{"type":"mcp"}]}}', None),
        ('{"type":"any"}', None),
        ('"any"', None),
        ("[1]", None),
    ],
)
def test_the_tools_that_a_choice_allows(raw: str, allowed: Allowed | None) -> None:
    assert allowed_tools(raw) == allowed
