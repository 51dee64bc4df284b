"""What a dialect changes of a request because its provider refuses it as it stands.

The route's policy decides, as for parameters (see `providers.adapt`): under `adapt` the change is made and
said in a sentence, under `strict` the target refuses by the field's name, so that another one may serve.
What comes from the target's configuration is for all its callers, and is always changed.
"""

from switch_grpc.providers.dialects.base import Binding
from switch_grpc.providers.dialects.refusal import cannot_of


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
