"""The machinery of the field maps: one table per message type, used in both directions.

A `Shape` holds a message type's fields. Reading turns raw JSON members into the keyword arguments of the
message's constructor (plain dictionaries, so that a whole request becomes messages in one call); writing
walks the fields that are set. What the table does not know goes to `extra_json` and comes back from there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.guard import Excess, Members, check_raw

Fields = dict[str, Any]  # keyword arguments of a message: any JSON scalar, dictionaries and lists of them
Reader = Callable[[Raw], Any]
Writer = Callable[[Any], Any]

NULL: Final = Raw(b"null")
KEEP: Final = object()  # a reader's answer for a value that only extra_json can hold, such as an empty list

encode: Final = msgspec.json.Encoder().encode
members_of: Final = msgspec.json.Decoder(Members).decode
raws_of: Final = msgspec.json.Decoder(list[Raw]).decode
rows_of: Final = msgspec.json.Decoder(list[Members]).decode
text_of: Final = msgspec.json.Decoder(str).decode
int_of: Final = msgspec.json.Decoder(int).decode
float_of: Final = msgspec.json.Decoder(float).decode

_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_FOUND: Final = {
    **dict.fromkeys(b"-0123456789", "a number"),
    ord('"'): "a string",
    ord("{"): "an object",
    ord("["): "a list",
    ord("t"): "true",
    ord("f"): "false",
    ord("n"): "null",
}
_AT: Final = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected `(\w+)[^`]*`(?: ([<>]=) (-?\d+))?(?:, got `(\w+)`)?")


class Misfit(Exception):
    """A value that its field cannot hold. Gains its path on the way out: `messages[0].content`."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def within(self, name: str) -> "Misfit":
        """The same, seen from the object or list that holds it as `name` (or `[3]`)."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{name}{dot}{self.path}"
        return self


def unlike(raw: Raw, expected: str) -> Misfit:
    return Misfit(f"found {_FOUND.get(bytes(raw)[0], 'something else')}, expected {expected}")


def missing(name: str) -> Misfit:
    return Misfit("missing", name)


def misfit(error: Exception) -> Misfit:
    """What msgspec or a bound said about a value, in our words and with the path inside the value."""
    if isinstance(error, Excess):
        return Misfit(str(error))
    at = _AT.search(str(error))
    path = at[1] if at and "..." not in at[1] else ""
    said = _EXPECTED.match(str(error))
    if said is None:
        return Misfit("out of range", path)
    kind, bound, limit, got = said.groups()
    if bound:
        return Misfit(f"out of range, expected {_NAMES[kind]} {bound} {limit}", path)
    return Misfit(f"found {_NAMES.get(got, got)}, expected {_NAMES.get(kind, kind)}", path)


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a JSON object and the message's field that holds it."""

    name: str
    read: Reader
    write: Writer | None = None  # None: the field's value as it is
    proto: str = ""  # where the field is called something else
    required: bool = False  # refused where missing in a request; always written

    @property
    def attribute(self) -> str:
        return self.proto or self.name


@dataclass(frozen=True, slots=True)
class Fork:
    """A member that different values of go to different fields: `read` answers with the fields to set."""

    name: str
    read: Callable[[Raw], Any]
    writers: Mapping[str, Writer | None] = field(default_factory=dict)  # by the message's field


class Shape:
    """The field map of one message type.

    `nulls` tells whether members of known name with the value null are kept (requests: the caller's null
    may mean something to a provider) or dropped (replies). `always` is what every object starts from when
    written: constants, and the members that the wire wants even when they are null. `skip` names fields
    of the message that have no member in the JSON.
    """

    def __init__(
        self,
        message: type[Message],
        *members: Field | Fork,
        nulls: bool,
        always: Mapping[str, object] | None = None,
        skip: Iterable[str] = (),
    ) -> None:
        self.names = frozenset(member.name for member in members)
        self._nulls = nulls
        self._readers: dict[str, tuple[str | None, Reader]] = {}
        self._writers: dict[object, tuple[str, Writer | None]] = {}  # by field descriptor
        self._always: dict[str, object] = dict(always or {})
        fields = message.DESCRIPTOR.fields_by_name
        for member in members:
            if isinstance(member, Fork):
                self._readers[member.name] = (None, member.read)
                for attribute, write in member.writers.items():
                    self._writers[fields[attribute]] = (member.name, write)
            else:
                self._readers[member.name] = (member.attribute, member.read)
                self._writers[fields[member.attribute]] = (member.name, member.write)
                if member.required:
                    self._always.setdefault(member.name, fields[member.attribute].default_value)
        self._required = frozenset(m.name for m in members if isinstance(m, Field) and m.required and nulls)
        self._extra = fields["extra_json"]
        self._skip = frozenset(fields[name] for name in skip)

    def read(self, members: Members) -> Fields:
        """The message's fields. Raises Misfit."""
        fields: Fields = {}
        extra: Members = {}
        readers = self._readers
        name = ""
        try:
            for name, raw in members.items():
                known = readers.get(name)
                if known is None:
                    extra[name] = raw
                elif raw == NULL:
                    if self._nulls:
                        extra[name] = raw
                else:
                    attribute, read = known
                    value = read(raw)
                    if value is KEEP:
                        extra[name] = raw
                    elif attribute is None:
                        fields.update(value)
                    else:
                        fields[attribute] = value
        except (msgspec.ValidationError, Excess) as error:
            raise misfit(error).within(name) from error
        except Misfit as error:
            error.within(name)
            raise
        if self._required and not members.keys() >= self._required:
            raise missing(min(self._required - members.keys()))
        if extra:
            fields["extra_json"] = extra_text(extra)
        return fields

    def write(self, message: Message) -> dict[str, Any]:
        """The JSON object, ready for `encode`. A field that is set wins over a member of `extra_json`."""
        written = self._always.copy()
        writers = self._writers
        extra = None
        for descriptor, value in message.ListFields():
            known = writers.get(descriptor)
            if known is not None:
                name, write = known
                written[name] = value if write is None else write(value)
            elif descriptor == self._extra:
                extra = value
            elif descriptor not in self._skip:
                raise LookupError(f"{descriptor.full_name} is not in the field map")
        if extra:
            merge_extra(written, extra, self._always)
        return written


def extra_text(extra: Members) -> bytes:
    """The text of an extra_json."""
    return check_raw(encode(extra))


def merge_extra(written: dict[str, Any], extra: str, always: Mapping[str, object]) -> None:
    """Adds the members of an extra_json that `written` has no value of its own for."""
    for name, raw in members_of(extra).items():
        if name not in written or (name in always and written[name] is always[name]):
            written[name] = raw


def text(name: str, *, proto: str = "", required: bool = False) -> Field:
    return Field(name, text_of, None, proto, required)


def text_or_empty(name: str) -> Field:
    """A text whose field cannot tell "" from unset: "" stays in extra_json."""
    return Field(name, lambda raw: text_of(raw) or KEEP)


def integer(name: str, bits: int = 64, *, required: bool = False) -> Field:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def read(raw: Raw) -> int:
        try:
            value = int_of(raw)
        except msgspec.ValidationError:
            value = _integral(raw)
        if not low <= value <= high:
            raise Misfit(f"out of range, expected an integer of {bits} bits")
        return value

    return Field(name, read, required=required)


def _integral(raw: Raw) -> int:
    """`5.0` and `1e3` are integers to JSON; raises ValidationError for what is none."""
    if len(bytes(raw)) < 32 and bytes(raw)[0] in b"-0123456789":
        value = float_of(raw)
        if value.is_integer():
            return int(value)
    return int_of(raw)


def number(name: str, *, required: bool = False) -> Field:
    return Field(name, float_of, required=required)


def flag(name: str) -> Field:
    return Field(name, msgspec.json.Decoder(bool).decode)


def texts(name: str) -> Field:
    exact = msgspec.json.Decoder(list[str]).decode
    return Field(name, lambda raw: exact(raw) or KEEP, list)


def raw_json(name: str, first: str = "", expected: str = "") -> Field:
    """A member that travels as text in `<name>_json`; `first` lists the characters it may start with."""
    starts = first.encode()

    def read(raw: Raw) -> bytes:
        value = bytes(raw)
        if starts and value[0] not in starts:
            raise unlike(raw, expected)
        return check_raw(value)

    return Field(name, read, raw_value, f"{name}_json")


def raw_object(name: str) -> Field:
    return raw_json(name, "{", "an object")


def raw_list(name: str) -> Field:
    return raw_json(name, "[", "a list")


def raw_value(value: str) -> Raw:
    return Raw(value)


def one(name: str, shape: Shape, *, proto: str = "") -> Field:
    """A nested object."""
    read = shape.read
    return Field(name, lambda raw: read(members_of(raw)), shape.write, proto)


def many(name: str, shape: Shape, *, required: bool = False) -> Field:
    """A list of objects of one shape."""
    read, write = shape.read, shape.write

    def read_all(raw: Raw) -> Any:
        return read_rows(rows_of(raw), read) or KEEP

    return Field(name, read_all, lambda values: [write(value) for value in values], required=required)


def read_rows(rows: Iterable[Any], read: Callable[[Any], Fields]) -> list[Fields]:
    """Each row through `read`; a misfit in the fourth is at `[3]`."""
    done: list[Fields] = []
    try:
        for row in rows:
            done.append(read(row))  # noqa: PERF401  # its length says where a misfit is
    except (msgspec.ValidationError, Excess) as error:
        raise misfit(error).within(f"[{len(done)}]") from error
    except Misfit as error:
        error.within(f"[{len(done)}]")
        raise
    return done


class Union:
    """Objects told apart by `type`: a shape for each known one, and the whole text (`raw_json`) for others.

    A known type's member, and its field in the oneof `kind`, are called as the type itself.
    """

    def __init__(self, shapes: Mapping[str, Shape], *, bare: frozenset[str] = frozenset()) -> None:
        """`bare` names the types that are nothing but their `type`."""
        self._shapes = shapes
        self._bare = bare

    def read(self, raw: Raw) -> Fields:
        members = members_of(raw)
        named = members.pop("type", None)
        kind = self._guess(members) if named is None or named == NULL else self._name(named)
        shape = self._shapes.get(kind)
        if shape is None:
            return {"raw_json": check_raw(bytes(raw))}
        fields = shape.read(members)
        if kind in self._bare:
            fields[kind] = {}
        elif kind not in fields:
            raise Misfit(f"missing, where the type is {kind}", kind)
        return fields

    def read_all(self, raws: list[Raw]) -> list[Fields]:
        return read_rows(raws, self.read)

    def field(self, name: str) -> Field:
        """A member that is a list of such objects."""
        return Field(name, lambda raw: self.read_all(raws_of(raw)) or KEEP, self.write_all)

    def write(self, message: Message) -> Any:
        kind = message.WhichOneof("kind")
        if kind is None or kind == "raw_json":
            return Raw(message.raw_json) if kind else {}  # type: ignore[attr-defined]  # every union has it
        return self._shapes[kind].write(message)

    def write_all(self, messages: Iterable[Message]) -> list[Any]:
        return [self.write(message) for message in messages]

    def _name(self, named: Raw) -> str:
        try:
            return text_of(named)
        except msgspec.ValidationError as error:
            raise misfit(error).within("type") from error

    def _guess(self, members: Members) -> str:
        """The type of an object that names none: the known type whose member it has."""
        return next((kind for kind in self._shapes if kind in members), "")
