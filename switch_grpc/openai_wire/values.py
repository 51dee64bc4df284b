"""Fields by the kind of value they hold: texts, numbers, raw JSON, objects, lists, and unions of objects."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.fields import KEEP, NULL, Field, Fields, Shape, members_of
from switch_grpc.openai_wire.guard import Excess, Members, check_raw
from switch_grpc.openai_wire.misfit import Misfit, misfit, unlike

raws_of: Final = msgspec.json.Decoder(list[Raw]).decode
rows_of: Final = msgspec.json.Decoder(list[Members]).decode
text_of: Final = msgspec.json.Decoder(str).decode
float_of: Final = msgspec.json.Decoder(float).decode


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
