from hypothesis import given
from hypothesis import strategies as st

from switch_grpc.routing.gate import Gate, GatePolicy, Place, Ticket

POLICY = GatePolicy(limit=2, queue=4, max_wait=0.2)


def full(policy: GatePolicy = POLICY) -> tuple[Gate, list[Ticket]]:
    gate = Gate(policy)
    return gate, [gate.enter(0.0) for _ in range(policy.limit or 0)]


def test_up_to_the_limit_all_enter_then_wait_then_are_refused():
    gate = Gate(POLICY)
    places = [gate.enter(0.0).place for _ in range(7)]
    assert places == [Place.ADMITTED] * 2 + [Place.WAITING] * 4 + [Place.REFUSED]
    assert (gate.inside, gate.waiting) == (2, 4)


def test_without_a_limit_it_counts_only():
    gate = Gate(GatePolicy())
    tickets = [gate.enter(0.0) for _ in range(1000)]
    assert gate.inside == 1000
    for ticket in tickets:
        gate.leave(ticket, 0.0)
    assert gate.inside == 0


def test_whoever_leaves_makes_room_for_the_longest_waiting():
    gate, inside = full()
    first, second = gate.enter(0.0), gate.enter(0.01)
    gate.leave(inside[0], 0.1)
    assert (first.place, second.place) == (Place.ADMITTED, Place.WAITING)
    assert (gate.inside, gate.waiting) == (2, 1)


def test_while_the_queue_is_more_than_half_full_the_newest_goes_first():
    gate, inside = full()
    queue = [gate.enter(number / 100) for number in range(3)]
    gate.leave(inside[0], 0.1)
    assert [ticket.place for ticket in queue] == [Place.WAITING, Place.WAITING, Place.ADMITTED]
    gate.leave(inside[1], 0.1)
    assert [ticket.place for ticket in queue] == [Place.ADMITTED, Place.WAITING, Place.ADMITTED]


def test_who_waited_too_long_is_refused_and_told():
    gate, inside = full()
    told: list[str] = []
    late = gate.enter(0.0, lambda: told.append("late"))
    soon = gate.enter(0.1, lambda: told.append("soon"))
    assert (late.deadline, soon.deadline) == (0.2, 0.1 + 0.2)
    gate.leave(inside[0], 0.25)
    assert (late.place, soon.place) == (Place.REFUSED, Place.ADMITTED)
    assert told == ["late", "soon"]


def test_a_newcomer_takes_the_place_of_one_who_waited_too_long():
    gate, _ = full()
    queue = [gate.enter(0.0) for _ in range(4)]
    assert gate.enter(0.1).place is Place.REFUSED
    assert gate.enter(0.2).place is Place.WAITING
    assert {ticket.place for ticket in queue} == {Place.REFUSED}


def test_whoever_gives_up_waiting_is_forgotten():
    gate, inside = full()
    quitter, patient = gate.enter(0.0), gate.enter(0.0)
    gate.leave(quitter, 0.1)
    gate.leave(inside[0], 0.1)
    assert patient.place is Place.ADMITTED
    assert quitter.place is Place.LEFT


def test_one_admitted_while_giving_up_passes_its_place_on():
    gate, inside = full()
    first, second = gate.enter(0.0), gate.enter(0.0)
    gate.leave(inside[0], 0.1)
    gate.leave(first, 0.1)
    assert second.place is Place.ADMITTED
    assert gate.inside == 2


def test_leaving_twice_is_leaving_once():
    gate, inside = full()
    for _ in range(3):
        gate.leave(inside[0], 0.0)
    refused = [gate.enter(0.0) for _ in range(7)][-1]
    gate.leave(refused, 0.0)
    assert gate.inside == 2


def test_a_reload_lets_in_as_many_as_it_makes_room_for():
    gate, _ = full()
    queue = [gate.enter(0.0) for _ in range(2)]
    gate.adopt(GatePolicy(limit=3, queue=4), 0.1)
    assert [ticket.place for ticket in queue] == [Place.ADMITTED, Place.WAITING]
    gate.adopt(GatePolicy(limit=1, queue=4), 0.1)
    assert (gate.inside, gate.waiting) == (3, 1)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 30), st.floats(0.0, 0.15)),
        max_size=200,
    )
)
def test_it_never_drifts(story: list[tuple[bool, int, float]]):
    """No more inside than the limit, none waits beside a free place, each is told once, and all end at 0."""
    gate, now = Gate(POLICY), 0.0
    tickets: list[Ticket] = []
    told: list[int] = []
    for enters, which, wait in story:
        now += wait
        if enters or not tickets:
            number = len(tickets)
            tickets.append(gate.enter(now, lambda number=number: told.append(number)))  # type: ignore[misc]
        else:
            gate.leave(tickets[which % len(tickets)], now)
        assert gate.inside == sum(ticket.place is Place.ADMITTED for ticket in tickets) <= 2
        assert gate.waiting == sum(ticket.place is Place.WAITING for ticket in tickets) <= 4
        assert gate.waiting == 0 or gate.inside == 2
    assert len(told) == len(set(told))
    for ticket in tickets:
        gate.leave(ticket, now)
    assert (gate.inside, gate.waiting) == (0, 0)
