"""Which way requests leave, and what that loads."""

import subprocess
import sys

import pytest

from switch_grpc.upstream.direct import DirectUpstream
from switch_grpc.upstream.lanes import open_upstream
from switch_grpc.upstream.proxied import ProxiedUpstream


@pytest.mark.parametrize(
    ("proxy", "lane"), [(None, DirectUpstream), ("http://proxy.example:3128", ProxiedUpstream)]
)
async def test_a_proxy_decides_the_lane(proxy: str | None, lane: type[object]):
    made = open_upstream(proxy=proxy)
    await made.close()
    assert type(made) is lane


def test_without_a_proxy_aiohttp_is_not_loaded():
    """It costs 17 MB and 0.2 s."""
    script = "import sys, switch_grpc.assembly, switch_grpc.gateway; print('aiohttp' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
