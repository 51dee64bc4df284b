"""Comparing JSON by value: numbers as written, objects without regard to order."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any


def exact(text: str | bytes) -> Any:
    """The value of a JSON text, with every digit of its numbers."""
    return json.loads(text, parse_float=Decimal)


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of everything that differs; `...` stands for a member that is not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            here = f"{path}.{name}"
            if name not in before or name not in after:
                yield here, before.get(name, ...), after.get(name, ...)
            else:
                yield from differences(before[name], after[name], here)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            yield from differences(old, new, f"{path}[]")
    elif isinstance(before, bool) != isinstance(after, bool) or before != after:
        yield path, before, after
