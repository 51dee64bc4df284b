"""What Bedrock asks of a conversation beyond its shape: turns, blank texts, documents, calls and results."""

import re
from typing import Final, TypeAlias

import msgspec

from switch_grpc.mock.converse_check import validation
from switch_grpc.mock.failures import Refused
from switch_grpc.mock.fields import Json

Block: TypeAlias = dict[str, Json]
Message: TypeAlias = dict[str, Json]

_IMAGES: Final = 20
_DOCUMENTS: Final = 5
_DOCUMENT_NAME: Final = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s\-()\[\]]+")


def objects(value: Json) -> list[Block]:
    """The objects of a list whose shape was checked."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def blocks_of(message: Message) -> list[Block]:
    return objects(message.get("content"))


def text_of(block: Block) -> str | None:
    """What a block says in words; None for media, calls, cache points and reasoning."""
    match block:
        case {"text": str(text)}:
            return text
        case {"json": value}:
            return msgspec.json.encode(value).decode()
        case {"guardContent": {"text": {"text": str(text)}}}:
            return text
        case {"searchResult": dict(result)}:
            return "\n".join(str(item.get("text")) for item in objects(result.get("content")))
        case {"citationsContent": dict(cited)}:
            return "".join(str(item.get("text", "")) for item in objects(cited.get("content")))
        case _:
            return None


def check_conversation(messages: list[Message], body: Block) -> None:
    """Raises Refused with a ValidationException for the first thing that is wrong."""
    _check_order(messages)
    for at, message in enumerate(messages):
        _check_content(message, at)
    _check_media(messages)
    _check_calls(messages, body)


def _check_order(messages: list[Message]) -> None:
    if not messages or messages[0]["role"] != "user":
        raise validation(
            "A conversation must start with a user message. Try again with a conversation that starts with "
            "a user message."
        )
    roles = [message["role"] for message in messages if message["role"] != "system"]
    if any(role == before for role, before in zip(roles[1:], roles, strict=False)):
        raise validation(
            "A conversation must alternate between user and assistant roles. Make sure the conversation "
            "alternates between user and assistant roles and try again."
        )


def _check_content(message: Message, at: int) -> None:
    blocks = blocks_of(message)
    if not blocks:
        raise validation(
            f"The content field in the Message object at messages.{at} is empty. Add a ContentBlock object "
            "to the content field and try again."
        )
    texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
    for k, block in enumerate(blocks):
        place = f"messages.{at}.content.{k}"
        # White space passes beside a text with words, as recorded.
        if block.get("text") == "" or ("text" in block and not "".join(texts).strip()):
            raise validation(
                f"The text field in the ContentBlock object at {place} is blank. Add text to the text "
                "field, and try again."
            )
        _check_role(block, message["role"], place)
        _check_objects(block, place)
    if any("document" in block for block in blocks) and not texts:
        raise validation(
            "A text block must be included when using documents. Add a text block and retry your request."
        )


_ROLES: Final = {
    "image": "user",
    "document": "user",
    "toolResult": "user",
    "toolUse": "assistant",
    "reasoningContent": "assistant",
}


def _check_role(block: Block, role: Json, place: str) -> None:
    kind = next(name for name, value in block.items() if value is not None)
    match block:
        case {"toolResult": {"type": str()}}:  # of a tool that Bedrock runs itself, in the assistant's turn
            return
    if _ROLES.get(kind, role) != role:
        raise validation(
            f"The {kind} field in the ContentBlock object at {place} is only supported for the "
            f"{_ROLES[kind]} role."
        )


def _check_objects(block: Block, place: str) -> None:
    """What a tool takes and gives as JSON is an object."""
    match block:
        case {"toolUse": {"input": value}} if not isinstance(value, dict):
            raise _no_object(f"{place}.toolUse.input")
        case {"toolResult": dict(result)}:
            for k, inner in enumerate(blocks_of(result)):
                if "json" in inner and not isinstance(inner["json"], dict):
                    raise _no_object(f"{place}.toolResult.content.{k}.json")


def _no_object(place: str) -> Refused:
    return validation(
        f"The format of the value at {place} is invalid. Provide a json object for the field and try again."
    )


def _check_media(messages: list[Message]) -> None:
    media = [block for message in messages for block in with_results(message)]
    documents = [found for block in media if isinstance(found := block.get("document"), dict)]
    images = sum("image" in block for block in media)
    for count, most, kind in ((images, _IMAGES, "images"), (len(documents), _DOCUMENTS, "documents")):
        if count > most:
            raise validation(f"You can't include more than {most} {kind} in a request.")
    names = [str(document["name"]) for document in documents]
    if any(_DOCUMENT_NAME.fullmatch(name) is None for name in names):
        raise validation(
            "The document file name can only contain alphanumeric characters, whitespace characters, "
            "hyphens, parentheses, and square brackets. The name can't contain more than one consecutive "
            "whitespace character."
        )
    if len(set(names)) < len(names):
        raise validation(
            "Messages can't contain duplicate document names. Rename the document and retry your request."
        )


def with_results(message: Message) -> list[Block]:
    """A message's blocks, and those inside of its tools' results."""
    blocks = blocks_of(message)
    results = [result for block in blocks if isinstance(result := block.get("toolResult"), dict)]
    return blocks + [inner for result in results for inner in blocks_of(result)]


def _check_calls(messages: list[Message], body: Block) -> None:
    """Every result answers a call of the turn before, and every call is answered there."""
    called: list[str] = []
    for at, message in enumerate(messages):
        if message["role"] == "system":
            continue
        results = _ids(message, "toolResult")
        if (results or _ids(message, "toolUse")) and body.get("toolConfig") is None:
            raise validation(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks."
            )
        if message["role"] == "user" and len(results) > len(called):
            raise validation(
                f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse "
                "blocks of previous turn."
            )
        open_calls = [call for call in called if call not in results]
        if message["role"] == "user" and open_calls:
            raise validation(
                f"Expected toolResult blocks at messages.{at}.content for the following Ids: "
                f"{', '.join(open_calls)}"
            )
        called = [call for call in _ids(message, "toolUse") if call not in results]
        if len(set(called)) < len(called):
            raise validation(f"The toolUse blocks at messages.{at}.content contain duplicate Ids.")


def _ids(message: Message, kind: str) -> list[str]:
    found = [block.get(kind) for block in blocks_of(message)]
    return [str(one["toolUseId"]) for one in found if isinstance(one, dict)]
