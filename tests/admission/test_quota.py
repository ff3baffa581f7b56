"""What is left by the provider's own count, whatever order its answers come in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.call import Call
from aiocrew.admission.headers import Quota, Told
from aiocrew.admission.provider import ProviderController
from aiocrew.admission.quota import ToldQuota


def told(remaining: float, limit: float = 100, reset_s: float | None = None) -> Told:
    return Told(requests=Quota(limit, remaining, reset_s))


def begin(controller: ProviderController, now_s: float, *, tokens: float = 0.0) -> Call:
    call = Call(tokens=tokens)
    assert controller.enter(call, "loop", now_s)
    return call


def test_nothing_is_known_until_an_answer_tells() -> None:
    quota = ToldQuota()
    quota.take(1_000, 1.0, 0.0)
    assert (quota.limit, quota.level(0.0), quota.ready_s(7.0, 1.0)) == (None, None, 7.0)
    quota.correct(Quota(limit=100), 0, 0.0, 0.0)
    assert quota.limit is None


@given(st.permutations(range(8)))
def test_answers_in_any_order_come_to_the_same(order: list[int]) -> None:
    controller = ProviderController()
    calls = [begin(controller, 0.0) for _ in range(8)]
    for number in order:  # the provider counted them as they were sent
        controller.accepted(calls[number], None, told(99 - number), 0.0)
    assert controller.rules.told_requests.level(0.0) == 92


@pytest.mark.parametrize("claimed", list(itertools.product([False, True], repeat=2)))
def test_what_one_answer_shows_is_not_given_out_again_by_the_next(claimed: tuple[bool, bool]) -> None:
    controller = ProviderController()
    first = [begin(controller, 0.0) for _ in range(4)]
    waiting = [Call() for _ in range(10)]
    controller.accepted(first[0], None, told(0, reset_s=3600), 0.0)
    for call in waiting:
        assert not controller.enter(call, "loop", 0.0)
    controller.accepted(first[1], None, told(4, reset_s=3600), 0.0)
    called = controller.calls(0.0)
    assert len(called) == 2  # two more are on their way, as far as this answer knows
    for call, at_once in zip(called, claimed, strict=True):
        if at_once:
            assert controller.claim(call, 0.0)
    controller.accepted(first[2], None, told(3, reset_s=3600), 0.0)
    controller.accepted(first[3], None, told(2, reset_s=3600), 0.0)
    assert controller.calls(0.0) == []
    for call, at_once in zip(called, claimed, strict=True):
        if not at_once:
            assert controller.claim(call, 0.0)
    assert controller.calls(0.0) == []
    assert controller.rules.told_requests.level(0.0) == pytest.approx(0.0, abs=0.01)


def test_a_called_call_that_gives_up_leaves_its_place_to_another() -> None:
    controller = ProviderController()
    sent = [begin(controller, 0.0) for _ in range(2)]
    controller.accepted(sent[0], None, told(1, reset_s=3600), 0.0)
    first, second = Call(), Call()
    assert not controller.enter(first, "loop", 0.0)
    assert not controller.enter(second, "loop", 0.0)
    controller.accepted(sent[1], None, told(1, reset_s=3600), 0.0)
    assert controller.calls(0.0) == [first]
    controller.leave(first, 0.0)
    assert controller.calls(0.0) == [second]


def test_tokens_of_calls_that_used_less_than_expected_are_not_given_out_twice() -> None:
    controller = ProviderController()
    controller.accepted(begin(controller, 0.0), None, Told(tokens=Quota(10_000, 10_000, 60)), 0.0)
    calls = [begin(controller, 0.0, tokens=600) for _ in range(10)]
    left = 10_000
    for call in calls:
        left -= 100
        controller.accepted(call, 100.0, Told(tokens=Quota(10_000, left, 0)), 0.0)
    assert controller.rules.told_tokens.level(0.0) == 9_000


@given(st.permutations(range(6)), st.lists(st.integers(0, 2_000), min_size=6, max_size=6))
def test_more_tokens_than_are_left_are_never_thought_to_be_there(order: list[int], used: list[int]) -> None:
    controller = ProviderController()
    controller.accepted(begin(controller, 0.0), None, Told(tokens=Quota(100_000, 50_000, 0)), 0.0)
    calls = [begin(controller, 0.0, tokens=600) for _ in range(6)]
    left = 50_000
    for number in order:  # each is counted when it ends
        left -= used[number]
        controller.accepted(calls[number], float(used[number]), Told(tokens=Quota(100_000, left, 0)), 0.0)
        level = controller.rules.told_tokens.level(0.0)
        assert level is not None
        assert level <= left


def test_what_is_missing_comes_back_by_the_reset() -> None:
    quota = ToldQuota()
    quota.correct(Quota(100, 40, 6.0), 0, 0.0, 0.0)
    assert quota.level(3.0) == pytest.approx(70)
    assert quota.level(60.0) == 100


def test_without_a_reset_it_comes_back_over_its_window_or_a_minute() -> None:
    a_minute, a_second = ToldQuota(), ToldQuota()
    a_minute.correct(Quota(120, 0), 0, 0.0, 0.0)
    a_second.correct(Quota(120, 0, window_s=1.0), 0, 0.0, 0.0)
    assert (a_minute.level(10.0), a_second.level(0.5)) == (pytest.approx(20), pytest.approx(60))


@pytest.mark.parametrize("reset_s", [0.0, None])
def test_a_reset_in_less_than_a_second_says_nothing_of_the_rate(reset_s: float | None) -> None:
    quota = ToldQuota()
    quota.correct(Quota(60, 30, 30.0), 0, 0.0, 0.0)
    quota.correct(Quota(60, 40, reset_s), 0, 0.0, 0.0)
    assert quota.level(10.0) == pytest.approx(50)


def test_of_few_that_are_missing_no_rate_is_made() -> None:
    quota = ToldQuota()
    quota.correct(Quota(600, 300, 30.0), 0, 0.0, 0.0)
    quota.correct(Quota(600, 598, 1.0), 0, 0.0, 0.0)  # whole seconds: it may be 0.2
    quota.correct(Quota(600, 0, None), 0, 0.0, 0.0)
    assert quota.level(1.0) == pytest.approx(10)


def test_what_came_back_while_the_answer_was_on_its_way_counts() -> None:
    quota = ToldQuota()
    quota.correct(Quota(100, 0, 10.0), 5, 2.0, 2.0)
    assert quota.level(2.0) == pytest.approx(15)


def test_a_provider_that_tells_only_what_is_left_is_believed() -> None:
    quota = ToldQuota()
    quota.correct(Quota(remaining=50), 0, 0.0, 0.0)
    quota.correct(Quota(remaining=20), 0, 0.0, 0.0)
    assert (quota.limit, quota.level(0.0)) == (50, 20)


def test_a_call_that_asks_for_more_than_there_ever_is_goes_when_all_is_there() -> None:
    quota = ToldQuota()
    quota.correct(Quota(10, 0, 10.0), 0, 0.0, 0.0)
    assert quota.ready_s(0.0, 1_000.0) == 10.0


def test_a_limit_that_changes_holds_from_then_on() -> None:
    quota = ToldQuota()
    quota.correct(Quota(100, 100), 0, 0.0, 0.0)
    quota.correct(Quota(10, 10), 0, 0.0, 0.0)
    assert (quota.limit, quota.level(100.0)) == (10, 10)


def test_an_answer_that_took_minutes_does_not_lower_what_came_back_meanwhile() -> None:
    controller = ProviderController()
    slow = begin(controller, 0.0)
    for second in range(600):  # 5 a second, of 10 that are allowed
        for _ in range(5):
            controller.accepted(begin(controller, float(second)), None, told(595, 600, 1.0), second + 0.1)
    controller.accepted(slow, None, told(599, 600, 0.0), 600.0)
    level = controller.rules.told_requests.level(600.0)
    assert level is not None
    assert level > 500


@given(st.floats(0, 100), st.floats(0, 300), st.floats(0, 60))
def test_what_is_left_is_never_more_than_what_was_told_and_what_came_back(
    remaining: float, used: float, age_s: float
) -> None:
    quota = ToldQuota()
    quota.correct(Quota(100, 100, None), 0, 0.0, 0.0)
    quota.correct(Quota(100, remaining, None), used, age_s, 0.0)
    level = quota.level(0.0)
    assert level is not None
    assert level <= min(100, remaining + 100 / 60 * age_s - used) + 1e-6


def test_another_window_brings_its_own_rate() -> None:
    quota = ToldQuota()
    quota.correct(Quota(8_640, 10, window_s=86_400), 0, 0.0, 0.0)
    quota.correct(Quota(60, 0, window_s=60), 0, 0.0, 0.0)
    assert quota.level(10.0) == pytest.approx(10)


def test_numbers_of_a_day_hold_calls_back_for_two_minutes_at_most() -> None:
    controller = ProviderController()
    controller.accepted(begin(controller, 0.0), None, told(0, 10, reset_s=86_400), 0.0)
    call = Call()
    assert not controller.enter(call, "loop", 1.0)
    assert controller.calls(119.0) == []
    assert controller.next_s(119.0) == 120.0
    assert controller.calls(120.0) == [call]
    assert controller.claim(call, 120.0)
    assert not controller.enter(Call(), "loop", 121.0)


def test_a_provider_that_says_nothing_is_left_and_takes_every_call_is_soon_asked_freely() -> None:
    controller, now_s, sent = ProviderController(), 0.0, 0
    controller.accepted(begin(controller, now_s), None, told(0, 10, reset_s=86_400), now_s)
    while now_s < 300.0:
        now_s += 0.05
        call = Call()
        if controller.enter(call, "loop", now_s) or (controller.calls(now_s) and controller.claim(call, now_s)):
            sent += 1
            controller.accepted(call, None, told(0, 10, reset_s=86_400), now_s)
        else:
            controller.leave(call, now_s)
    assert sent > 500
    call = begin(controller, now_s)
    controller.rejected(call, None, told(0, 10, reset_s=86_400), now_s, 0.0)  # it means it after all
    assert not controller.enter(Call(), "loop", now_s + 100.0)


def test_a_limit_on_the_tokens_of_replies_is_not_used_up_by_prompts() -> None:
    controller = ProviderController()
    replies = Told(tokens=Quota(400_000, 396_000, 1.0), reply_tokens=Quota(8_000, 7_900, 1.0))
    controller.accepted(begin(controller, 0.0), None, replies, 0.0)
    for _ in range(15):
        call = Call(tokens=20_500, reply_tokens=500)
        assert controller.enter(call, "loop", 0.0)
        controller.accepted(call, 20_100, None, 0.0, 100)
    assert controller.rules.told_reply_tokens.level(0.0) == 7_900 - 15 * 100
    assert controller.rules.counts_tokens
