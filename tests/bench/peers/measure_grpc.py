"""Requests and streamed messages per second over gRPC, by h2load."""

import re
import subprocess
from dataclasses import dataclass

from tests.bench.peers.process import Running, Unusable, pinned, tool
from tests.bench.peers.rounds import STREAM_URL, UNARY_URL, Figures, Plan, launched, medians
from tests.bench.peers.usage import Bench, Usage

_SERVICE = "/switch.v1.SwitchService"
_WARM_UP = 500  # requests
_SLACK = 0.1  # by which answers may differ in size: ids, digits of times


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """An RPC to load, and how a true answer to it looks."""

    name: str
    kind: str
    answer_bytes: int
    messages: int


def grpc(plan: Plan, bench: Bench) -> list[Figures]:
    """Of the peers that speak switch.v1."""
    tool("h2load", "nghttp2-client")
    ours = Plan(peers=[name for name in plan.peers if name == "switch"], rounds=plan.rounds, secs=plan.secs)
    rows: list[Figures] = []
    stream_url = f"{STREAM_URL}/s/{plan.chunks}/{plan.gap_ms:g}"
    for name, kind, url in (("Chat", "unary", UNARY_URL), ("StreamChat", "stream", stream_url)):
        with launched(ours, [url], bench, rows) as live:
            for running in live:
                method = _method(running, bench, name, kind)
                count = round(plan.secs * _once(running, bench, method, _WARM_UP)["rps"])
                runs = [_once(running, bench, method, count) for _ in range(plan.rounds)]
                rows.append({"peer": running.name, "kind": kind, **medians(runs), "runs": runs})
    return rows


def _method(running: Running, bench: Bench, name: str, kind: str) -> Method:
    sizes = running.load("load_grpc", "sizes", "--out", str(bench.work))
    messages = sizes["stream_messages"] if kind == "stream" else 1
    return Method(name=name, kind=kind, answer_bytes=sizes[f"{kind}_bytes"], messages=messages)


def _once(running: Running, bench: Bench, method: Method, count: int) -> Figures:
    """Asks `count` times: h2load would count the bytes of calls that a time limit cuts off."""
    headers = {"content-type": "application/grpc", "te": "trailers", **running.peer.headers}
    words = ["h2load", "-t1", "-c8", "-m8", f"-n{max(_WARM_UP, count)}"]
    words += [part for name, value in headers.items() for part in ("-H", f"{name.lower()}: {value}")]
    words += ["-d", str(bench.work / f"{method.kind}.bin")]
    url = f"http://{running.peer.grpc}{_SERVICE}/{method.name}"
    usage = Usage(bench, running.pid)
    done = subprocess.run(pinned(bench.load_cpu, [*words, url]), capture_output=True, text=True, check=False)
    return _figures(done.stdout, usage.read(), method)


def _figures(output: str, used: dict[str, float], method: Method) -> Figures:
    """Raises Unusable where the bytes per answer tell of errors."""
    requests = re.search(r"(\d+) done, (\d+) succeeded", output)
    data = re.search(r"\((\d+)\) data$", output, re.MULTILINE)
    rate = re.search(r"finished in [0-9.]+m?s, ([0-9.]+) req/s", output)
    if requests is None or data is None or rate is None:
        raise Unusable(f"h2load: {output[-500:]}")
    done = int(requests[1])
    size = int(data[1]) / max(1, done)
    if abs(size - method.answer_bytes) > _SLACK * method.answer_bytes:
        raise Unusable(f"{method.name}: {size:.0f} bytes per answer, not {method.answer_bytes}: errors")
    return {
        "rps": float(rate[1]),
        "messages_s": round(float(rate[1]) * method.messages, 1),
        "cpu_ms_per_request": round(used["gateway_cpu_s"] * 1e3 / max(1, done), 4),
        "bad": done - int(requests[2]),
        **used,
    }
