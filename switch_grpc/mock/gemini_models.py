"""The models that Google lists: every name exists, and these are in the list."""

import re
from typing import Final
from urllib.parse import parse_qs

from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini_fields import Members, refusal

MODELS: Final = ("mock", "mock-fallback", "mock-embedding")
_PAGE: Final = 50
_INPUT, _OUTPUT = 1_048_576, 65_536


def entry(model: str, *, vertex: bool) -> Members:
    """One model, as the service shows it."""
    if vertex:
        name = f"publishers/google/models/{model}"
        return {
            "name": name,
            "versionId": "001",
            "openSourceCategory": "PROPRIETARY",
            "launchStage": "GA",
            "publisherModelTemplate": f"projects/{{project}}/locations/{{location}}/{name}",
        }
    embeds = "embedding" in model
    made: Members = {
        "name": f"models/{model}",
        "version": "001",
        "displayName": model,
        "description": "The mock of Switch.",
        "inputTokenLimit": _INPUT,
        "outputTokenLimit": 1 if embeds else _OUTPUT,
        "supportedGenerationMethods": ["embedContent", "countTokens"]
        if embeds
        else ["generateContent", "countTokens"],
    }
    if not embeds:
        made |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": True}
    return made


def listing(query: str, *, vertex: bool) -> Members:
    """A page of the list: `pageSize` and `pageToken`, the place where it begins. Raises Refused."""
    asked = parse_qs(query)
    start, size = _number(asked, "pageToken", 0), _number(asked, "pageSize", _PAGE) or _PAGE
    page: list[Json] = [entry(model, vertex=vertex) for model in MODELS[start : start + size]]
    answer: Members = {"publisherModels" if vertex else "models": page}
    if start + size < len(MODELS):
        answer["nextPageToken"] = str(start + size)
    return answer


def _number(asked: dict[str, list[str]], name: str, usual: int) -> int:
    text = asked.get(name, [""])[-1]
    if not text:
        return usual
    if not re.fullmatch(r"\d{1,6}", text):
        raise refusal(f"Invalid value at '{name}' (TYPE_INT32), \"{text}\"", field=name)
    return int(text)
