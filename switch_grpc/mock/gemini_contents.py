"""Reads the turns of a Gemini request: who said what, and whether calls and their results fit together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, cast

import msgspec

from switch_grpc.mock.answers import Turn
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini_fields import Members, refusal
from switch_grpc.mock.gemini_shapes import PART_DATA

_ROLES: Final = ("user", "model")
_MIME: Final = re.compile(r"[\w.+-]+/[\w.+-]+(;.*)?")
_UNASKED: Final = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response "
    "turn."
)
_THIRD: Final = re.compile(r"gemini-[3-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The turns of a conversation, and how many media came with them."""

    turns: tuple[Turn, ...]
    images: int = 0
    files: int = 0


def members(value: Json) -> Members:
    """An object that was read already, so that it is one."""
    return cast("Members", value or {})


def records(value: Json) -> list[Members]:
    """A list of objects that was read already."""
    return cast("list[Members]", value or [])


def read_contents(body: Members, model: str, vertex: bool) -> Said:
    """The conversation with its system instruction. Raises Refused."""
    contents = records(body.get("contents"))
    if not contents:
        raise _bad("contents", "contents is not specified")
    for k, content in enumerate(contents):
        _check(content, f"contents[{k}]", vertex)
    _check_pairs(contents)
    if _THIRD.match(model):
        _check_signed(contents)
    system = members(body.get("systemInstruction"))
    told = [Turn("system", _text(system))] if system else []
    if system and any("text" not in part for part in records(system.get("parts"))):
        raise _bad("system_instruction.parts", "system instruction must have text parts only")
    parts = [part for content in contents for part in records(content.get("parts"))]
    kinds = [kind for part in parts for kind in _media(part)]
    images = sum(kind.startswith("image/") for kind in kinds)
    turns = (turn for content in contents for turn in _turns(content))
    return Said(turns=(*told, *turns), images=images, files=len(kinds) - images)


def modalities(body: Members) -> dict[str, int]:
    """How many media of each of Google's modalities came, beside text."""
    counts: dict[str, int] = {}
    for content in records(body.get("contents")):
        for part in records(content.get("parts")):
            for kind in _media(part):
                family = kind.partition("/")[0].upper()
                name = family if family in ("IMAGE", "AUDIO", "VIDEO") else "DOCUMENT"
                counts[name] = counts.get(name, 0) + 1
    return counts


def text_of(content: Members, path: str) -> str:
    """The text of a content that is to be embedded. Raises Refused if it has none."""
    parts = records(content.get("parts"))
    if not parts:
        raise _bad(f"{path}.parts", "contents.parts must not be empty")
    return _text(content)


def _bad(field: str, why: str) -> Refused:
    """What Google says of a request that it could read."""
    return refusal(f"* GenerateContentRequest.{field}: {why}\n", field=field)


# -- one content --


def _check(content: Members, path: str, vertex: bool) -> None:
    role = content.get("role")
    if role not in _ROLES and (role or vertex):  # the Gemini API takes a content without a role as the user's
        raise refusal("Please use a valid role: user, model.", field=f"{path}.role")
    parts = records(content.get("parts"))
    if not parts:
        if vertex:
            raise refusal(
                "Unable to submit request because it must include at least one parts field, which describes "
                "the prompt input. Learn more: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference"
                "/gemini",
                field=f"{path}.parts",
            )
        raise _bad(f"{path}.parts", "contents.parts must not be empty.")
    for j, part in enumerate(parts):
        _check_part(part, role, f"{path}.parts[{j}]", vertex)


def _check_part(part: Members, role: Json, path: str, vertex: bool) -> None:
    data = PART_DATA & part.keys()
    if not data and not part.get("thoughtSignature"):
        raise _bad(f"{path}.data", "required oneof field 'data' must have one initialized field")
    if "functionCall" in data and role != "model":
        raise refusal(_UNASKED, field=path)
    for name in ("functionCall", "functionResponse"):
        if name in data and not members(part[name]).get("name"):
            field = "function_call" if name == "functionCall" else "function_response"
            raise _bad(f"{path}.{field}.name", "Name cannot be empty.")
    if "functionResponse" in data and "response" not in members(part["functionResponse"]):
        raise _bad(f"{path}.function_response.response", "Response cannot be empty.")
    blob, file = members(part.get("inlineData")), members(part.get("fileData"))
    if "inlineData" in data and not (_is_mime(blob.get("mimeType")) and blob.get("data")):
        raise refusal(f"Unsupported MIME type: {blob.get('mimeType', '')}", field=f"{path}.inline_data")
    if "fileData" in data and not file.get("fileUri"):
        raise _bad(f"{path}.file_data.file_uri", "File URI cannot be empty.")
    if "fileData" in data and vertex and not _is_mime(file.get("mimeType")):
        raise refusal(
            "Unable to submit request because it must have a mimeType parameter for fileData.", field=path
        )


def _is_mime(value: Json) -> bool:
    return isinstance(value, str) and _MIME.fullmatch(value) is not None


def _media(part: Members) -> Iterator[str]:
    """The media types of what a part holds, those of a function's response included."""
    for name in ("inlineData", "fileData"):
        if name in part:
            yield str(members(part[name]).get("mimeType", ""))
    for inner in records(members(part.get("functionResponse")).get("parts")):
        yield from _media(inner)


def _text(content: Members) -> str:
    parts = records(content.get("parts"))
    return "\n".join(str(part["text"]) for part in parts if part.get("text") and not part.get("thought"))


def _turns(content: Members) -> Iterator[Turn]:
    """One turn of a tool for each function's response, and one of whoever spoke."""
    parts = records(content.get("parts"))
    for part in parts:
        if "functionResponse" in part:
            yield Turn("tool", _result(members(part["functionResponse"]).get("response")))
    spoken = _text(content)
    if spoken or not any("functionResponse" in part for part in parts):
        yield Turn("assistant" if content.get("role") == "model" else "user", spoken)


def _result(response: Json) -> str:
    """What a function said: the text under the one name that clients give it, or the object."""
    match response:
        case {"output": str(text), **rest} | {"result": str(text), **rest} if not rest:
            return text
        case _:
            return msgspec.json.encode(response).decode()


# -- calls and results --


def _check_pairs(contents: list[Members]) -> None:
    """A turn of calls is followed by as many responses, of the same names; nothing else is responded to.

    A turn is all contents of one role in a row. Nothing is called before the user spoke.
    """
    if _names(contents[:1], "functionCall"):
        raise refusal(_UNASKED)
    asked: list[str] = []
    for _, row in groupby(contents, lambda content: content.get("role") == "model"):
        turn = list(row)
        answered = _names(turn, "functionResponse")
        if answered and not asked:
            raise refusal(
                "Please ensure that function response turn comes immediately after a function call turn."
            )
        if len(answered) != len(asked):
            raise refusal(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        if sorted(answered) != sorted(asked):
            raise refusal(
                "Please ensure that the function response parts have the names of the function call parts."
            )
        asked = _names(turn, "functionCall")


def _names(contents: list[Members], kind: str) -> list[str]:
    parts = [part for content in contents for part in records(content.get("parts"))]
    return [str(members(part[kind])["name"]) for part in parts if kind in part]


def _check_signed(contents: list[Members]) -> None:
    """Gemini 3: of each step since the user last spoke, the first call bears its thought signature.

    https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    last = max((k for k, content in enumerate(contents) if _asks(content)), default=-1)
    for k, content in enumerate(contents[last + 1 :], last + 1):
        calls = [part for part in records(content.get("parts")) if "functionCall" in part]
        if calls and not calls[0].get("thoughtSignature"):
            name = members(calls[0]["functionCall"])["name"]
            raise refusal(
                "Function call is missing a thought_signature in functionCall parts. This is required for "
                "tools to work correctly, and missing thought_signature may lead to degraded model "
                f"performance. Additional data, function call `default_api:{name}`, position {k}. Please "
                "refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                field=f"contents[{k}]",
            )


def _asks(content: Members) -> bool:
    """Whether this is the user speaking, and not a function responding."""
    return content.get("role") != "model" and not _names([content], "functionResponse")
