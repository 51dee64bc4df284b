"""Reads images and documents: where they come from, and whether their bytes are what they say.

Shapes are those of the `anthropic` package: ImageBlockParam, DocumentBlockParam and their sources.
"""

import binascii
from collections.abc import Mapping
from typing import Final

from switch_grpc.mock.anthropic_fields import Members, refused, wrong

# How the files of each media type begin.
_MAGIC: Final[Mapping[str, tuple[bytes, ...]]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


def read_image(block: Members) -> None:
    """The members of an image block but for its type and cache_control. Raises Refused."""
    source = _source(block)
    kind = source.kind(("base64", "url", "file"))
    source = source.tagged(kind)
    if kind == "base64":
        stated = source.needed_text("media_type", tuple(_MAGIC))
        _check_image(_bytes(source), stated, source.path)
    else:
        _read_elsewhere(source, kind)
    transformations = block.members("transformations", nullable=True)
    if transformations is not None:
        transformations.needed_text("oversized_image", ("downsize", "error"))
        transformations.close()
    source.close()


def read_document(block: Members) -> str:
    """The document's text if it is text; the same for documents. Raises Refused."""
    source = _source(block)
    kind = source.kind(("base64", "content", "file", "text", "url"))
    source = source.tagged(kind)
    text = ""
    match kind:
        case "base64":
            source.needed_text("media_type", ("application/pdf",))
            if not _bytes(source).startswith(b"%PDF-"):
                raise wrong(source.path, "The PDF specified was not valid.")
        case "text":
            source.needed_text("media_type", ("text/plain",))
            text = source.needed_text("data")
        case "content":
            text = _read_content(source)
        case _:
            _read_elsewhere(source, kind)
    source.close()
    block.text("title", nullable=True)
    block.text("context", nullable=True)
    read_citations_config(block)
    return text


def read_citations_config(block: Members) -> None:
    config = block.members("citations", nullable=True)
    if config is not None:
        config.flag("enabled")
        config.close()


def _source(block: Members) -> Members:
    block.needed("source")
    source = block.members("source")
    assert source is not None
    return source


def _read_elsewhere(source: Members, kind: str) -> None:
    """A URL, or a file that was uploaded before."""
    if kind == "file":
        source.needed_text("file_id", least=1)
    elif not source.needed_text("url").startswith("https://"):
        raise wrong(f"{source.path}.url", "Only HTTPS URLs are supported.")


def _read_content(source: Members) -> str:
    """A document that comes as a text or as text and image blocks."""
    source.needed("content")
    if isinstance(source.value("content"), str):
        return source.needed_text("content")
    texts = []
    for block in source.each("content"):
        kind = block.kind(("text", "image"))
        block = block.tagged(kind)
        block.value("cache_control", nullable=True)
        if kind == "text":
            texts.append(block.needed_text("text"))
        else:
            read_image(block)
        block.close()
    return "\n".join(texts)


def _bytes(source: Members) -> bytes:
    data = source.needed_text("data")
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise wrong(f"{source.path}.data", f"invalid base64 data: {error}") from error


def _check_image(data: bytes, stated: str, path: str) -> None:
    found = next((kind for kind, starts in _MAGIC.items() if data.startswith(starts)), None)
    if found is None:
        raise refused("Could not process image")
    if found != stated:
        raise wrong(
            path,
            f"The image was specified using the {stated} media type, but the image appears to be a "
            f"{found} image",
        )
