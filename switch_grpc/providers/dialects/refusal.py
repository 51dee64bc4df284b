"""Refusals in a target's name: what its provider cannot do, so that another target may."""

from collections.abc import Callable

from switch_grpc.faults import Fault, Kind
from switch_grpc.providers.dialects.base import Binding

# The fault for a field by its JSON path, and what cannot be done with it.
Cannot = Callable[[str, str], Fault]


def cannot_of(binding: Binding) -> Cannot:
    """Makes Faults(CAPABILITY) that name the field and the target."""

    def cannot(param: str, what: str) -> Fault:
        return Fault(
            Kind.CAPABILITY,
            f"{param}: target {binding.target!r} ({binding.provider}) cannot take {what}",
            param=param,
            code="unsupported_parameter",
            target=binding.target,
        )

    return cannot
