"""The machinery of the field maps: one table per message type, used in both directions.

A `Shape` holds a message type's fields. Reading turns raw JSON members into the keyword arguments of the
message's constructor (plain dictionaries, so that a whole request becomes messages in one call); writing
walks the fields that are set. What the table does not know goes to `extra_json` and comes back from there.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One member of a JSON object and the message's field that holds it.

    `read` answers with the field's value, or KEEP. Where it does that or finds another type of value, and
    there is `otherwise`, that answers with the fields to set, or KEEP; `also` writes those.
    """

    name: str
    read: Reader
    write: Writer | None = None  # None: the field's value as it is
    proto: str = ""  # where the field is called something else
    required: bool = False  # refused where missing in a request; always written
    otherwise: Reader | None = None
    also: Mapping[str, Writer | None] = field(default_factory=dict)  # by the message's field

    @property
    def attribute(self) -> str:
        return self.proto or self.name


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
        *members: Field,
        nulls: bool,
        always: Mapping[str, object] | None = None,
        skip: Iterable[str] = (),
    ) -> None:
        fields = message.DESCRIPTOR.fields_by_name
        self.names = frozenset(member.name for member in members)
        self._nulls = nulls
        self._readers = {member.name: (member.attribute, member.read) for member in members}
        self._others = {member.name: member.otherwise for member in members if member.otherwise}
        self._required = {m.attribute: m.name for m in members if m.required and nulls}
        self._always: dict[str, object] = dict(always or {})
        # By field descriptor; a field that is no member has the name "".
        self._writers: dict[object, tuple[str, Writer | None]] = {fields[name]: ("", None) for name in skip}
        self._writers[fields["extra_json"]] = ("", None)
        for member in members:
            self._writers[fields[member.attribute]] = (member.name, member.write)
            for attribute, write in member.also.items():
                self._writers[fields[attribute]] = (member.name, write)
            if member.required:
                self._always.setdefault(member.name, fields[member.attribute].default_value)

    def read(self, members: Members) -> Fields:
        """The message's fields. Raises Misfit."""
        fields: Fields = {}
        extra: Members = {}
        readers = self._readers
        for name, raw in members.items():
            known = readers.get(name)
            if known is None:
                extra[name] = raw
            elif raw == NULL:
                if self._nulls:
                    extra[name] = raw
            else:
                attribute, read = known
                try:
                    value = read(raw)
                    if value is not KEEP:
                        fields[attribute] = value
                        continue
                    more = self._read_otherwise(name, raw)
                except (msgspec.ValidationError, Excess) as error:
                    more = self._read_otherwise(name, raw, error)
                except Misfit as error:
                    error.within(name)
                    raise
                if more is KEEP:
                    extra[name] = raw
                else:
                    fields.update(more)
        if self._required and not fields.keys() >= self._required.keys():
            raise self._missing(fields, members)
        if extra:
            fields["extra_json"] = _extra_text(extra)
        return fields

    def _read_otherwise(self, name: str, raw: Raw, error: Exception | None = None) -> Any:
        """What `raw` is, where it is not the field's first form: fields to set, or KEEP."""
        read = self._others.get(name)
        if read is None:
            if error is None:
                return KEEP
            raise misfit(error).within(name) from error
        try:
            return read(raw)
        except (msgspec.ValidationError, Excess) as second:
            raise misfit(second).within(name) from second
        except Misfit as second:
            second.within(name)
            raise

    def _missing(self, fields: Fields, members: Members) -> Misfit:
        name = next(name for attribute, name in self._required.items() if attribute not in fields)
        return Misfit("found null or nothing, expected a value", name) if name in members else missing(name)

    def write(self, message: Message) -> dict[str, Any]:
        """The JSON object, ready for `encode`. A field that is set wins over a member of `extra_json`."""
        written = self._always.copy()
        writers = self._writers
        name = "-"
        for descriptor, value in message.ListFields():
            name, write = writers[descriptor]
            if name:
                written[name] = value if write is None else write(value)
        # Fields come in order of their numbers: extra_json, where set, is among those that are no members.
        if not name and (extra := message.extra_json):  # type: ignore[attr-defined]  # all messages have it
            merge_extra(written, extra, self._always)
        return written


def _extra_text(extra: Members) -> bytes:
    """The text of an extra_json. Raises Misfit for the first member that is past a bound."""
    try:
        return check_raw(encode(extra))
    except Excess as error:
        for name, raw in extra.items():
            try:
                check_raw(encode({name: raw}))
            except Excess:
                raise Misfit(str(error), name) from error
        raise Misfit(str(error)) from error


def merge_extra(written: dict[str, Any], extra: str, always: Mapping[str, object]) -> None:
    """Adds the members of an extra_json that `written` has no value of its own for."""
    for name, raw in members_of(extra).items():
        if name not in written or (name in always and written[name] is always[name]):
            written[name] = raw


def text(name: str, *, proto: str = "", required: bool = False) -> Field:
    return Field(name=name, read=text_of, proto=proto, required=required)


def text_or_empty(name: str) -> Field:
    """A text whose field cannot tell "" from unset: "" stays in extra_json."""
    return Field(name=name, read=lambda raw: text_of(raw) or KEEP)


def integer(name: str, bits: int = 64, *, required: bool = False) -> Field:
    """`5.0` and `1e3` are integers to JSON, and read as such."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    read = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=low, le=high)]).decode

    def read_float(raw: Raw) -> Fields:
        try:
            value = float_of(raw)
        except msgspec.ValidationError:
            return {name: read(raw)}  # to say what was found and what is expected
        if value.is_integer() and low <= value <= high:
            return {name: int(value)}
        return {name: read(raw)}

    return Field(name=name, read=read, otherwise=read_float, required=required)


def number(name: str, *, required: bool = False) -> Field:
    return Field(name=name, read=float_of, required=required)


def flag(name: str) -> Field:
    return Field(name=name, read=msgspec.json.Decoder(bool).decode)


def texts(name: str) -> Field:
    exact = msgspec.json.Decoder(list[str]).decode
    return Field(name=name, read=lambda raw: exact(raw) or KEEP, write=list)


def raw_json(name: str, first: str = "", expected: str = "") -> Field:
    """A member that travels as text in `<name>_json`; `first` lists the characters it may start with."""
    starts = first.encode()

    def read(raw: Raw) -> bytes:
        value = bytes(raw)
        if starts and value[0] not in starts:
            raise unlike(raw, expected)
        return check_raw(value)

    return Field(name=name, read=read, write=Raw, proto=f"{name}_json")


def raw_object(name: str) -> Field:
    return raw_json(name, "{", "an object")


def raw_list(name: str) -> Field:
    return raw_json(name, "[", "a list")


def one(name: str, shape: Shape, *, proto: str = "") -> Field:
    """A nested object."""
    read = shape.read
    return Field(name=name, read=lambda raw: read(members_of(raw)), write=shape.write, proto=proto)


def many(name: str, shape: Shape, *, required: bool = False) -> Field:
    """A list of objects of one shape."""
    read, write = shape.read, shape.write

    def read_all(raw: Raw) -> Any:
        return read_rows(rows_of(raw), read) or ([] if required else KEEP)

    def write_all(values: Iterable[Message]) -> list[Any]:
        return [write(value) for value in values]

    return Field(name=name, read=read_all, write=write_all, required=required)


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
        return Field(name=name, read=lambda raw: self.read_all(raws_of(raw)) or KEEP, write=self.write_all)

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
