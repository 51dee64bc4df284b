"""Pictures, files and sound in tools' results, for vendors whose results are text: the user shows them.

OpenAI takes them in the user's messages alone (types: `openai`, ChatCompletionToolMessageParam), so they go
into one behind the last result of the turn, each behind the name of the result that it is of; the result says
where they are. Vendors' own adapters do the same.
"""

from typing import Final

from switch_grpc.v1 import chat_pb2 as pb

_MEDIA: Final = frozenset({"image_url", "file", "input_audio"})


def shown_by_user(request: pb.ChatRequest) -> pb.ChatRequest:
    """The request with results of text alone; itself where they are."""
    if not any(message.role == pb.ROLE_TOOL and _has_media(message) for message in request.messages):
        return request
    made = pb.ChatRequest()  # a received message is never changed
    made.CopyFrom(request)
    del made.messages[:]
    names: dict[str, str] = {}  # of the tools, by the ids of their calls
    shown: list[pb.Part] = []
    for message in request.messages:
        if message.role != pb.ROLE_TOOL and shown:
            made.messages.append(pb.Message(role=pb.ROLE_USER, parts=shown))
            shown = []
        names.update((call.id, call.function.name) for call in message.tool_calls)
        if message.role == pb.ROLE_TOOL and _has_media(message):
            whose = f"the result of {names.get(message.tool_call_id, 'the tool')} ({message.tool_call_id})"
            message, media = _parted(message, whose)
            shown += media
        made.messages.append(message)
    if shown:
        made.messages.append(pb.Message(role=pb.ROLE_USER, parts=shown))
    return made


def _has_media(message: pb.Message) -> bool:
    return any(part.WhichOneof("kind") in _MEDIA for part in message.parts)


def _parted(message: pb.Message, whose: str) -> tuple[pb.Message, list[pb.Part]]:
    """The result's texts, and its media behind a word of whose they are."""
    texts = [part for part in message.parts if part.WhichOneof("kind") not in _MEDIA]
    media = [part for part in message.parts if part.WhichOneof("kind") in _MEDIA]
    told = pb.Message()
    told.CopyFrom(message)
    del told.parts[:]
    if texts:
        told.parts.extend(texts)
    else:
        told.content = "It is shown in the next message of the user."
    return told, [pb.Part(text=f"From {whose}:"), *media]
