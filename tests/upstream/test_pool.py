"""Idle connections: the one used last is the next, and what idles too long is let go."""

from switch_grpc.upstream.pool import Pool


def test_the_one_that_was_used_last_is_the_next():
    pool: Pool[str, str] = Pool(30.0)
    for now, each in enumerate("abc"):
        pool.put("x", each, float(now))
    assert [pool.take("x", 3.0) for _ in range(4)] == ["c", "b", "a", None]


def test_an_origin_gets_its_own_connections_only():
    pool: Pool[str, str] = Pool(30.0)
    pool.put("x", "a", 0.0)
    assert pool.take("y", 1.0) is None
    assert pool.take("x", 1.0) == "a"


def test_what_has_idled_too_long_is_not_taken_but_expires():
    pool: Pool[str, str] = Pool(30.0)
    pool.put("x", "a", 0.0)
    pool.put("x", "b", 10.0)
    assert pool.take("x", 40.0) is None
    assert sorted(pool.expire(35.0)) == ["a"]
    assert pool.expire(40.0) == ["b"]
    assert len(pool) == 0


def test_the_next_expiry_is_the_oldests():
    pool: Pool[str, str] = Pool(30.0)
    assert pool.next_expiry() is None
    pool.put("x", "a", 5.0)
    pool.put("y", "b", 1.0)
    assert pool.next_expiry() == 31.0
    assert pool.expire(31.0) == ["b"]
    assert pool.next_expiry() == 35.0


def test_a_connection_that_has_ended_is_forgotten():
    pool: Pool[str, str] = Pool(30.0)
    pool.put("x", "a", 0.0)
    pool.put("x", "b", 0.0)
    pool.drop("x", "b")
    pool.drop("x", "b")
    pool.drop("y", "c")
    assert (len(pool), pool.take("x", 1.0), pool.take("x", 1.0)) == (1, "a", None)


def test_a_connection_that_is_used_again_is_young_again():
    pool: Pool[str, str] = Pool(30.0)
    pool.put("x", "a", 0.0)
    assert pool.take("x", 29.0) == "a"
    pool.put("x", "a", 29.0)
    assert pool.take("x", 58.0) == "a"
