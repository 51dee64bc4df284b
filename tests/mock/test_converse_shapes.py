"""The transcribed shapes beside botocore's service model."""

from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from switch_grpc.mock.converse_check import Structure
from switch_grpc.mock.converse_shapes import CONVERSE, CONVERSE_STREAM
from tests.support.service_model import differences

# What tests/real finds in the newest service model, and the pinned one has not: nothing else differs.
NEWER_MEMBERS = {
    "outputConfig",
    "serviceTier",
    "ttl",
    "systemTool",
    "strict",
    "toolAddition",
    "toolRemoval",
    "audio",
    "searchResult",
    "searchResultLocation",
    "source",
    "web",
    "error",
    "type",
}
NEWER = ("toolUseId: pattern", "guardrailIdentifier: pattern", "guardrailVersion: pattern", "role: enum")


def input_of(operation: str) -> Any:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return model.operation_model(operation).input_shape


def trimmed(ours: Any, theirs: Any) -> Any:
    """Our shape without the members that are newer than the pinned model."""
    if isinstance(ours, Structure) and theirs.type_name == "structure":
        newer = {name for name in NEWER_MEMBERS if name not in theirs.members}
        kept = {name: shape for name, shape in ours.members.items() if name not in newer}
        members = {
            name: trimmed(shape, theirs.members[name]) if name in theirs.members else shape
            for name, shape in kept.items()
        }
        return replace(ours, members=members)
    if hasattr(ours, "of") and theirs.type_name == "list":
        return replace(ours, of=trimmed(ours.of, theirs.member))
    return ours


@pytest.mark.parametrize(
    ("shape", "operation"), [(CONVERSE, "Converse"), (CONVERSE_STREAM, "ConverseStream")]
)
def test_the_shapes_are_those_of_the_service_model(shape: Structure, operation: str):
    theirs = input_of(operation)
    found = [
        line
        for line in differences(trimmed(shape, theirs), theirs)
        if not any(each in line for each in NEWER) and "guardrailConfig: required" not in line
    ]
    assert found == []


def test_what_is_missing_would_be_found():
    """The comparison itself is not blind."""
    theirs = input_of("Converse")
    less = {name: shape for name, shape in CONVERSE.members.items() if name != "inferenceConfig"}
    found = list(differences(trimmed(replace(CONVERSE, members=less), theirs), theirs))
    assert any("inferenceConfig" in line for line in found)
