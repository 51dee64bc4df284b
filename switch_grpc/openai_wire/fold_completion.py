"""A streamed text completion folded into the whole one, and the reverse."""

from collections.abc import Iterable

from switch_grpc.openai_wire.fields import Fields
from switch_grpc.openai_wire.pieces import Pieces, chain_members
from switch_grpc.v1 import completion_pb2 as pb


def fold_completion(chunks: Iterable[pb.CompletionChunk]) -> pb.CompletionResponse:
    """The whole answer that the chunks are the pieces of; choices in order of their index."""
    choices: dict[int, _Choice] = {}

    def add_choices(pieces: Iterable[pb.CompletionChoice]) -> None:
        for piece in pieces:
            if piece.index not in choices:
                choices[piece.index] = _Choice()
            choices[piece.index].pieces.add(piece)

    header = Pieces({"choices": add_choices})
    for chunk in chunks:
        header.add(chunk)
    return pb.CompletionResponse(
        **header.fields(), choices=[choices[index].fields(index) for index in sorted(choices)]
    )


class _Choice:
    """One choice, as far as it has come."""

    def __init__(self) -> None:
        self._logprobs: list[str] = []
        self.pieces = Pieces({"index": lambda _: None, "logprobs_json": self._logprobs.append})

    def fields(self, index: int) -> Fields:
        fields = {"index": index, **self.pieces.fields()}
        if self._logprobs:
            fields["logprobs_json"] = chain_members(self._logprobs)
        return fields


def split_completion(reply: pb.CompletionResponse) -> list[pb.CompletionChunk]:
    """Chunks that fold to `reply`: two a choice, then the usage; route_info on the first and the last."""
    header: Fields = {"id": reply.id, "created": reply.created, "model": reply.model}
    if reply.HasField("system_fingerprint"):
        header["system_fingerprint"] = reply.system_fingerprint
    bodies: list[Fields] = [{"choices": [piece]} for choice in reply.choices for piece in _pieces(choice)]
    if reply.HasField("usage") or not bodies:
        bodies.append({"usage": reply.usage} if reply.HasField("usage") else {})
    bodies[0]["extra_json"] = reply.extra_json
    if reply.HasField("route_info"):
        bodies[0]["route_info"] = bodies[-1]["route_info"] = reply.route_info
    return [pb.CompletionChunk(**header, **body) for body in bodies]


def _pieces(choice: pb.CompletionChoice) -> list[pb.CompletionChoice]:
    """What was said, why it ended."""
    said = pb.CompletionChoice(index=choice.index, text=choice.text)
    if choice.HasField("logprobs_json"):
        said.logprobs_json = choice.logprobs_json
    ended = pb.CompletionChoice(
        index=choice.index,
        finish_reason=choice.finish_reason,
        finish_reason_text=choice.finish_reason_text,
        extra_json=choice.extra_json,
    )
    return [said, ended]
