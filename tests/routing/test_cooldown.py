import math

from switch_grpc.routing.cooldown import Cooldown


def test_without_a_hint_it_cools_5_10_20_40_60_60_seconds():
    cooldown, now, seconds = Cooldown(), 0.0, []
    for _ in range(6):
        seconds.append(cooldown.cool(now) - now)
        now = cooldown.until
    assert seconds == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_the_providers_own_wait_counts_up_to_ten_minutes():
    assert Cooldown().cool(1.0, 7.5) == 8.5
    assert Cooldown().cool(1.0, 86_400.0) == 601.0
    assert Cooldown().cool(1.0, -5.0) == 1.0


def test_it_is_never_shortened():
    cooldown = Cooldown()
    cooldown.cool(0.0, 100.0)
    assert cooldown.cool(1.0, 1.0) == 100.0
    assert cooldown.cool(1.0) == 100.0
    cooldown.succeeded()
    assert cooldown.until == 100.0


def test_it_cools_up_to_its_end():
    cooldown = Cooldown()
    assert not cooldown.is_cooling(0.0)
    cooldown.cool(0.0, 10.0)
    assert cooldown.is_cooling(math.nextafter(10.0, 0.0))
    assert not cooldown.is_cooling(10.0)


def test_fifty_refusals_at_once_are_one_step():
    """They were sent before the target began to cool."""
    cooldown = Cooldown()
    assert {cooldown.cool(0.0) for _ in range(50)} == {5.0}
    assert cooldown.cool(5.0) == 15.0


def test_a_success_puts_the_ladder_back():
    cooldown = Cooldown()
    cooldown.cool(0.0)
    cooldown.cool(5.0)
    cooldown.succeeded()
    assert cooldown.cool(20.0) == 25.0


def test_a_named_wait_is_no_step():
    cooldown = Cooldown()
    cooldown.cool(0.0, 1.0)
    assert cooldown.cool(0.5) == 5.5


def test_reset_ends_it():
    cooldown = Cooldown()
    cooldown.cool(0.0)
    cooldown.clear()
    assert not cooldown.is_cooling(0.0)
    assert cooldown.cool(0.0) == 5.0
