"""What processes and cores use, read from /proc."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where things run. `home` holds the installed peers, `work` configuration and logs."""

    home: Path
    work: Path
    gateway_cpu: int = 0
    load_cpu: int = 1


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found, left = [], [pid]
    while left:
        parent = left.pop()
        found.append(parent)
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                left += [int(child) for child in children.read_text().split()]
            except OSError:  # it has ended meanwhile
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants."""
    ticks = 0
    for process in _tree(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def memory_mb(pid: int) -> float:
    """Proportional set size of a process and its descendants: shared pages count once."""
    kilobytes = 0
    for process in _tree(pid):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(kilobytes / 1024, 1)


def _core_busy(cpu: int) -> tuple[float, float]:
    """Seconds that a core was busy, and in all, since boot."""
    line = next(x for x in Path("/proc/stat").read_text().splitlines() if x.startswith(f"cpu{cpu} "))
    ticks = [int(x) for x in line.split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS, sum(ticks) / _TICKS


class Usage:
    """What a gateway and the cores used between two moments."""

    def __init__(self, bench: Bench, pid: int | None) -> None:
        self._bench, self._pid = bench, pid
        self._cpu = cpu_seconds(pid) if pid else 0.0
        self._load = _core_busy(bench.load_cpu)
        self._began = time.perf_counter()

    def read(self) -> dict[str, float]:
        """`load_core` near 1 says that the load, not the gateway, set the pace: no measurement."""
        cpu = cpu_seconds(self._pid) - self._cpu if self._pid else 0.0
        busy, total = (
            new - old for new, old in zip(_core_busy(self._bench.load_cpu), self._load, strict=True)
        )
        return {
            "gateway_cpu_s": round(cpu, 3),
            "gateway_core": round(cpu / (time.perf_counter() - self._began), 3),
            "load_core": round(busy / total, 3) if total else 0.0,
        }
