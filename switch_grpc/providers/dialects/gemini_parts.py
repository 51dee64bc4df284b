"""The parts of a turn: OpenAI's content parts as Gemini's, and the media types that Gemini wants named.

Media come as data URLs (`inlineData`) or as addresses that Google fetches (`fileData`). A part that has no
`type` and is one of Gemini's own, such as `{"fileData": ...}`, goes out as it stands.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.data_url import has_scheme, read_data_url
from switch_grpc.providers.dialects.members import members_of, text_of
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.v1 import chat_pb2 as pb

Part = dict[str, Any] | Raw

# google-genai 1.x, types.Part
OWN_PARTS: Final = frozenset(
    {
        *("text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall"),
        *("functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"),
        *("videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing"),
    }
)
# https://ai.google.dev/gemini-api/docs/file-input-methods, and the pages on images, audio, video, documents.
_TYPES: Final[Mapping[str, str]] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "bmp": "image/bmp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "xml": "text/xml",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "3gp": "video/3gpp",
}
_YOUTUBE: Final = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})
_FILES: Final = "generativelanguage.googleapis.com"  # the Files API: an upload knows its own type


def part_of(part: pb.Part, where: str, *, fetches: bool, cannot: Cannot) -> Part:
    """One part of a message's content.

    `fetches`: the model takes any http address, not only Google's own. Raises Fault(CAPABILITY) on what
    Gemini has no part for, Fault(BAD_REQUEST) on a data URL that is none.
    """
    match part.WhichOneof("kind"):
        case "text":
            return {"text": part.text}
        case "refusal":
            return {"text": part.refusal}
        case "image_url":
            said = _said_type(part.image_url.extra_json)
            return _media(part.image_url.url, f"{where}.image_url.url", said, fetches, cannot)
        case "input_audio":
            kind = _TYPES.get(part.input_audio.format, f"audio/{part.input_audio.format}")
            return {"inlineData": {"mimeType": kind, "data": part.input_audio.data}}
        case "file":
            return _file(part.file, f"{where}.file", fetches, cannot)
        case "raw_json":
            return _raw(part.raw_json, where, fetches, cannot)
        case _:
            raise bad_request(where, "is empty; give a part with its `type`")


def _file(file: pb.File, where: str, fetches: bool, cannot: Cannot) -> Part:
    said = _said_type(file.extra_json) or _type_of(file.filename)
    if file.HasField("file_id"):
        if "://" not in file.file_id:
            raise cannot(f"{where}.file_id", "files that were uploaded to another provider; send the file")
        return _address(file.file_id, f"{where}.file_id", said, fetches, cannot)
    data = file.file_data
    if ":" in data[:16]:
        return _media(data, f"{where}.file_data", said, fetches, cannot)
    if not data:
        raise bad_request(where, "has neither file_data nor file_id; send one of them")
    return {"inlineData": {"mimeType": said or "application/pdf", "data": data}}


def _raw(text: str, where: str, fetches: bool, cannot: Cannot) -> Part:
    try:
        members = members_of(text)
    except msgspec.MsgspecError:
        members = {}
    if members and members.keys() <= OWN_PARTS:
        return Raw(text.encode())
    kind = _string(members.get("type"))
    if kind == "video_url":  # as vLLM and OpenRouter spell it
        try:
            video = members_of(members.get(kind, Raw(b"")))
        except msgspec.MsgspecError:
            video = {}
        url = _string(video.get("url"))
        if not url:
            raise bad_request(f"{where}.{kind}.url", "is missing; give an address or a data URL")
        return _media(url, f"{where}.{kind}.url", "", fetches, cannot)
    raise cannot(where, f"parts of type {kind!r}" if kind else "parts without a `type`")


def _media(url: str, where: str, said: str, fetches: bool, cannot: Cannot) -> Part:
    if has_scheme(url, "data"):
        return _inline(url, where, said)
    return _address(url, where, said, fetches, cannot)


def _inline(url: str, where: str, said: str) -> Part:
    kind, data = read_data_url(url, where)
    return {"inlineData": {"mimeType": said or kind, "data": data}}


def _address(url: str, where: str, said: str, fetches: bool, cannot: Cannot) -> Part:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise bad_request(where, "is not a URL") from error
    if parts.scheme not in ("http", "https", "gs"):
        raise bad_request(where, f"has the scheme {parts.scheme!r}; give an https or data URL")
    kind = said or _type_of(parts.path)
    if host == _FILES:
        return {"fileData": {"fileUri": url, **({"mimeType": kind} if kind else {})}}
    if host in _YOUTUBE:
        return {"fileData": {"fileUri": url, "mimeType": kind or "video/mp4"}}
    if parts.scheme != "gs" and not fetches:
        raise cannot(where, "addresses, which its model does not fetch; send a data URL")
    if not kind:
        raise cannot(where, "an address whose path does not end in a known file type; send a data URL")
    return {"fileData": {"fileUri": url, "mimeType": kind}}


def _type_of(name: str) -> str:
    """The media type of a file's name, "" if its ending is not known."""
    return _TYPES.get(name.rpartition(".")[2].lower(), "") if "." in name else ""


def _said_type(extra_json: str) -> str:
    """The media type that a caller may write beside an address."""
    if not extra_json:
        return ""
    members = members_of(extra_json)
    return next((kind for name in ("mime_type", "format") if "/" in (kind := _string(members.get(name)))), "")


def _string(raw: Raw | None) -> str:
    try:
        return text_of(raw) if raw is not None else ""
    except msgspec.MsgspecError:
        return ""


def is_base64(value: str) -> bool:
    """Whether `value` is bytes as Google writes them, in either of base64's alphabets."""
    try:
        base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return False
    return bool(value)
