"""A conversation, as Python programs write it, to the contract's messages.

Members that the contract has no field for are kept as raw JSON and reach the provider.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from switch_client.values import (
    Fields,
    fields_of,
    items_of,
    json_of,
    refuse,
    rest_of,
    take,
    take_optional,
    take_text,
    text_of,
)
from switch_grpc.v1.chat_pb2 import (
    ROLE_ASSISTANT,
    ROLE_DEVELOPER,
    ROLE_FUNCTION,
    ROLE_SYSTEM,
    ROLE_TOOL,
    ROLE_USER,
    Audio,
    CustomCall,
    File,
    FunctionCall,
    ImageUrl,
    InputAudio,
    Message,
    Part,
    Role,
    ToolCall,
)

Messages = str | Message | Mapping[str, object] | Iterable[Message | Mapping[str, object]]

_ROLES: Final[dict[str, Role]] = {
    "developer": ROLE_DEVELOPER,
    "system": ROLE_SYSTEM,
    "user": ROLE_USER,
    "assistant": ROLE_ASSISTANT,
    "tool": ROLE_TOOL,
    "function": ROLE_FUNCTION,
}


def messages_of(value: Messages) -> list[Message]:
    """A text is one user message, a Message or dict a list of one. Raises TypeError that names the place."""
    if isinstance(value, str):
        return [Message(role=ROLE_USER, content=value)]
    if isinstance(value, Message | Mapping):
        return [message_of(value, "messages")]
    if not isinstance(value, Iterable):
        refuse("messages", "a string, a Message, a dict, or a list of Messages and dicts", value)
    return [message_of(item, f"messages[{i}]") for i, item in enumerate(value)]


def message_of(value: object, path: str) -> Message:
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping):
        refuse(path, "a Message or a dict with role and content", value)
    fields = fields_of(value, path)
    message = Message(
        name=take_optional(fields, "name", path),
        tool_call_id=take_optional(fields, "tool_call_id", path),
        refusal=take_optional(fields, "refusal", path),
        reasoning=take_optional(fields, "reasoning_content", path),
    )
    role = take_text(fields, "role", path)
    if role in _ROLES:
        message.role = _ROLES[role]
    else:
        message.role_text = role
    if "content" in fields:
        _set_content(message, fields.pop("content"), f"{path}.content")
    for i, call in enumerate(items_of(fields.pop("tool_calls", ()), f"{path}.tool_calls")):
        message.tool_calls.append(_tool_call(call, f"{path}.tool_calls[{i}]"))
    if "function_call" in fields:
        message.function_call.CopyFrom(_function_call(fields.pop("function_call"), f"{path}.function_call"))
    if "audio" in fields:
        audio = fields_of(fields.pop("audio"), f"{path}.audio")
        message.audio.CopyFrom(Audio(id=take_text(audio, "id", f"{path}.audio")))
    if "annotations" in fields:
        message.annotations_json = json_of(fields.pop("annotations"), f"{path}.annotations")
    message.extra_json = rest_of(fields, path)
    return message


def _set_content(message: Message, value: object, path: str) -> None:
    if isinstance(value, str):
        message.content = value
    elif isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        refuse(path, "a string, or a list of parts", value)
    else:
        message.parts.extend(part_of(part, f"{path}[{i}]") for i, part in enumerate(value))


def part_of(value: object, path: str) -> Part:
    """A part of a message's content: text, image, audio, file, or another type as raw JSON."""
    if isinstance(value, Part):
        return value
    if isinstance(value, str):
        return Part(text=value)
    fields = fields_of(value, path)
    kind = take_text(fields, "type", path)
    if kind not in _PARTS:
        return Part(raw_json=json_of(value, path))
    part = _PARTS[kind](fields, path)
    part.extra_json = rest_of(fields, path)
    return part


def _text_part(fields: Fields, path: str) -> Part:
    return Part(text=take_text(fields, "text", path))


def _refusal_part(fields: Fields, path: str) -> Part:
    return Part(refusal=take_text(fields, "refusal", path))


def _image_part(fields: Fields, path: str) -> Part:
    image, path = fields_of(take(fields, "image_url", path), f"{path}.image_url"), f"{path}.image_url"
    url, detail = take_text(image, "url", path), take_optional(image, "detail", path)
    return Part(image_url=ImageUrl(url=url, detail=detail, extra_json=rest_of(image, path)))


def _audio_part(fields: Fields, path: str) -> Part:
    audio, path = fields_of(take(fields, "input_audio", path), f"{path}.input_audio"), f"{path}.input_audio"
    sound, kind = take_text(audio, "data", path), take_text(audio, "format", path)
    return Part(input_audio=InputAudio(data=sound, format=kind, extra_json=rest_of(audio, path)))


def _file_part(fields: Fields, path: str) -> Part:
    file, path = fields_of(take(fields, "file", path), f"{path}.file"), f"{path}.file"
    content = File(
        file_id=take_optional(file, "file_id", path),
        file_data=take_optional(file, "file_data", path),
        filename=take_optional(file, "filename", path),
        extra_json=rest_of(file, path),
    )
    return Part(file=content)


_PARTS: Final[dict[str, Callable[[Fields, str], Part]]] = {
    "text": _text_part,
    "refusal": _refusal_part,
    "image_url": _image_part,
    "input_audio": _audio_part,
    "file": _file_part,
}


def _tool_call(value: object, path: str) -> ToolCall:
    if isinstance(value, ToolCall):
        return value
    fields = fields_of(value, path)
    kind = text_of(fields.pop("type", "function"), f"{path}.type")
    if kind not in ("function", "custom"):
        return ToolCall(raw_json=json_of(value, path))
    call = ToolCall(id=take_text(fields, "id", path))
    if kind == "function":
        call.function.CopyFrom(_function_call(take(fields, "function", path), f"{path}.function"))
    else:
        custom, inner = fields_of(take(fields, "custom", path), f"{path}.custom"), f"{path}.custom"
        name, text = take_text(custom, "name", inner), take_text(custom, "input", inner)
        call.custom.CopyFrom(CustomCall(name=name, input=text, extra_json=rest_of(custom, inner)))
    call.extra_json = rest_of(fields, path)
    return call


def _function_call(value: object, path: str) -> FunctionCall:
    """`arguments` is JSON text, as the model wrote it."""
    if isinstance(value, FunctionCall):
        return value
    fields = fields_of(value, path)
    name, arguments = take_text(fields, "name", path), take_text(fields, "arguments", path)
    return FunctionCall(name=name, arguments=arguments, extra_json=rest_of(fields, path))
