"""The order in which calls have their turn."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiocrew.admission.call import Call
from aiocrew.admission.line import Line

Flow = tuple[str, int]

FLOWS: list[Flow] = [("a", 0), ("b", 0), ("c", 1), ("c", 3), ("d", -2)]


def weight(flow: Flow) -> float:
    return 2.0 ** flow[1]


def pop_all(line: Line) -> list[Call]:
    return [line.pop() for _ in range(len(line))]


class Waiting:
    """Calls in a line, and how often each flow was served while another one waited all the time."""

    def __init__(self) -> None:
        self.line = Line()
        self.waiting: Counter[Flow] = Counter()
        self.served: Counter[tuple[Flow, Flow]] = Counter()

    def push(self, flow: Flow, run: int) -> None:
        self.line.push(Call(flow, run))
        self.waiting[flow] += 1

    def pop(self) -> None:
        flow = self.line.pop().flow
        others = [other for other in FLOWS if other != flow and self.waiting[other]]
        for other in others:
            self.served[flow, other] += 1
        self.waiting[flow] -= 1
        if not self.waiting[flow]:
            for other in FLOWS:
                self.served[flow, other] = self.served[other, flow] = 0

    def check(self) -> None:
        for one, other in itertools.permutations(FLOWS, 2):
            if self.waiting[one] and self.waiting[other]:
                ahead = self.served[one, other] / weight(one) - self.served[other, one] / weight(other)
                assert ahead <= 1 / weight(one) + 1 / weight(other)


@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.sampled_from(FLOWS), st.integers(0, 2), st.sampled_from([1, 1, 2, 30]))),
        max_size=200,
    )
)
def test_while_two_flows_wait_neither_gets_more_than_its_share_and_one(
    steps: list[tuple[Flow, int, int] | None],
) -> None:
    waiting = Waiting()
    for step in steps:
        if step is not None:
            flow, run, calls = step
            for _ in range(calls):
                waiting.push(flow, run)
        elif len(waiting.line):
            waiting.pop()
            waiting.check()
    while len(waiting.line):
        waiting.pop()
        waiting.check()


def test_a_step_of_priority_doubles_the_share() -> None:
    line = Line()
    for priority in (0, 1, 2):
        for _ in range(100):
            line.push(Call(("a tenant", priority)))
    first = Counter(line.pop().flow[1] for _ in range(70))
    assert (first[0], first[1], first[2]) == (10, 20, 40)


def test_the_runs_of_a_tenant_take_turns() -> None:
    line = Line()
    for run in ("a", "b", "c"):
        for _ in range(3):
            line.push(Call(run=run))
    assert [call.run for call in pop_all(line)] == ["a", "b", "c"] * 3


def test_who_comes_again_is_the_first_of_its_tenant() -> None:
    line = Line()
    calls = [Call(run="a"), Call(run="b"), Call(run="a"), Call(run="b", again=True)]
    for call in calls:
        line.push(call)
    assert pop_all(line) == [calls[3], calls[0], calls[1], calls[2]]


def test_who_was_away_has_saved_up_nothing() -> None:
    line = Line()
    line.push(Call(("away", 0)))
    line.pop()
    for _ in range(100):
        line.push(Call(("there", 0)))
    for _ in range(50):
        line.pop()
    for _ in range(50):
        line.push(Call(("away", 0)))
    assert Counter(line.pop().flow[0] for _ in range(20)) == {"away": 10, "there": 10}


@pytest.mark.parametrize("times", [10, 1_000])
@pytest.mark.parametrize("calls", [1, 5, 40])
def test_a_small_tenant_beside_a_large_one_waits_at_most_twice_as_long_as_alone(calls: int, times: int) -> None:
    line = Line()
    for number in range(calls * times):
        line.push(Call(("large", 0), number % 7))
    for _ in range(3):
        line.pop()
    for _ in range(calls):
        line.push(Call(("small", 0)))
    # One is served in each step, so alone the last of them is served in step `calls`.
    order = [line.pop().flow[0] for _ in range(2 * calls + 1)]
    assert order.count("small") == calls


def test_among_many_tenants_with_long_lines_a_new_one_waits_for_one_call_of_each() -> None:
    line = Line()
    for number in range(200 * 50):
        line.push(Call((f"tenant {number % 200}", 0)))
    for _ in range(777):
        line.pop()
    line.push(Call(("new", 0)))
    order = [line.pop().flow[0] for _ in range(201)]
    assert "new" in order
    assert max(Counter(order).values()) <= 2


def test_flows_that_are_gone_are_forgotten() -> None:
    line = Line()
    for number in range(10_000):
        line.push(Call((f"tenant {number}", 0)))
        line.pop()
    assert len(line._flows) <= 100


def test_nobody_waits_in_an_empty_line() -> None:
    with pytest.raises(LookupError):
        Line().pop()


class AnyOrder(RuleBasedStateMachine):
    """Calls are added, taken out, put back and removed in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.inside: list[Call] = []
        self.out: list[Call] = []

    @rule(flow=st.sampled_from(FLOWS), run=st.integers(0, 2), again=st.booleans())
    def push(self, flow: Flow, run: int, again: bool) -> None:
        call = Call(flow, run, again=again)
        self.line.push(call)
        self.inside.append(call)

    @precondition(lambda self: self.inside)
    @rule()
    def pop(self) -> None:
        call = self.line.pop()
        self.inside.remove(call)
        self.out.append(call)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.out))
        self.out.remove(call)
        again = call.again
        self.line.give_back(call)
        assert call.again == again
        self.inside.append(call)

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.inside))
        self.line.remove(call)
        self.inside.remove(call)

    @invariant()
    def they_are_all_there_once(self) -> None:
        assert len(self.line) == len(self.inside)
        assert Counter(map(id, self.line)) == Counter(map(id, self.inside))

    def teardown(self) -> None:
        assert set(map(id, pop_all(self.line))) == set(map(id, self.inside))
        assert len(self.line) == 0


TestAnyOrder = AnyOrder.TestCase


def test_a_call_that_is_put_back_costs_its_flow_no_turn() -> None:
    line = Line()
    for _ in range(20):
        line.push(Call(("one", 0)))
        line.push(Call(("other", 0)))
    for _ in range(10):
        line.give_back(line.pop())
    assert Counter(line.pop().flow[0] for _ in range(10)) == {"one": 5, "other": 5}
