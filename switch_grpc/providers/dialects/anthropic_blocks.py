"""Content blocks of a request: from the parts of an OpenAI message to text, image and document blocks.

A part of a type that OpenAI does not have (`search_result`, `container_upload`, ...) is taken for one of
Anthropic's own and goes out as it stands. `extra_json` of a part joins its block: `cache_control`,
`citations`, `title`, `context`. An image's `detail` is a hint that Anthropic has no place for.
"""

import base64
import binascii
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
from msgspec import Raw

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.data_url import has_scheme, read_data_url
from switch_grpc.providers.dialects.members import extra_of, text_of
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.v1 import chat_pb2 as pb

Block = dict[str, Any]  # one block's members; values are JSON values, Raw among them

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_TYPES_OF: Final = {
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".csv": "text/plain",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


def text_block(text: str) -> list[Block | Raw]:
    """No block for blank text: Anthropic refuses one."""
    return [{"type": "text", "text": text}] if text and not text.isspace() else []


def blocks_of(message: pb.Message, at: str, cannot: Cannot) -> list[Block | Raw]:
    """The blocks of a message's content; `at` is its JSON path."""
    if message.parts:
        return list(_blocks(message.parts, f"{at}.content", cannot))
    return text_block(message.content)


def _blocks(parts: Iterable[pb.Part], at: str, cannot: Cannot) -> Iterable[Block | Raw]:
    for index, part in enumerate(parts):
        block = _block(part, f"{at}[{index}]", cannot)
        if isinstance(block, dict) and part.extra_json:
            block |= extra_of(part.extra_json)
        if block is not None:
            yield block


def _block(part: pb.Part, at: str, cannot: Cannot) -> Block | Raw | None:
    match part.WhichOneof("kind"):
        case "text" | "refusal":
            text = part.text or part.refusal
            return {"type": "text", "text": text} if text and not text.isspace() else None
        case "image_url":
            return _image(part.image_url.url, f"{at}.image_url.url", cannot)
        case "file":
            return _file(part.file, f"{at}.file", cannot)
        case "raw_json":
            return Raw(part.raw_json.encode())
        case "input_audio":
            raise cannot(f"{at}.input_audio", "audio")
        case _:
            raise bad_request(at, "names no content")


def _image(url: str, at: str, cannot: Cannot) -> Block:
    if has_scheme(url, "data"):
        media_type, data = read_data_url(url, at)
        return _base64_image(media_type, data, at, cannot)
    if has_scheme(url, "https", "http"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    raise bad_request(at, "expected an https URL or a data URL")


def _base64_image(media_type: str, data: str, at: str, cannot: Cannot) -> Block:
    media_type = "image/jpeg" if media_type == "image/jpg" else media_type
    if media_type not in _IMAGES:
        raise cannot(at, f"images of type {media_type!r}; send JPEG, PNG, GIF or WebP")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _file(file: pb.File, at: str, cannot: Cannot) -> Block:
    """A document, or an image where the file is one. A URL may stand in `file_data` or `file_url`."""
    extra = extra_of(file.extra_json)
    block: Block = {"type": "document", "source": None}
    if file.filename:
        block["title"] = file.filename
    data = file.file_data
    if "file_url" in extra:
        data = _text(extra.pop("file_url"), f"{at}.file_url")
    if file.file_id:
        block["source"] = {"type": "file", "file_id": file.file_id}
    elif has_scheme(data, "https", "http"):
        block["source"] = {"type": "url", "url": data}
    elif data:
        media_type, data = _typed(data, file.filename, f"{at}.file_data")
        if media_type.startswith("image/"):
            return _base64_image(media_type, data, f"{at}.file_data", cannot) | extra
        block["source"] = _document(media_type, data, f"{at}.file_data", cannot)
    else:
        raise bad_request(at, "expected `file_id` or `file_data`")
    return block | extra


def _document(media_type: str, data: str, at: str, cannot: Cannot) -> Block:
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": data}
    if not media_type.startswith("text/") and media_type != "application/json":
        raise cannot(at, f"files of type {media_type!r}; send PDF, text or an image")
    try:  # a text source is the text itself
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise bad_request(at, "is not base64 of UTF-8 text") from error
    return {"type": "text", "media_type": "text/plain", "data": text}


def _typed(data: str, filename: str, at: str) -> tuple[str, str]:
    """Media type and base64; bare base64 is of the type that the file's name tells, else PDF."""
    if has_scheme(data, "data"):
        return read_data_url(data, at)
    return _TYPES_OF.get(PurePosixPath(filename.lower()).suffix, "application/pdf"), data


def _text(raw: Raw, at: str) -> str:
    try:
        return text_of(raw)
    except msgspec.ValidationError as error:
        raise bad_request(at, "expected a string") from error
