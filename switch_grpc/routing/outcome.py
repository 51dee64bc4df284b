"""What an attempt came to, as breaker and load see it: a success, or a fault's effect."""

import enum
from typing import Final, Literal

from switch_grpc.faults import Effect


class _Success(enum.Enum):
    SUCCEEDED = "succeeded"


SUCCEEDED: Final = _Success.SUCCEEDED
Outcome = Effect | Literal[_Success.SUCCEEDED]
