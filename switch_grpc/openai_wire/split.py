"""A whole chat answer as a stream: `fold_chat(split_chat(reply)) == reply`.

For answers that could only be had whole. Each choice makes three chunks, as a provider's stream begins, goes
on and ends; the usage comes last, on a chunk without choices.
"""

from typing import Final

from msgspec import Raw

from switch_grpc.openai_wire.chat_message import ANSWER
from switch_grpc.openai_wire.fields import Fields, encode, members_of
from switch_grpc.openai_wire.fold import LIFTED
from switch_grpc.openai_wire.values import text_of
from switch_grpc.v1 import chat_pb2 as pb

_UNTOLD: Final = Raw(b"null")


def split_chat(reply: pb.ChatResponse) -> list[pb.ChatChunk]:
    """Chunks that fold to `reply`; route_info on the first and the last."""
    header: Fields = {"id": reply.id, "created": reply.created, "model": reply.model}
    first: Fields = {"extra_json": reply.extra_json}
    for name in ("system_fingerprint", "service_tier"):
        if reply.HasField(name):
            header[name] = getattr(reply, name)
    bodies: list[Fields] = [{"choices": [piece]} for choice in reply.choices for piece in _pieces(choice)]
    if reply.HasField("usage") or not bodies:
        bodies.append({"usage": reply.usage} if reply.HasField("usage") else {})
    bodies[0].update(first)
    if reply.HasField("route_info"):
        bodies[0]["route_info"] = bodies[-1]["route_info"] = reply.route_info
    return [pb.ChatChunk(**header, **body) for body in bodies]


def _pieces(choice: pb.Choice) -> list[pb.ChunkChoice]:
    """The role, what was said, why it ended."""
    message = choice.message
    said = pb.ChunkChoice(index=choice.index, delta=_delta(message))
    if choice.HasField("logprobs"):
        said.logprobs.CopyFrom(choice.logprobs)
    return [
        pb.ChunkChoice(index=choice.index, delta={"role": message.role, "role_text": message.role_text}),
        said,
        pb.ChunkChoice(
            index=choice.index,
            delta={},
            finish_reason=choice.finish_reason,
            finish_reason_text=choice.finish_reason_text,
            extra_json=choice.extra_json,
        ),
    ]


def _delta(message: pb.Message) -> pb.Delta:
    """All of a message but its role."""
    delta: Fields = {}
    extra = ""
    lifted: set[str] = set()
    for field, value in message.ListFields():
        match field.name:
            case "role" | "role_text":
                pass
            case "tool_calls":
                delta["tool_calls"] = [_call(index, call) for index, call in enumerate(value)]
            case "extra_json":
                extra = value
            case name if name in LIFTED.values():
                lifted.add(name)
            case name:
                delta[name] = value
    if lifted:
        written = ANSWER.write(message)
        more = {name: written[name] for name, field in LIFTED.items() if field in lifted}
        extra = encode({**more, **(members_of(extra) if extra else {})}).decode()
    return pb.Delta(**delta, extra_json=extra)


def _call(index: int, call: pb.ToolCall) -> pb.ToolCallDelta:
    fields: Fields = {"id": call.id} if call.id else {}
    kind = call.WhichOneof("kind")
    if kind == "raw_json":
        named = members_of(call.raw_json).get("type", _UNTOLD)
        kind = "unknown" if named == _UNTOLD else text_of(named)
        return pb.ToolCallDelta(index=index, type_text=kind, extra_json=call.raw_json, **fields)
    if kind:
        fields[kind] = getattr(call, kind)
    return pb.ToolCallDelta(index=index, extra_json=call.extra_json, **fields)
