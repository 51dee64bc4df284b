"""What tests of the gateway as a process share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from switch_grpc.mock.server import MockServer


@pytest_asyncio.fixture
async def mock() -> AsyncIterator[MockServer]:
    async with MockServer() as made:
        yield made
