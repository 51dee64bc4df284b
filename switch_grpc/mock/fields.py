"""Reads typed values out of decoded JSON, and refuses others in OpenAI's words.

Every reader takes the value and its path in the body, and gives None for an absent or null one.
"""

from collections.abc import Collection
from typing import TypeAlias

from switch_grpc.mock.failures import Refused, invalid

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def wrong_type(value: Json, path: str, expected: str) -> Refused:
    got = _kind(value)
    return invalid(
        f"Invalid type for '{path}': expected {expected}, but got {got} instead.",
        param=path,
        code="invalid_type",
    )


def missing(path: str) -> Refused:
    return invalid(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def flag(value: Json, path: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise wrong_type(value, path, "a boolean")


def integer(value: Json, path: str, low: int | None = None, high: int | None = None) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, path, "an integer")
    _check_range(value, path, "integer", low, high)
    return value


def number(value: Json, path: str, low: float | None = None, high: float | None = None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(value, path, "a decimal")
    _check_range(value, path, "decimal", low, high)
    return float(value)


def _check_range(value: float, path: str, word: str, low: float | None, high: float | None) -> None:
    if low is not None and value < low:
        raise invalid(
            f"Invalid '{path}': {word} below minimum value. Expected a value >= {low}, "
            f"but got {value} instead.",
            param=path,
            code=f"{word}_below_min_value",
        )
    if high is not None and value > high:
        raise invalid(
            f"Invalid '{path}': {word} above maximum value. Expected a value <= {high}, "
            f"but got {value} instead.",
            param=path,
            code=f"{word}_above_max_value",
        )


def string(value: Json, path: str, among: Collection[str] = ()) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    if among and value not in among:
        values = ", ".join(f"'{one}'" for one in among)
        raise invalid(
            f"Invalid value: '{value}'. Supported values are: {values}.", param=path, code="invalid_value"
        )
    return value


def array(value: Json, path: str) -> list[Json] | None:
    if value is None or isinstance(value, list):
        return value
    raise wrong_type(value, path, "an array")


def record(value: Json, path: str) -> dict[str, Json] | None:
    if value is None or isinstance(value, dict):
        return value
    raise wrong_type(value, path, "an object")


def needed_string(value: Json, path: str, among: Collection[str] = ()) -> str:
    text = string(value, path, among)
    if text is None:
        raise missing(path)
    return text


def needed_record(value: Json, path: str) -> dict[str, Json]:
    found = record(value, path)
    if found is None:
        raise missing(path)
    return found
