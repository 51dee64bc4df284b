"""What a dialect changes of a request because its provider refuses it as it stands.

The route's policy decides, as for parameters (see `providers.adapt`): under `adapt` the change is made and
said in a sentence, under `strict` the target refuses by the field's name, so that another one may serve.
What comes from the target's configuration is for all its callers, and is always changed.
"""

from typing import Final

from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.refusal import cannot_of

NOTHING_SAID: Final = "a conversation in which nothing is said"
FILLER: Final = "."  # says as little as may be, where something must be said


class Changes:
    """Those of one request; `notes` has a sentence for each."""

    __slots__ = ("_strict", "cannot", "model", "notes")

    def __init__(self, binding: Binding) -> None:
        self.cannot = cannot_of(binding)
        self.model = binding.model
        self.notes: list[str] = []
        self._strict = binding.strict

    def make(self, param: str, what: str, note: str, *, asked: bool = True) -> None:
        """Notes a change of `param`; `what` the target cannot take of it.

        `asked`: the caller set it. Raises Fault(CAPABILITY) under `strict`.
        """
        if self._strict and asked:
            raise self.cannot(param, what)
        self.notes.append(note)

    def open(self) -> str:
        """What the user says before the assistant, who cannot begin here."""
        what = "a conversation that the assistant begins"
        self.make(
            "messages", what, f'"{FILLER}" said before the assistant: {self.model} takes none who begins'
        )
        return FILLER

    def close(self) -> str:
        """What the user says where the last message is the user's and blank."""
        what = "a last message without text"
        self.make("messages", what, f'"{FILLER}" said for the last message: {self.model} takes no blank one')
        return FILLER
