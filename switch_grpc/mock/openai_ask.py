"""Reads OpenAI chat requests, strictly: what OpenAI refuses, the mock refuses, in much the same words.

Unknown members pass, because a gateway must be able to send them. Facts of shape and bounds are from the API
reference, https://platform.openai.com/docs/api-reference/chat/create.
"""

from dataclasses import dataclass
from typing import Final

from switch_grpc.mock.answers import Ask, Turn
from switch_grpc.mock.failures import invalid
from switch_grpc.mock.fields import (
    Json,
    array,
    flag,
    integer,
    missing,
    needed_record,
    needed_string,
    number,
    record,
    string,
    wrong_type,
)
from switch_grpc.mock.openai_tools import check_tool_turns, with_tools

_ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
# By role what a content's parts may be; the user's may be any but `refusal`.
_PARTS_OF: Final = {"assistant": ("text", "refusal"), "user": ("text", "image_url", "input_audio", "file")}
_PARTS: Final = ("text", "image_url", "input_audio", "refusal", "file")
_TIERS: Final = ("auto", "default", "flex", "scale", "priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """What of a chat request concerns the wire and not the answer."""

    n: int = 1
    stream: bool = False
    include_usage: bool = False
    logprobs: bool = False
    top_logprobs: int = 0
    service_tier: str = "default"
    functions: bool = False  # the caller speaks the older functions/function_call


def read_chat(body: dict[str, Json], model: str) -> tuple[Ask, ChatOptions]:
    """The request's two halves. Raises Refused naming the parameter at fault."""
    raw = array(body.get("messages"), "messages")
    if raw is None:
        raise missing("messages")
    if not raw:
        raise invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    messages = [needed_record(one, f"messages[{k}]") for k, one in enumerate(raw)]
    check_tool_turns(messages)
    _check_sampling(body)
    ask = Ask(
        model=model,
        turns=tuple(_turn(message, f"messages[{k}]") for k, message in enumerate(messages)),
        images=sum(_count(message, "image_url") for message in messages),
        files=sum(_count(message, "file") + _count(message, "input_audio") for message in messages),
        seed=integer(body.get("seed"), "seed"),
        limit=_limit(body),
        stops=read_stops(body),
        parallel=flag(body.get("parallel_tool_calls"), "parallel_tool_calls") is not False,
        form=_form(body),
    )
    return with_tools(ask, body), _options(body)


def read_stops(body: dict[str, Json]) -> tuple[str, ...]:
    stop = body.get("stop")
    if stop is None or isinstance(stop, str):
        return (stop,) if stop else ()
    stops = array(stop, "stop") or []
    if len(stops) > 4:
        raise invalid(
            "Invalid 'stop': array too long. Expected an array with maximum length 4, "
            f"but got an array with length {len(stops)} instead.",
            param="stop",
            code="array_above_max_length",
        )
    return tuple(text for k, one in enumerate(stops) if (text := needed_string(one, f"stop[{k}]")))


def read_stream(body: dict[str, Json]) -> tuple[bool, bool]:
    """Whether to stream, and whether with a usage chunk."""
    stream = flag(body.get("stream"), "stream") is True
    options = record(body.get("stream_options"), "stream_options")
    if options is None:
        return stream, False
    if not stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    usage = flag(options.get("include_usage"), "stream_options.include_usage")
    return stream, usage is True


def _options(body: dict[str, Json]) -> ChatOptions:
    stream, usage = read_stream(body)
    logprobs = flag(body.get("logprobs"), "logprobs") is True
    top = integer(body.get("top_logprobs"), "top_logprobs", 0, 20)
    if top and not logprobs:
        raise invalid(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs"
        )
    tier = string(body.get("service_tier"), "service_tier", _TIERS) or "auto"
    return ChatOptions(
        n=integer(body.get("n"), "n", 1, 128) or 1,
        stream=stream,
        include_usage=usage,
        logprobs=logprobs,
        top_logprobs=top or 0,
        service_tier="default" if tier == "auto" else tier,
        functions=body.get("functions") is not None,
    )


def _check_sampling(body: dict[str, Json]) -> None:
    number(body.get("temperature"), "temperature", 0, 2)
    number(body.get("top_p"), "top_p", 0, 1)
    number(body.get("presence_penalty"), "presence_penalty", -2, 2)
    number(body.get("frequency_penalty"), "frequency_penalty", -2, 2)
    string(body.get("user"), "user")
    record(body.get("logit_bias"), "logit_bias")
    record(body.get("metadata"), "metadata")


def _limit(body: dict[str, Json]) -> int | None:
    older = integer(body.get("max_tokens"), "max_tokens", 1)
    newer = integer(body.get("max_completion_tokens"), "max_completion_tokens", 1)
    if older is not None and newer is not None:
        raise invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    return older if newer is None else newer


def _turn(message: dict[str, Json], path: str) -> Turn:
    role = needed_string(message.get("role"), f"{path}.role", _ROLES)
    content = message.get("content")
    if content is None:
        calls = message.get("tool_calls") or message.get("function_call") or message.get("refusal")
        if role != "assistant" or (calls is None and message.get("audio") is None):
            raise invalid(
                f"Invalid value for 'content': expected a string, got null. (at '{path}.content')",
                param=f"{path}.content",
            )
        return Turn(role, "")
    if isinstance(content, str):
        return Turn(role, content)
    if not isinstance(content, list):
        raise wrong_type(content, f"{path}.content", "one of a string or array of objects")
    texts = [_part(one, role, f"{path}.content[{k}]") for k, one in enumerate(content)]
    return Turn(role, "\n".join(filter(None, texts)))


def _part(value: Json, role: str, path: str) -> str:
    """A content part's text, empty for other kinds."""
    part = needed_record(value, path)
    kind = needed_string(part.get("type"), f"{path}.type", _PARTS)
    if kind == "image_url" and role != "user":
        place = path.partition(".")[0]
        raise invalid(
            f"Invalid '{place}'. Image URLs are only allowed for messages with role 'user', but this message "
            f"with role '{role}' contains an image URL.",
            param=place,
            code="invalid_value",
        )
    match needed_string(kind, f"{path}.type", _PARTS_OF.get(role, ("text",))):
        case "text":
            return needed_string(part.get("text"), f"{path}.text")
        case "refusal":
            return needed_string(part.get("refusal"), f"{path}.refusal")
        case "image_url":
            image = needed_record(part.get("image_url"), f"{path}.image_url")
            needed_string(image.get("url"), f"{path}.image_url.url")
            string(image.get("detail"), f"{path}.image_url.detail", ("auto", "low", "high"))
        case "input_audio":
            audio = needed_record(part.get("input_audio"), f"{path}.input_audio")
            needed_string(audio.get("data"), f"{path}.input_audio.data")
            needed_string(audio.get("format"), f"{path}.input_audio.format", ("wav", "mp3"))
        case _:
            needed_record(part.get("file"), f"{path}.file")
    return ""


def _count(message: dict[str, Json], kind: str) -> int:
    content = message.get("content")
    if not isinstance(content, list):
        return 0
    return sum(isinstance(part, dict) and part.get("type") == kind for part in content)


def _form(body: dict[str, Json]) -> Json:
    wanted = record(body.get("response_format"), "response_format")
    if wanted is None:
        return None
    kinds = ("json_object", "json_schema", "text")
    match needed_string(wanted.get("type"), "response_format.type", kinds):
        case "json_schema":
            outer = needed_record(wanted.get("json_schema"), "response_format.json_schema")
            needed_string(outer.get("name"), "response_format.json_schema.name")
            return record(outer.get("schema"), "response_format.json_schema.schema") or True
        case "json_object":
            return True
        case _:
            return None
