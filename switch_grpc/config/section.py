"""What every part of the file has in common: strictness, camelCase keys, and the types of its values."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

YEAR_MS: Final = 31_536_000_000


class Section(BaseModel):
    """An object in the file: no conversions between types, no unknown keys, camelCase as written."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        """Itself, as it is frozen: pydantic copies a default for each object that does not set it."""
        return self

    @classmethod
    def key_of(cls, name: str) -> str:
        """The key in the file for an attribute: `max_retries` -> `maxRetries`."""
        return cls.model_fields[name].alias or name


Milliseconds = Annotated[int, Field(gt=0, le=YEAR_MS)]
Delay = Annotated[int, Field(ge=0, le=YEAR_MS)]  # milliseconds, where none is a choice
Seconds = Annotated[int, Field(ge=0, le=YEAR_MS // 1000)]
Hours = Annotated[int, Field(gt=0, le=8760)]
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
Bytes = Annotated[int, Field(ge=1024, le=2**30)]
ConnectionMs = Annotated[int, Field(gt=0, le=86_400_000)]  # gRPC takes no more than 24 days
Percent = Annotated[float, Field(ge=0, le=100)]
Dollars = Annotated[float, Field(ge=0, le=1000)]  # US dollars per token

# A target's name goes out in X-Used-Provider, so it is visible ASCII; a route's name travels in JSON only.
TargetName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+( [!-~]+)*$")]
RouteName = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f\x7f]+( [^\s\x00-\x1f\x7f]+)*$")
]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Variable = Annotated[
    str, Field(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
]  # an environment variable's name
Path = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]

# Any JSON: passed on as written, so it is not looked into.
Json = object
