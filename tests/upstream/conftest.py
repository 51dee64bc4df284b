"""What passes through sockets passes on both event loops: asyncio's, and uvloop's, which serves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from switch_grpc.upstream.direct import DirectUpstream

BOTH = ("test_contract", "test_direct")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.stem.startswith(BOTH):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """aiohttp's lane is for comparison, and one loop is enough for that."""
    items[:] = [item for item in items if "[uvloop-proxied" not in item.name]


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[DirectUpstream]:
    made = DirectUpstream()
    yield made
    await made.close()
