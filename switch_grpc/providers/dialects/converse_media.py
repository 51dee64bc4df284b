"""Images, documents and videos of a request as Converse's blocks.

Bedrock fetches nothing from the web: media come as data URLs, as base64, or from S3 (`s3://bucket/key`).
Formats and names: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from switch_grpc.faults import bad_request
from switch_grpc.providers.dialects.data_url import has_scheme, read_data_url
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.v1 import chat_pb2 as pb

Block = dict[str, Any]  # one block's members; values are JSON values, msgspec.Raw among them

# Format -> kind of block, by suffix and by media type.
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("png", "jpeg", "gif", "webp"), "image"),
    **dict.fromkeys(("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"), "document"),
    **dict.fromkeys(("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"), "video"),
}
_SUFFIXES: Final[Mapping[str, str]] = {
    **{suffix: suffix for suffix in _KINDS},
    "jpg": "jpeg",
    "htm": "html",
    "markdown": "md",
    "3gp": "three_gp",
    "text": "txt",
}
_TYPES: Final[Mapping[str, str]] = {
    "image/jpg": "jpeg",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/json": "txt",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9\s()\[\]-]+")
_SPACES: Final = re.compile(r"\s+")
_NAME_LIMIT: Final = 200
_DOCUMENT_EXTRAS: Final = ("citations", "context")


class Media:
    """The media of one request; gives each of its documents another name, as Bedrock demands."""

    __slots__ = ("_cannot", "_names")

    def __init__(self, cannot: Cannot) -> None:
        self._cannot = cannot
        self._names: dict[str, int] = {}  # with the last number that was tried behind each

    def url(self, url: str, at: str) -> Block:
        """The block of an `image_url` (or of another kind of media in its place)."""
        return self._block(url, "", at)

    def file(self, file: pb.File, extra: Mapping[str, Any], at: str) -> Block:
        """The block of a `file`; `extra` is what came beside it: `citations`, `context`."""
        if file.file_data:
            where, data = f"{at}.file_data", file.file_data
        elif file.file_id:
            where, data = f"{at}.file_id", file.file_id
            if not data.startswith("s3://"):
                raise self._cannot(where, "ids of files at another provider; send `file_data`")
        else:
            raise bad_request(at, "expected `file_data`, or `file_id` with an s3:// URI")
        block = self._block(data, file.filename, where)
        if "document" in block:
            block["document"] |= {name: extra[name] for name in _DOCUMENT_EXTRAS if name in extra}
        return block

    def _block(self, data: str, filename: str, at: str) -> Block:
        source: Block
        if has_scheme(data, "data"):
            media_type, data = read_data_url(data, at)
            kept_as = (
                _TYPES.get(media_type) or _SUFFIXES.get(media_type.partition("/")[2]) or _suffix(filename)
            )
            what = f"media of type {media_type!r}"
            source = {"bytes": data}
        elif data.startswith("s3://"):
            kept_as, what = _suffix(filename) or _suffix(data), "an S3 object without a suffix that it knows"
            filename = filename or data
            source = {"s3Location": {"uri": data}}
        elif has_scheme(data, "https", "http"):
            raise self._cannot(at, "URLs, as Bedrock fetches nothing; send a data URL or an s3:// URI")
        elif filename:
            kept_as, what = _suffix(filename), f"a file named {filename!r}, whose type it cannot tell"
            source = {"bytes": data}
        else:
            raise bad_request(at, "expected a data URL, or base64 with a `filename` that tells its type")
        if not kept_as:
            raise self._cannot(at, what)
        kind = _KINDS[kept_as]
        block: Block = {"format": kept_as, "source": source}
        if kind == "document":
            block["name"] = self._name(PurePosixPath(filename).stem)
        return {kind: block}

    def _name(self, wanted: str) -> str:
        """In the letters that Bedrock takes (no dots, single spaces), and unlike the others."""
        clean = _SPACES.sub(" ", _NOT_IN_A_NAME.sub(" ", wanted)).strip()[: _NAME_LIMIT - 5] or "Document"
        name, count = clean, self._names.get(clean, 1)
        while name in self._names:
            count += 1
            name = f"{clean} {count}"
        self._names[clean] = count
        self._names.setdefault(name, 1)
        return name


def _suffix(name: str) -> str:
    return _SUFFIXES.get(PurePosixPath(name.lower()).suffix[1:], "")
