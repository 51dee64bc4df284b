"""How the kernel schedules the threads that gRPC's core starts for itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def giving_way() -> Iterator[None]:
    """Threads started within do not interrupt a running one when they wake up (Linux; elsewhere nothing).

    gRPC's core hands each event on from thread to thread, and wakes the next one up to seven times a call. On
    a core that they share, each time is a switch away from the event loop and back; scheduled as SCHED_BATCH
    (sched(7)) they take turns when it waits: 0.76 ms of CPU a unary call where it was 0.93, both measured in
    turns by h2load. On cores of their own nothing changes; beside another process that takes all of the core
    a call waits about a millisecond longer.

    A thread takes its policy from the one that starts it, and a process needs no privilege for this one.
    """
    if not hasattr(os, "SCHED_BATCH"):
        yield
        return
    usual = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):  # a sandbox may forbid it: then they run as all others do
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, *usual)
