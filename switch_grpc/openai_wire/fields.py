"""The machinery of the field maps: one table per message type, used in both directions.

A `Shape` holds a message type's fields. Reading turns raw JSON members into the keyword arguments of the
message's constructor (plain dictionaries, so that a whole request becomes messages in one call); writing
walks the fields that are set. What the table does not know goes to `extra_json` and comes back from there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec import Raw

from switch_grpc.openai_wire.guard import Excess, Members, check_raw
from switch_grpc.openai_wire.misfit import Misfit, misfit, missing

Fields = dict[str, Any]  # keyword arguments of a message: any JSON scalar, dictionaries and lists of them
Reader = Callable[[Raw], Any]
Writer = Callable[[Any], Any]

NULL: Final = Raw(b"null")
KEEP: Final = object()  # a reader's answer for a value that only extra_json can hold, such as an empty list

encode: Final = msgspec.json.Encoder().encode
members_of: Final = msgspec.json.Decoder(Members).decode


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
        return Misfit("found null, expected a value", name) if name in members else missing(name)

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
