"""What a model cannot do, in words."""

from collections.abc import Mapping
from typing import Final

from switch_grpc.request import Need

_WORDS: Final[Mapping[Need, str]] = {
    Need.TOOLS: "call tools",
    Need.VISION: "see images",
    Need.AUDIO: "hear or speak",
    Need.DOCUMENTS: "read documents",
    Need.JSON_SCHEMA: "answer by a JSON Schema",
}


def words(needs: Need) -> str:
    """`call tools or see images`; "" for none."""
    return " or ".join(word for need, word in _WORDS.items() if need in needs)
