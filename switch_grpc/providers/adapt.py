"""Fits a request's parameters to what a model takes, or refuses them: which, is the route's choice.

`adapt`: a value out of range is clamped and a hint that the model does not take is dropped, each said in a
sentence. `strict`: either is refused as CAPABILITY, so that another target may serve. What would change the
kind of answer (logprobs) is refused under both policies. A value that asks for nothing (a penalty of 0) is
dropped without a word, and the token limit goes out by the name that the model knows it by.

A target's own defaults are for every caller of a route and every model behind it, so they are always adapted.
`providerParams` are the operator's word on this one target and are not looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

import msgspec
from google.protobuf.message import Message

from switch_grpc.faults import Fault, Kind
from switch_grpc.v1 import chat_pb2, completion_pb2

Range = tuple[float, float | None]
Defaults = Mapping[str, bytes]  # raw JSON by OpenAI's name

LIMITS: Final = (
    "max_completion_tokens",
    "max_tokens",
)  # the newer spelling first: it wins where both are set

# Parameter -> the value of it that asks for nothing.
_NEUTRAL: Final[Mapping[str, object]] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "logit_bias": "{}",
    "logprobs": False,
    "top_logprobs": 0,
    "reasoning_effort": "none",
}
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a model, or all of a vendor's, take of OpenAI's parameters. What is not named passes as it is."""

    ranges: Mapping[str, Range] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()  # hints that it does not take
    refuses: frozenset[str] = frozenset()  # what an answer without it is another answer
    drops_while_reasoning: frozenset[str] = frozenset()
    refuses_while_reasoning: frozenset[str] = frozenset()
    only_one: tuple[str, ...] = ()  # of these only the first that is set
    limit: str = ""  # the only name that it knows the token limit by

    def named(self) -> frozenset[str]:
        """All parameters that a rule is about."""
        whiles = self.drops_while_reasoning | self.refuses_while_reasoning
        return frozenset(self.ranges) | self.drops | self.refuses | whiles | frozenset(self.only_one)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A request and defaults as the model takes them, and what was changed, a sentence each."""

    request: Message
    defaults: Defaults
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one parameter: another value, or None where it is left out; "" says nothing of it."""

    value: float | None
    note: str = ""


class Adapter:
    """Fits requests for one target; made once per configuration, and stateless."""

    __slots__ = (
        "_extras",
        "_fields",
        "_max_output",
        "_model",
        "_named",
        "_names",
        "_rules",
        "_strict",
        "_target",
    )

    def __init__(
        self, rules: Rules, *, max_output: int | None, strict: bool, target: str, model: str
    ) -> None:
        """`max_output`: tokens that the model writes at most, where known."""
        self._rules = rules
        self._max_output = max_output
        self._strict = strict
        self._target = target
        self._model = model
        limits = frozenset(LIMITS) if max_output is not None or rules.limit else frozenset[str]()
        self._named = rules.named() | limits
        self._names = tuple(sorted(self._named))
        kinds: tuple[type[Message], ...] = (chat_pb2.ChatRequest, completion_pb2.CompletionRequest)
        self._fields = {kind: _fields(kind, self._names) for kind in kinds}
        known = {name for fields in self._fields.values() for name, _ in fields}
        self._extras = tuple(name for name in self._names if name not in known)

    def leaves(self, names: Iterable[str], defaults: Defaults) -> bool:
        """Whether nothing here is about a request with these members, nor about the target's defaults."""
        return self._named.isdisjoint(names) and self._named.isdisjoint(defaults)

    def fit(self, request: Message, defaults: Defaults) -> Fitted:
        """The request and the target's defaults as the model takes them; the same objects where they are.

        Raises Fault(CAPABILITY) that names the parameter.
        """
        fields = self._fields.get(type(request), ())  # embeddings have no such parameters
        has = request.HasField
        asked: dict[str, object] = {name: getattr(request, proto) for name, proto in fields if has(proto)}
        extra = self._extra(request) if self._extras and fields else {}
        if extra:
            asked.update({name: _number(extra[name]) for name in self._extras if name in extra})
        standing = self._standing(asked, defaults) if defaults and fields else {}
        if not asked and not standing:
            return Fitted(request, defaults)
        return self._fit(request, defaults, asked, standing, extra)

    def _fit(
        self,
        request: Message,
        defaults: Defaults,
        asked: Mapping[str, object],
        standing: Mapping[str, object],
        extra: Mapping[str, msgspec.Raw],
    ) -> Fitted:
        rules = self._rules_now(request, defaults)
        changed = self._verdicts(rules, asked, asked=True)
        moved = self._verdicts(rules, standing, asked=False)
        if rules.only_one:
            self._keep_one(asked, standing, changed, moved)
        # A default must not come up where the caller's value was left out.
        bared = [name for name, verdict in changed.items() if verdict.value is None and name in defaults]
        moved.update(dict.fromkeys(bared, _Verdict(None)))
        fields = dict(self._fields[type(request)])
        fitted = Fitted(
            _changed(request, changed, fields, extra) if changed else request,
            _moved(defaults, moved) if moved else defaults,
            [verdict.note for verdict in (*changed.values(), *moved.values()) if verdict.note],
        )
        return self._renamed(fitted, fields) if rules.limit else fitted

    def _extra(self, request: Message) -> Mapping[str, msgspec.Raw]:
        """The members without a field, if one of them is under a rule."""
        text: str = request.extra_json  # type: ignore[attr-defined]  # all that have fields here have it
        if not text or not any(f'"{name}"' in text for name in self._extras):
            return {}
        return _members(text)

    def _standing(self, asked: Mapping[str, object], defaults: Defaults) -> dict[str, object]:
        """The defaults under a rule that hold, as the caller asks for nothing else."""
        limited = any(name in asked for name in LIMITS)
        return {
            name: _number(defaults[name])
            for name in self._names
            if name in defaults and name not in asked and not (limited and name in LIMITS)
        }

    def _verdicts(self, rules: Rules, values: Mapping[str, object], *, asked: bool) -> dict[str, _Verdict]:
        """Of those that do not stay as they are."""
        judged = ((name, self._judge(rules, name, value, asked=asked)) for name, value in values.items())
        return {name: verdict for name, verdict in judged if verdict is not None}

    def _rules_now(self, request: Message, defaults: Defaults) -> Rules:
        """The rules, with those that hold while the model reasons where the request makes it."""
        rules = self._rules
        if not (rules.drops_while_reasoning or rules.refuses_while_reasoning):
            return rules
        effort = getattr(request, "reasoning_effort", "")
        if not effort and "reasoning_effort" in defaults:
            effort = defaults["reasoning_effort"].decode().strip('"')
        if effort in ("", "none", "null") or "reasoning_effort" in rules.drops:
            return rules
        return replace(
            rules,
            drops=rules.drops | rules.drops_while_reasoning,
            refuses=rules.refuses | rules.refuses_while_reasoning,
        )

    def _judge(self, rules: Rules, name: str, value: object, *, asked: bool) -> _Verdict | None:
        """What becomes of it; None: it stays. What was `asked` for may be refused: Fault(CAPABILITY)."""
        strict = asked and self._strict
        if name in rules.drops or name in rules.refuses:
            if name in _NEUTRAL and value == _NEUTRAL[name]:
                return _Verdict(None)
            if strict or (asked and name in rules.refuses):
                raise self._cannot(name, f"takes no {name}")
            return _Verdict(None, f"{name} left out: {self._model} takes none")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None  # of another shape than a rule could be about: the provider's to judge
        low, high = self._range(rules, name)
        if low <= value and (high is None or value <= high):
            return None
        bound = low if value < low else cast("float", high)
        if strict:
            raise self._cannot(name, f"takes {name} {_between(low, high)}, not {value:g}")
        which = "least" if value < low else "most"
        sent = int(bound) if bound == int(bound) else bound  # integers have fields of their own type
        return _Verdict(
            sent, f"{name} {_spelt(value)} sent as {_spelt(sent)}, the {which} that {self._model} takes"
        )

    def _range(self, rules: Rules, name: str) -> Range:
        if name in LIMITS:
            return float("-inf"), self._max_output
        return rules.ranges.get(name, (float("-inf"), None))

    def _keep_one(
        self,
        asked: Mapping[str, object],
        standing: Mapping[str, object],
        verdicts: dict[str, _Verdict],
        others: dict[str, _Verdict],
    ) -> None:
        """Leaves out all but the first of those that exclude each other; the caller's before defaults."""
        present = [name for name in self._rules.only_one if name in asked]
        for name in present[1:]:
            if self._strict:
                raise self._cannot(name, f"takes {present[0]} or {name}, not both")
            verdicts[name] = _Verdict(None, f"{name} left out: {self._model} takes it or {present[0]}")
        behind = [name for name in self._rules.only_one if name in standing]
        for name in behind[0 if present else 1 :]:
            first = (present or behind)[0]
            others[name] = _Verdict(None, f"{name} left out: {self._model} takes it or {first}")

    def _renamed(self, fitted: Fitted, fields: Mapping[str, str]) -> Fitted:
        """The token limit by the one name that the model knows it by."""
        (other,) = (name for name in LIMITS if name != self._rules.limit)
        request, defaults, notes = fitted.request, fitted.defaults, fitted.notes
        if other in fields and self._rules.limit in fields and request.HasField(other):
            value = next(getattr(request, name) for name in LIMITS if request.HasField(name))
            request = _copy(request)
            request.ClearField(other)
            setattr(request, self._rules.limit, value)
            notes = [*notes, f"{other} sent as {self._rules.limit}, as {self._model} knows it"]
        if other in defaults and self._rules.limit in fields:
            rest = {name: raw for name, raw in defaults.items() if name != other}
            defaults = {self._rules.limit: defaults[other], **rest}
        return Fitted(request, defaults, notes)

    def _cannot(self, name: str, why: str) -> Fault:
        return Fault(
            Kind.CAPABILITY,
            f"target {self._target!r} ({self._model}) {why}",
            param=name,
            target=self._target,
        )


def _fields(kind: type[Message], names: Iterable[str]) -> Sequence[tuple[str, str]]:
    """The names that have a field in this kind of request, with the field's name."""
    known = kind.DESCRIPTOR.fields_by_name
    found = ((name, name if name in known else f"{name}_json") for name in names)
    return [(name, proto) for name, proto in found if proto in known]


def _number(raw: bytes | msgspec.Raw) -> object:
    """A number as such; anything else as None."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, int | float) else None


def _changed(
    request: Message,
    verdicts: Mapping[str, _Verdict],
    fields: Mapping[str, str],
    extra: Mapping[str, msgspec.Raw],
) -> Message:
    changed, members = _copy(request), dict(extra)
    for name, verdict in verdicts.items():
        if name in fields and verdict.value is None:
            changed.ClearField(fields[name])
        elif name in fields:
            setattr(changed, fields[name], verdict.value)
        elif verdict.value is None:
            del members[name]
        else:
            members[name] = msgspec.Raw(msgspec.json.encode(verdict.value))
    if members.keys() != extra.keys() or any(members[name] is not extra[name] for name in members):
        changed.extra_json = msgspec.json.encode(members).decode() if members else ""  # type: ignore[attr-defined]
    return changed


def _moved(defaults: Defaults, verdicts: Mapping[str, _Verdict]) -> Defaults:
    moved = dict(defaults)
    for name, verdict in verdicts.items():
        if verdict.value is None:
            del moved[name]
        else:
            moved[name] = msgspec.json.encode(verdict.value)
    return moved


def _copy(request: Message) -> Message:
    """A received message is never changed."""
    copied = type(request)()
    copied.CopyFrom(request)
    return copied


def _spelt(number: float) -> str:
    """Integers in full: no caller wrote 1e+07."""
    return str(number) if isinstance(number, int) else f"{number:g}"


def _between(low: float, high: float | None) -> str:
    if high is None:
        return f"from {low:g}"
    return f"up to {high:g}" if low == float("-inf") else f"from {low:g} to {high:g}"
