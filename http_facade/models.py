"""GET /v1/models and /v1/models/{id}: the routes that a key may use, as OpenAI lists models."""

import msgspec

from http_facade.backend import Backend
from http_facade.caller import Caller
from switch_grpc.faults import Fault, Kind
from switch_grpc.permit import Permit
from switch_grpc.v1 import switch_pb2

OWNER = "switch"


class Models:
    """The handlers of both paths. A listed model has a `switch` object: no address, no credential."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def all(self, caller: Caller, permit: Permit) -> None:
        listed = await self._backend.models(permit)
        await _answer(caller, {"object": "list", "data": [model_object(model) for model in listed.models]})

    async def one(self, caller: Caller, permit: Permit) -> None:
        """Raises Fault(UNKNOWN_ROUTE), also for a route that the key may not use."""
        name = caller.scope["path_params"]["id"]
        for model in (await self._backend.models(permit)).models:
            if name == model.id or name in model.aliases:
                await _answer(caller, model_object(model))
                return
        raise Fault(
            Kind.UNKNOWN_ROUTE,
            f"the model {name[:200]!r} does not exist, or this key may not use it; see GET /v1/models",
            param="model",
        )


def model_object(model: switch_pb2.Model) -> dict[str, object]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": OWNER,
        "switch": {
            "strategy": model.strategy,
            "aliases": list(model.aliases),
            "targets": [
                {
                    "name": target.name,
                    "provider": target.provider,
                    "model": target.model,
                    "priority": target.priority,
                    "weight": target.weight,
                }
                for target in model.targets
            ],
        },
    }


async def _answer(caller: Caller, value: object) -> None:
    await caller.answer(200, [(b"content-type", b"application/json")], msgspec.json.encode(value))
