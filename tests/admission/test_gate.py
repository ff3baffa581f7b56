"""The state of a limit, whatever order things happen in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiocrew.admission.gate import Gate, Ticket


def test_who_came_first_goes_first_over_all_lines() -> None:
    gate: Gate[str] = Gate(1)
    assert gate.enter("loop 1", "a", 0) is None
    second, third = gate.enter("loop 2", "b", 0), gate.enter("loop 1", "c", 0)
    assert second is not None
    assert third is not None
    gate.release()
    assert gate.calls(0) == [second]
    assert not gate.claim(third, 0)
    assert gate.claim(second, 0)
    gate.release()
    assert gate.calls(0) == [third]


def test_a_newcomer_does_not_overtake() -> None:
    gate: Gate[str] = Gate(1)
    gate.enter("l", "a", 0)
    waiter = gate.enter("l", "b", 0)
    gate.release()
    assert gate.enter("l", "c", 0) is not None
    assert waiter is not None
    assert gate.claim(waiter, 0)


def test_a_line_that_does_not_answer_is_passed_over_until_it_does() -> None:
    gate: Gate[str] = Gate(1, patience_s=0.1)
    gate.enter("other", "a", 0)
    blocked, alive = gate.enter("blocked", "b", 0), gate.enter("other", "c", 0)
    assert blocked is not None
    assert alive is not None
    gate.release()
    assert gate.calls(0) == [blocked]
    assert gate.calls(0.05) == []
    assert gate.calls(0.1) == [alive]
    assert gate.claim(alive, 0.1)
    assert not gate.claim(blocked, 0.2)
    gate.release()
    assert gate.calls(0.2) == [blocked]


def test_a_called_waiter_that_leaves_passes_its_turn_on() -> None:
    gate: Gate[str] = Gate(1)
    gate.enter("l", "a", 0)
    first, second = gate.enter("l", "b", 0), gate.enter("l", "c", 0)
    gate.release()
    assert gate.calls(0) == [first]
    assert first is not None
    gate.leave(first)
    assert gate.calls(0) == [second]


@given(st.integers(1, 5), st.integers(1, 40))
def test_a_raised_ceiling_calls_as_many_more(ceiling: int, waiters: int) -> None:
    gate: Gate[int] = Gate(0)
    tickets = [gate.enter("l", n, 0) for n in range(waiters)]
    gate.ceiling = ceiling
    assert gate.calls(0) == tickets[:ceiling]


class AnyOrder(RuleBasedStateMachine):
    """Claimants come, are woken, answer late or never, leave and finish, in three loops of which some are blocked."""

    def __init__(self) -> None:
        super().__init__()
        self.gate: Gate[int] = Gate(2, patience_s=1)
        self.now_s = 0.0
        self.count = 0
        self.in_flight = 0
        self.waiting: list[Ticket[int]] = []
        self.woken: list[Ticket[int]] = []

    def wake(self) -> None:
        self.woken += self.gate.calls(self.now_s)

    def left(self, ticket: Ticket[int]) -> None:
        self.waiting.remove(ticket)
        if ticket in self.woken:
            self.woken.remove(ticket)

    @rule(line=st.integers(0, 2))
    def enter(self, line: int) -> None:
        ticket = self.gate.enter(line, self.count, self.now_s)
        self.count += 1
        if ticket is None:
            self.in_flight += 1
        else:
            self.waiting.append(ticket)

    @precondition(lambda self: self.woken)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.woken))
        self.woken.remove(ticket)
        if self.gate.claim(ticket, self.now_s):
            self.waiting.remove(ticket)
            self.in_flight += 1
        self.wake()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.waiting))
        self.gate.leave(ticket)
        self.left(ticket)
        self.wake()

    @precondition(lambda self: self.in_flight)
    @rule()
    def finish(self) -> None:
        self.gate.release()
        self.in_flight -= 1
        self.wake()

    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.wake()

    @invariant()
    def the_ceiling_holds_and_nothing_leaks(self) -> None:
        assert self.gate.claimed == self.in_flight <= 2
        assert list(self.gate.waiting()) == self.waiting

    @invariant()
    def a_free_slot_has_been_offered(self) -> None:
        if self.gate.free and self.waiting:
            assert self.woken

    def teardown(self) -> None:
        """Let everyone finish: nobody is left waiting, and those who came first are not last."""
        while self.waiting or self.in_flight:
            while self.woken:
                ticket = self.woken.pop(0)
                if self.gate.claim(ticket, self.now_s):
                    assert ticket is self.waiting.pop(self.waiting.index(ticket))
                    self.in_flight += 1
                self.wake()
            assert self.in_flight, "nobody is woken any more"
            self.finish()
        assert self.gate.claimed == 0


TestAnyOrder = AnyOrder.TestCase
