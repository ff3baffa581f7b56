"""Who may go now, whatever order things happen in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aiocrew.admission.call import Call, State
from aiocrew.admission.headers import Quota, Told
from aiocrew.admission.provider import ProviderController
from aiocrew.types.limits import Limits

LINES = ("loop 1", "loop 2", "loop 3")


def one_at_a_time() -> ProviderController:
    return ProviderController(Limits(max_in_flight=1))


def begun(controller: ProviderController, now_s: float = 0.0, line: str = "loop 1") -> Call:
    call = Call()
    assert controller.enter(call, line, now_s)
    return call


def waiting(
    controller: ProviderController, now_s: float = 0.0, line: str = "loop 1", *, unbounded: bool = False
) -> Call:
    call = Call(unbounded=unbounded)
    assert not controller.enter(call, line, now_s)
    return call


def test_who_came_first_goes_first_over_all_loops() -> None:
    controller = one_at_a_time()
    first = begun(controller)
    second, third = waiting(controller, line="loop 2"), waiting(controller)
    controller.ended(first)
    assert controller.calls(0) == [second]
    assert not controller.claim(third, 0)
    assert controller.claim(second, 0)
    controller.ended(second)
    assert controller.calls(0) == [third]


def test_a_newcomer_does_not_overtake() -> None:
    controller = one_at_a_time()
    first = begun(controller)
    waiter = waiting(controller)
    controller.ended(first)
    waiting(controller)
    assert controller.calls(0) == [waiter]
    waiting(controller)


def test_a_call_that_was_called_and_leaves_passes_its_turn_on() -> None:
    controller = one_at_a_time()
    holder = begun(controller)
    first, second = waiting(controller), waiting(controller)
    controller.ended(holder)
    assert controller.calls(0) == [first]
    controller.leave(first, 0)
    assert controller.calls(0) == [second]


def test_a_loop_that_does_not_answer_is_passed_over_until_it_does() -> None:
    controller = one_at_a_time()
    holder = begun(controller)
    blocked = [waiting(controller, line="blocked") for _ in range(3)]
    alive = [waiting(controller), waiting(controller)]
    controller.ended(holder)
    assert controller.calls(0.0) == [blocked[0]]
    assert controller.calls(0.05) == []
    assert controller.calls(0.1) == [alive[0]]
    assert controller.claim(alive[0], 0.1)
    assert not controller.claim(blocked[0], 0.2)  # it moves, and is in line again, in front of those who came later
    controller.ended(alive[0])
    for call in (*blocked, alive[1]):
        assert controller.calls(0.2) == [call]
        assert controller.claim(call, 0.2)
        controller.ended(call)


def test_one_loop_alone_may_take_its_time() -> None:
    controller = one_at_a_time()
    holder = begun(controller)
    waiter = waiting(controller)
    controller.ended(holder)
    assert controller.calls(0) == [waiter]
    assert controller.calls(10) == []
    assert controller.claim(waiter, 10)


def test_what_blocks_a_loop_waits_for_no_slot_and_is_counted() -> None:
    controller = one_at_a_time()
    begun(controller)
    call = Call(unbounded=True)
    assert controller.enter(call, "loop 2", 0)
    assert (controller.in_flight, controller.unbounded) == (2, 1)
    controller.ended(call)
    assert (controller.in_flight, controller.unbounded) == (1, 0)


def test_what_blocks_a_loop_waits_for_pauses() -> None:
    controller = ProviderController()
    controller.overloaded(begun(controller), 5.0, 0.0, 0.0)
    call = waiting(controller, unbounded=True)
    assert controller.calls(4.9) == []
    assert controller.next_s(4.9) == 5.0
    assert controller.calls(5.0) == [call]
    assert controller.claim(call, 5.0)


def test_a_rate_is_probed_where_all_that_wait_for_it_block_a_loop() -> None:
    controller = ProviderController()
    controller.rejected(begun(controller), 0.0, None, 0.0, 0.0)
    learned = controller.rules.learned
    assert learned is not None
    before = learned.rate
    waiting(controller, 0.0, unbounded=True)
    for tenth in range(1, 50):
        for call in controller.calls(tenth / 10):
            controller.claim(call, tenth / 10)
            waiting(controller, tenth / 10, unbounded=True)
    assert learned.rate > before


@pytest.mark.parametrize("unbounded", [False, True])
@pytest.mark.parametrize("by", ["rejected", "overloaded"])
def test_who_was_called_before_a_pause_began_waits_for_its_end(by: str, unbounded: bool) -> None:
    controller = ProviderController()
    controller.overloaded(begun(controller), 1.0, 0.0, 0.0)
    calls = [waiting(controller, 0.0, unbounded=unbounded) for _ in range(3)]
    told = controller.calls(1.0)
    assert told == calls
    assert controller.claim(calls[0], 1.0)
    if by == "rejected":
        controller.rejected(calls[0], 8.0, None, 1.0, 0.0)
    else:
        controller.overloaded(calls[0], 8.0, 1.0, 0.0)
    assert not controller.claim(calls[1], 1.0)
    assert not controller.claim(calls[2], 1.0)
    assert (controller.waiting, controller.called, controller.in_flight) == (2, 0, 0)
    assert controller.calls(8.9) == []
    assert controller.calls(9.0)[0] is calls[1]


def test_a_pause_is_two_minutes_at_most_and_a_little_more_by_chance() -> None:
    controller = ProviderController()
    controller.overloaded(begun(controller), 99_999.0, 0.0, 0.5)
    assert controller.rules.paused_until_s == 120.5


def test_a_ceiling_is_probed_after_the_longest_pause_however_long_the_provider_asks_to_wait() -> None:
    controller = ProviderController()
    controller.rejected(begun(controller), 86_400.0, None, 0.1, 0.0)
    controller.ceiling.wanted(1.0)
    assert (controller.ceiling.next_s() or 0.0) < 600.0


def test_a_refusal_in_the_midst_of_a_reply_does_not_slow_the_probes_to_the_pace_of_replies() -> None:
    controller = ProviderController()
    controller.rejected(begun(controller), None, None, 300.0, 0.0)
    controller.ceiling.wanted(301.0)
    assert (controller.ceiling.next_s() or 0.0) <= 330.0


def test_when_the_last_one_who_waited_has_given_up_the_ceiling_grows_no_more() -> None:
    controller = ProviderController()
    calls = [begun(controller) for _ in range(16)]
    gone = waiting(controller)
    controller.calls(0.0)
    controller.leave(gone, 0.0)
    for number, call in enumerate(calls):
        controller.accepted(call, None, None, 1.0 + number)
    assert controller.ceiling.value == 16


def test_a_second_rejection_of_a_burst_does_not_spread_the_pause_further() -> None:
    controller = ProviderController()
    first, second = begun(controller), begun(controller)
    controller.rejected(first, 4.0, None, 1.0, 0.25)
    controller.rejected(second, 4.0, None, 1.0, 0.75)
    assert controller.rules.paused_until_s == 5.25


def test_a_burst_of_rejections_is_one_cut() -> None:
    controller = ProviderController()
    calls = [begun(controller) for _ in range(16)]
    for number, call in enumerate(calls[8:]):
        controller.rejected(call, None, None, 0.01 * number, 0.0)
    assert controller.ceiling.value == 8


def served_four(controller: ProviderController) -> list[Call]:
    """Send sixteen calls, of which four are accepted and under way and the others ask to wait a second."""
    calls = [begun(controller) for _ in range(16)]
    for call in calls[4:]:
        controller.rejected(call, 1.0, None, 0.01, 0.0)
    return calls[:4]


def test_what_is_refused_as_one_more_in_flight_than_before_tells_nothing_of_the_rate() -> None:
    controller = ProviderController()
    served_four(controller)
    learned = controller.rules.learned
    assert learned is not None
    before = learned.rate
    controller.ceiling.wanted(2.0)
    controller.ceiling.grow(9.0)
    assert controller.ceiling.value == 5
    one_more = begun(controller, 9.0)
    controller.rejected(one_more, 1.0, None, 9.1, 0.0)
    assert (controller.ceiling.value, learned.rate) == (4, before)


def test_what_is_refused_although_few_are_in_flight_is_a_matter_of_the_rate() -> None:
    controller = ProviderController()
    for call in served_four(controller):
        controller.accepted(call, None, None, 0.2)
    learned = controller.rules.learned
    assert learned is not None
    before = learned.rate
    controller.rejected(begun(controller, 9.0), 1.0, None, 9.1, 0.0)
    assert controller.ceiling.value == 4
    assert learned.rate < before


def test_a_burst_is_measured_right_when_refusals_take_as_long_as_replies() -> None:
    controller = ProviderController()
    calls = [begun(controller) for _ in range(16)]
    for call in calls[:4]:
        controller.accepted(call, None, None, 0.1)
    for call in calls[4:]:
        controller.rejected(call, None, None, 0.1, 0.0)
    assert controller.ceiling.value == 4


def test_calls_that_waited_for_no_slot_raise_no_ceiling_by_being_rejected() -> None:
    controller = ProviderController()
    calls = [Call(unbounded=True) for _ in range(50)]
    for call in calls:
        assert controller.enter(call, "loop", 0.0)
    controller.rejected(calls[-1], None, None, 0.1, 0.0)
    assert controller.ceiling.value <= 16


def test_a_blocked_loop_holds_up_nobody_who_blocks_a_loop_either() -> None:
    controller = ProviderController(Limits(requests_per_minute=60))
    begun(controller, 0.0)
    outer = waiting(controller, 0.0, "outer", unbounded=True)
    assert controller.calls(1.0) == [outer]
    inner = waiting(controller, 1.05, "inner", unbounded=True)  # started by the outer loop, which waits for it
    assert controller.calls(1.05) == []
    assert controller.calls(2.2) == [inner]
    assert controller.claim(inner, 2.2)
    assert not controller.claim(outer, 2.2)
    assert controller.calls(3.2) == [outer]
    assert controller.claim(outer, 3.2)


def let_grow(controller: ProviderController, since_s: float, until_s: float) -> None:
    """Let calls wait for slots in vain."""
    now_s = since_s
    while now_s < until_s:
        controller.ceiling.wanted(now_s)
        now_s += 0.001
        controller.ceiling.grow(now_s)


def test_after_a_burst_of_rejections_and_a_pause_no_more_go_out_than_were_accepted() -> None:
    controller = ProviderController()
    let_grow(controller, 0.0, 0.060)
    calls = [begun(controller, 0.060) for _ in range(100)]
    for call in calls[10:]:
        controller.rejected(call, 1.0, None, 0.1, 0.0)
    let_grow(controller, 1.1, 1.2)
    assert controller.ceiling.value == 10


def test_to_declare_the_same_limits_again_brings_no_calls() -> None:
    limits = Limits(requests_per_minute=600)
    controller = ProviderController(limits)
    for _ in range(10):
        begun(controller)
    controller.declare(limits)
    waiting(controller)


def test_to_declare_other_limits_again_and_again_brings_no_calls() -> None:
    controller = ProviderController(Limits(requests_per_minute=600))
    sent = 0
    for number in range(100):
        controller.declare(Limits(requests_per_minute=600 + number % 2 * 60))
        sent += controller.enter(Call(), "loop", 0.0)
    assert sent <= 11


def test_a_call_of_another_controller_is_none_of_its_affairs() -> None:
    before, after = one_at_a_time(), one_at_a_time()
    under_way, waits = begun(before), waiting(before)
    begun(after)
    assert not after.ended(under_way)
    after.leave(waits, 0.0)
    assert not after.claim(waits, 0.0)
    assert (after.in_flight, after.waiting) == (1, 0)


def test_a_loop_that_is_gone_leaves_nothing() -> None:
    controller = one_at_a_time()
    holder = begun(controller, line="alive")
    gone = [waiting(controller, line="gone"), waiting(controller, line="gone", unbounded=False)]
    stays = waiting(controller, line="alive")
    controller.ended(holder)
    assert controller.calls(0) == [gone[0]]
    controller.drop("gone", 0)
    assert controller.calls(0) == [stays]
    assert not controller.has_line("gone")


@given(st.integers(1, 200), st.floats(0.0, 3.0), st.integers(1, 4))
@settings(max_examples=40)
def test_no_minute_holds_more_requests_than_the_user_allows(per_minute: int, step_s: float, lines: int) -> None:
    controller = ProviderController(Limits(requests_per_minute=per_minute))
    sent, now_s = list[float](), 0.0
    while now_s < 200.0:
        calls = [Call(unbounded=line == 2) for line in range(lines) for _ in range(3 + per_minute // 20)]
        for number, call in enumerate(calls if controller.waiting < 500 else ()):
            if controller.enter(call, number % lines, now_s):
                sent.append(now_s)
                controller.ended(call)
        for call in controller.calls(now_s):
            assert controller.claim(call, now_s)
            sent.append(now_s)
            controller.ended(call)
        now_s += step_s + 0.25
    check_minutes(sent, per_minute)
    assert len(sent) >= 0.8 * per_minute * 3 - 1 or step_s > 0.1


def check_minutes(sent: list[float], per_minute: int) -> None:
    for number, at_s in enumerate(sent[per_minute:]):
        assert at_s - sent[number] >= 60.0 - 1e-3, f"{per_minute + 1} within {at_s - sent[number]} s"


class AnyOrder(RuleBasedStateMachine):
    """Calls come, are told, answer late or never, leave and end in every way, on three loops."""

    @initialize(most=st.sampled_from([1, 2, 5, None]), per_minute=st.sampled_from([None, None, 1, 7, 90]))
    def begin(self, most: int | None, per_minute: int | None) -> None:
        self.most, self.per_minute = most, per_minute
        self.controller = ProviderController(Limits(max_in_flight=most, requests_per_minute=per_minute))
        self.now_s = 1_000.0
        self.calls: list[Call] = []
        self.sent: list[float] = []

    def in_state(self, *states: State) -> list[Call]:
        return [call for call in self.calls if call.state in states]

    def went(self, call: Call) -> None:
        assert self.controller.rules.paused_until_s <= self.now_s
        assert call.state is State.UNDER_WAY
        self.sent.append(self.now_s)

    def tell(self) -> None:
        before = self.controller.called
        told = self.controller.calls(self.now_s)
        assert all(call.state is State.CALLED for call in told)
        if self.controller.called > before:
            assert self.controller.in_flight + self.controller.called <= self.controller.ceiling.value

    @rule(
        line=st.sampled_from(LINES),
        tenant=st.sampled_from(["a", "b"]),
        run=st.integers(0, 2),
        unbounded=st.sampled_from([False, False, False, True]),
        again=st.booleans(),
    )
    def enter(self, line: str, tenant: str, run: int, unbounded: bool, again: bool) -> None:
        call = Call((tenant, 0), run, tokens=10.0, unbounded=unbounded, again=again)
        self.calls.append(call)
        if self.controller.enter(call, line, self.now_s):
            self.went(call)
            assert unbounded or self.controller.in_flight <= self.controller.ceiling.value
        self.tell()

    @precondition(lambda self: self.in_state(State.WAITING, State.CALLED))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.in_state(State.WAITING, State.CALLED)))
        if self.controller.claim(call, self.now_s):
            self.went(call)
        self.tell()

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        before = call.state
        self.controller.leave(call, self.now_s)
        assert call.state is (before if before is State.UNDER_WAY else State.ENDED)
        self.tell()

    @precondition(lambda self: self.in_state(State.UNDER_WAY, State.ENDED))
    @rule(data=st.data(), how=st.sampled_from(["ended", "accepted", "told", "rejected", "overloaded"]))
    def end(self, data: st.DataObject, how: str) -> None:
        call = data.draw(st.sampled_from(self.in_state(State.UNDER_WAY, State.ENDED)))
        under_way = call.state is State.UNDER_WAY
        controller, now_s = self.controller, self.now_s
        match how:
            case "ended":
                did = controller.ended(call)
            case "accepted":
                did = controller.accepted(call, 5.0, None, now_s)
            case "told":
                told = Told(Quota(20, data.draw(st.integers(0, 20)), 10.0), Quota(1_000, 500, 10.0))
                did = controller.accepted(call, 5.0, told, now_s)
            case "rejected":
                waits_s = data.draw(st.sampled_from([None, 0.0, 1.0, 10.0]))
                did = controller.rejected(call, waits_s, None, now_s, 0.5)
            case _:
                did = controller.overloaded(call, 2.0, now_s, 0.5)
        assert did == under_way
        self.tell()

    @rule(seconds=st.sampled_from([0.001, 0.05, 0.5, 7.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.tell()

    @rule(line=st.sampled_from(LINES))
    def look(self, line: str) -> None:
        self.controller.looked(line, self.now_s)
        self.tell()

    @rule(line=st.sampled_from(LINES))
    def lose(self, line: str) -> None:
        self.controller.drop(line, self.now_s)
        assert not self.controller.has_line(line)
        self.tell()

    @invariant()
    def it_counts_right(self) -> None:
        controller = self.controller
        under_way, called = self.in_state(State.UNDER_WAY), self.in_state(State.CALLED)
        assert controller.in_flight == len(under_way)
        assert controller.unbounded == sum(call.unbounded for call in under_way)
        assert controller.called == sum(not call.unbounded for call in called)
        assert controller.waiting == len(self.in_state(State.WAITING)) + len(called)
        assert {line for line in LINES if controller.has_line(line)} == {
            call.line for call in self.in_state(State.WAITING, State.CALLED)
        }

    @invariant()
    def the_ceiling_grows_for_somebody(self) -> None:
        assert self.controller.waiting or self.controller.ceiling.next_s() is None

    @invariant()
    def the_users_limits_hold(self) -> None:
        if self.most is not None:
            assert self.controller.in_flight - self.controller.unbounded + self.controller.called <= self.most
        if self.per_minute is not None:
            check_minutes(self.sent, self.per_minute)

    def teardown(self) -> None:
        """Let all loops run and time pass: everybody has its turn in the end."""
        if not hasattr(self, "controller"):
            return
        for call in self.in_state(State.UNDER_WAY):
            self.controller.ended(call)
        for _ in range(5_000):
            if not self.controller.waiting:
                break
            next_s = self.controller.next_s(self.now_s)
            self.now_s = max(self.now_s + 0.001, min(next_s or self.now_s, self.now_s + 60.0))
            for line in LINES:
                self.controller.looked(line, self.now_s)
            self.tell()
            for call in self.in_state(State.CALLED):
                if self.controller.claim(call, self.now_s):
                    self.went(call)
                    self.controller.ended(call)
        assert (self.controller.waiting, self.controller.called, self.controller.in_flight) == (0, 0, 0)
        assert len(self.controller._line) == 0
        assert self.controller.rules._about == 0
        self.it_counts_right()
        self.the_users_limits_hold()


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestAnyOrder = AnyOrder.TestCase
