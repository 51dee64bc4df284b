"""OpenAI's `functions`, the older name of tools, for dialects that have tools alone.

    functions                     tools
    function_call                 tool_choice
    an answer's function_call     tool_calls of one, with an id of its place in the conversation
    a message of role function    one of role tool, which answers the last such call of that name

The reply goes back under the older names (`as_asked`, and `in_functions` for streams). They have room for one
call: of parallel ones, which a dialect that can turns off, the first is given, and the model may ask again.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from google.protobuf.message import Message

from switch_grpc.faults import bad_request
from switch_grpc.openai_wire import Chunk
from switch_grpc.providers.dialects.base import Event, StreamDecoder
from switch_grpc.providers.dialects.members import members_of, raws_of, text_of
from switch_grpc.providers.dialects.refusal import Cannot
from switch_grpc.request import Body
from switch_grpc.v1 import chat_pb2 as pb

_MODES: Final = {"none": pb.ToolChoice.MODE_NONE, "auto": pb.ToolChoice.MODE_AUTO}


class _Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str


_choice: Final = msgspec.json.Decoder(str | _Named).decode


def as_tools(request: pb.ChatRequest, cannot: Cannot, *, one: bool) -> pb.ChatRequest:
    """The request in terms of tools; itself where it is.

    `one`: its target can be told to call one function at most. Raises Fault(CAPABILITY | BAD_REQUEST).
    """
    offers = request.HasField("functions_json") or request.HasField("function_call_json")
    if not offers and not any(map(_is_older, request.messages)):
        return request
    made = pb.ChatRequest()  # a received message is never changed
    made.CopyFrom(request)
    if offers:
        _offer(made, cannot, one=one)
    open_calls: dict[str, str] = {}  # the last call of each function: its id
    for index, message in enumerate(made.messages):
        _rename(message, index, open_calls, cannot)
    return made


def as_asked(reply: pb.ChatResponse, request: pb.ChatRequest) -> pb.ChatResponse:
    """The reply with its call under the name that the caller knows it by; it may be changed in place."""
    if _wants_functions(request):
        for choice in reply.choices:
            message = choice.message
            if message.tool_calls:
                message.function_call.CopyFrom(message.tool_calls[0].function)
                message.function_call.extra_json = message.tool_calls[0].extra_json
                del message.tool_calls[:]
            if choice.finish_reason == pb.FINISH_REASON_TOOL_CALLS:
                choice.finish_reason = pb.FINISH_REASON_FUNCTION_CALL
    return reply


def in_functions(decoder: StreamDecoder, body: Body[Message]) -> StreamDecoder:
    """The decoder for a call that may have offered functions."""
    return _Functions(decoder) if _wants_functions(body.message()) else decoder


def _wants_functions(request: Message) -> bool:
    """Whether all that may be called was offered as functions."""
    return isinstance(request, pb.ChatRequest) and request.HasField("functions_json") and not request.tools


# -- requests --


def _is_older(message: pb.Message) -> bool:
    role = message.role
    return role == pb.ROLE_FUNCTION or (role == pb.ROLE_ASSISTANT and message.HasField("function_call"))


def _offer(made: pb.ChatRequest, cannot: Cannot, *, one: bool) -> None:
    functions = made.functions_json or "[]"
    for index, raw in enumerate(raws_of(functions)):
        made.tools.append(_tool(raw, f"functions[{index}]", cannot))
    if one and made.tools:
        made.parallel_tool_calls = False
    if made.HasField("function_call_json"):
        made.tool_choice.CopyFrom(_tool_choice(made.function_call_json, cannot))
    made.ClearField("functions_json")
    made.ClearField("function_call_json")


def _tool(raw: msgspec.Raw, at: str, cannot: Cannot) -> pb.Tool:
    try:
        members = members_of(raw)
        function = pb.FunctionTool(name=text_of(members.pop("name")))
        if "description" in members:
            function.description = text_of(members.pop("description"))
        if "parameters" in members:
            function.parameters_json = bytes(members.pop("parameters")).decode()
    except (KeyError, msgspec.DecodeError) as error:
        raise bad_request(at, "expected an object with a name") from error
    if members:
        raise cannot(at, "members other than name, description and parameters")
    return pb.Tool(function=function)


def _tool_choice(raw: str, cannot: Cannot) -> pb.ToolChoice:
    try:
        choice = _choice(raw)
    except msgspec.DecodeError as error:
        raise bad_request("function_call", "expected none, auto or an object with a name") from error
    if isinstance(choice, _Named):
        return pb.ToolChoice(function=choice.name)
    if choice not in _MODES:
        raise cannot("function_call", f"{choice[:80]!r}; give none, auto or a function's name")
    return pb.ToolChoice(mode=_MODES[choice])


def _rename(message: pb.Message, index: int, open_calls: dict[str, str], cannot: Cannot) -> None:
    """One message; a call is answered by the next result of its name."""
    if message.role == pb.ROLE_ASSISTANT and message.HasField("function_call"):
        called = message.function_call
        name = open_calls[called.name] = f"call_{index}"
        extra, called.extra_json = called.extra_json, ""
        message.tool_calls.add(id=name, function=called, extra_json=extra)
        message.ClearField("function_call")
    elif message.role == pb.ROLE_FUNCTION:
        name = open_calls.pop(message.name, "")
        if not name:
            what = "a function's result without a call of that name before it"
            raise cannot(f"messages[{index}].name", what)
        message.role = pb.ROLE_TOOL
        message.tool_call_id = name
        message.ClearField("name")


# -- streams --


class _Functions:
    """Renames the calls in a stream's chunks."""

    __slots__ = ("_decoder",)

    def __init__(self, decoder: StreamDecoder) -> None:
        self._decoder = decoder

    def feed(self, event: Event) -> Sequence[Chunk]:
        chunks = self._decoder.feed(event)
        for chunk in chunks:
            _rename_chunk(chunk)
        return chunks

    def finish(self) -> Sequence[Message]:
        chunks = self._decoder.finish()
        for chunk in chunks:
            _rename_chunk(chunk)
        return chunks

    @property
    def finished(self) -> bool:
        return self._decoder.finished


def _rename_chunk(chunk: Chunk) -> None:
    assert isinstance(chunk, pb.ChatChunk)
    for choice in chunk.choices:
        delta = choice.delta
        for call in delta.tool_calls:
            if call.index == 0:
                delta.function_call.MergeFrom(call.function)
                delta.function_call.extra_json = call.extra_json
        del delta.tool_calls[:]
        if choice.finish_reason == pb.FINISH_REASON_TOOL_CALLS:
            choice.finish_reason = pb.FINISH_REASON_FUNCTION_CALL
