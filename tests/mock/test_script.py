"""The script language: what a model name asks for, and how a wrong one is refused."""

import pytest

from switch_grpc.mock.failures import FAILURES
from switch_grpc.mock.script import Fault, Script, ScriptError, calm, parse_script


def test_a_plain_name_asks_for_nothing():
    assert parse_script("gpt-4o-mini") == Script(name="gpt-4o-mini")


def test_keys_and_toggles_come_in_any_order_and_milliseconds_become_seconds():
    assert parse_script("mock;tool;status=503;retry-after=1;delay=250;every=2;reasoning") == Script(
        name="mock", status=503, retry_after="1", delay=0.25, every=2, tool=True, reasoning=True
    )


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_written_as_its_value(fault: Fault):
    assert parse_script(f"mock;fault={fault.value}").fault is fault


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        ("mock;stauts=503", "stauts", "unknown script key 'stauts'"),
        ("mock;status", "status", "needs a value"),
        ("mock;status=200", "status", "from 300 to 599"),
        ("mock;status=5e2", "status", "from 300 to 599"),
        ("mock;status=503;status=500", "status", "given twice"),
        ("mock;fault=explode", "fault", "close-after"),
        ("mock;error=nonsense", "error", "insufficient_quota"),
        ("mock;gap=-1", "gap", "milliseconds"),
        ("mock;delay=1s", "delay", "milliseconds"),
        ("mock;every=0", "every", "from 1"),
        ("mock;ping=0", "ping", "1 or more"),
        ("mock;tool=yes", "tool", "takes no value"),
        ("mock;retry-after=1\r\nx: y", "retry-after", "printable ASCII"),
        ("mock;;status=503", "", "unknown script key ''"),
    ],
)
def test_a_wrong_script_is_refused_by_the_key_at_fault(model: str, key: str, words: str):
    with pytest.raises(ScriptError, match=words) as caught:
        parse_script(model)
    assert caught.value.key == key


def test_times_fails_the_first_n_and_every_fails_each_nth():
    twice, third, both = (
        parse_script(f"mock;status=500;{keys}") for keys in ("times=2", "every=3", "every=2;times=2")
    )
    assert [n for n in range(1, 10) if twice.failing(n)] == [1, 2]
    assert [n for n in range(1, 10) if third.failing(n)] == [3, 6, 9]
    assert [n for n in range(1, 10) if both.failing(n)] == [2, 4]


def test_a_calm_script_keeps_the_shape_and_drops_the_failing():
    script = parse_script("mock;status=500;fault=cut;delay=5000;ttft=10;retry-after=1;chunks=7;gap=2;tool")
    assert calm(script) == Script(name="mock", chunks=7, gap=0.002, tool=True)


def test_status_alone_takes_the_usual_error_and_a_named_error_its_usual_status():
    assert parse_script("mock;status=429").failure() == FAILURES["rate_limit_exceeded"]
    quota = parse_script("mock;error=insufficient_quota").failure()
    assert quota is not None
    assert (quota.status, quota.code) == (429, "insufficient_quota")
    assert parse_script("mock").failure() is None


def test_status_type_and_code_override_the_row():
    """Together answers 403 to a prompt that is too long, where OpenAI says 400."""
    found = parse_script("mock;error=context_length_exceeded;status=403;code=too_long;type=odd").failure()
    assert found is not None
    assert (found.status, found.type, found.code) == (403, "odd", "too_long")


def test_a_status_without_a_row_still_has_a_body():
    found = parse_script("mock;status=520").failure()
    assert found is not None
    assert (found.status, found.type) == (520, "server_error")
