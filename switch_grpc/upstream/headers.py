"""An answer's header fields as they came, decoded when somebody looks."""

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Looks names up without regard to case. A field that came several times is one, joined by ", "."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        """`fields`: names in lower case."""
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower().encode("latin-1", "replace")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"  # a value may be a secret
