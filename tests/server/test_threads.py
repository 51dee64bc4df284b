"""The threads of gRPC's core give way to the event loop."""

import os
import threading
from pathlib import Path

import pytest

from switch_grpc.server.threads import giving_way
from tests.support.commands import at, serving, written


def policy_of_a_new_thread() -> int:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return seen[0]


def names_of_threads(pid: int) -> dict[int, str]:
    return {
        int(task.name): (task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()
    }


def test_a_thread_started_within_has_another_policy_and_its_starter_keeps_its_own():
    usual = os.sched_getscheduler(0)
    with giving_way():
        assert policy_of_a_new_thread() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == usual
    assert policy_of_a_new_thread() == usual


def test_the_starters_policy_comes_back_after_an_error():
    usual = os.sched_getscheduler(0)
    with pytest.raises(ZeroDivisionError), giving_way():
        raise ZeroDivisionError
    assert os.sched_getscheduler(0) == usual


def test_where_the_kernel_forbids_it_threads_start_all_the_same(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    usual = os.sched_getscheduler(0)
    with giving_way():
        assert policy_of_a_new_thread() == usual


def test_where_there_is_no_such_policy_threads_start_all_the_same(monkeypatch: pytest.MonkeyPatch):
    usual = os.sched_getscheduler(0)
    monkeypatch.delattr(os, "SCHED_BATCH")
    with giving_way():
        assert policy_of_a_new_thread() == usual


async def test_in_a_gateway_the_threads_of_grpcs_core_give_way_and_the_event_loop_does_not(
    tmp_path: Path,
):
    models = {"lite": {"providers": [at("http://127.0.0.1:9")]}}
    async with serving(written(tmp_path, models)) as served:
        pid = served.command.pid
        names = names_of_threads(pid)
        workers = [task for task, name in names.items() if name == "event_engine"]
        assert workers, names
        assert {os.sched_getscheduler(task) for task in workers} == {os.SCHED_BATCH}
        assert os.sched_getscheduler(pid) == os.SCHED_OTHER
