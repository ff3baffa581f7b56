"""A rate that is learned from what is accepted and rejected, against providers that are simulated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.rate import History, LearnedRate
from tests.admission.simulation import InFlight, Minutes, Refilling, World


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), max_size=80), st.floats(0.2, 60))
def test_what_was_sent_of_late_is_counted_but_for_a_tenth_of_a_second(
    sent: list[tuple[float, int]], seconds: float
) -> None:
    history, now_s, at = History(), 1_000.0, list[tuple[float, int]]()
    for wait_s, calls in sent:
        now_s += wait_s
        history.add(calls, now_s)
        at.append((now_s, calls))
    most = sum(calls for at_s, calls in at if at_s >= now_s - seconds - 1e-6)
    least = sum(calls for at_s, calls in at if at_s >= now_s - seconds + 0.1)
    assert least <= history.within(seconds, now_s) <= most


def test_a_rejected_call_does_not_count_as_accepted() -> None:
    history = History()
    history.add(3, 1.0)
    history.add(-1, 1.2)
    assert history.within(1.0, 1.2) == 2
    history.add(-5, 1.2)
    assert history.within(1.0, 1.2) == 0


def test_the_first_guess_is_what_was_accepted_in_the_time_that_the_provider_asks_to_wait() -> None:
    assert LearnedRate(100, 10.0, 0.0, silence_s=0.02).rate == pytest.approx(9.8)
    assert LearnedRate(0, 1.0, 0.0, silence_s=0.02).rate == pytest.approx(0.98)
    assert LearnedRate(0, 3600.0, 0.0, silence_s=0.02).rate == pytest.approx(1 / 60)


def test_more_rejections_of_the_burst_that_was_measured_lower_the_guess() -> None:
    rate = LearnedRate(100, 1.0, 0.0, silence_s=0.02)
    for _ in range(60):
        rate.counted_too_many(0.0)
    assert rate.rate == pytest.approx(0.98 * 40)


def test_one_measurement_takes_half_at_most() -> None:
    rate = LearnedRate(100, 1.0, 0.0, silence_s=0.02)
    rate.cut(History(), 0.0, 10.0)
    assert rate.rate == pytest.approx(49)


def test_it_is_held_for_3_s_and_then_raised_slowly_while_calls_wait_for_it() -> None:
    rate, history = LearnedRate(100, 1.0, 0.0, silence_s=0.02), History()
    for tenth in range(100):
        history.add(10, tenth / 10)
    rate.cut(history, 0.0, 10.0)
    held = rate.rate
    for tenth in range(100, 130):
        rate.wanted(tenth / 10)
    assert rate.rate == held
    for tenth in range(130, 150):
        rate.wanted(tenth / 10)
    assert 1.015 * held < rate.rate < 1.04 * held


def test_a_guess_is_doubled_when_a_call_went_at_it_and_was_not_refused_in_due_time() -> None:
    rate, now_s = LearnedRate(1, 1.0, 0.0, silence_s=0.1), 0.0
    doubled: list[float] = []
    while now_s < 3.0:
        now_s += 0.01
        before = rate.rate
        while rate.ready_s(now_s) <= now_s:
            rate.take(now_s)
        rate.wanted(now_s)
        if rate.rate > before:
            doubled.append(round(now_s, 2))
    assert doubled[:4] == pytest.approx([1.14, 1.75, 2.11, 2.34], abs=0.03)  # 1 / rate and the 0.1 s, each time


def test_a_guess_is_not_doubled_while_what_was_saved_up_is_spent() -> None:
    rate = LearnedRate(20, 1.0, 0.0, silence_s=0.01)
    guess = rate.rate
    for tenth in range(10, 15):
        rate.take(tenth / 10)
        rate.wanted(tenth / 10)
    assert rate.rate == guess


def test_a_burst_before_the_first_rejection_does_not_count_as_what_is_allowed_afterwards() -> None:
    rate, history = LearnedRate(100, 1.0, 0.0, silence_s=0.01), History()
    history.add(100, 0.0)
    for tenth in (2, 4, 6, 8):
        for _ in range(2):
            rate.take(tenth / 10)
            history.add(1, tenth / 10)
        rate.cut(history, 0.0, tenth / 10)
    assert rate.rate <= 15


def test_it_is_not_raised_while_nobody_waits_for_it() -> None:
    rate = LearnedRate(100, 1.0, 0.0, silence_s=0.02)
    rate.wanted(1_000.0)
    assert rate.rate <= 98 * 1.21


def test_what_is_saved_up_is_spent_at_twice_the_rate_at_most() -> None:
    rate, sent = LearnedRate(1_000, 10.0, 0.0, silence_s=0.02), 0
    rate.counted_too_many(0.0)
    for hundredth in range(6_000, 6_100):
        while rate.ready_s(hundredth / 100) <= hundredth / 100:
            rate.take(hundredth / 100)
            sent += 1
    assert sent <= 2 * rate.rate + 5


PROVIDERS = [
    # rate, burst, seconds to answer, seconds to wait by a refusal
    (20, 20, 0.2, 1.0),
    (20, 20, 0.2, None),
    (20, 20, 2.0, 1.0),
    (5, 10, 1.0, 2.0),
    (100, 100, 0.2, 1.0),
    (100, 20, 0.5, None),
    (200, 200, 0.3, 1.0),
    (10, 600, 1.0, None),
    (2, 2, 0.5, 1.0),
]


@pytest.mark.parametrize(("rate", "burst", "latency_s", "retry_after_s"), PROVIDERS)
def test_a_rate_is_found_and_kept_to(rate: float, burst: float, latency_s: float, retry_after_s: float | None) -> None:
    world = World(Refilling(rate, burst), latency_s=latency_s, retry_after_s=retry_after_s).run(30)
    assert world.rejected_share(15, 30) <= 0.06
    assert world.accepted(10, 30) >= 0.85 * rate * 20


@pytest.mark.parametrize("seed", range(3))
def test_after_a_limit_was_halved_hardly_a_call_is_rejected_from_the_fifth_second_on(seed: int) -> None:
    provider = Refilling(20, 20)
    world = World(provider, at=(20.0, lambda now_s: provider.change(10, 10, now_s)), seed=seed).run(40)
    assert world.rejected_share(25, 40) <= 0.05
    assert world.accepted(20, 40) >= 0.85 * 10 * 20


@pytest.mark.parametrize("retry_after_s", [None, 1.0])
@pytest.mark.parametrize("rate", [5, 20, 100])
def test_a_limit_that_was_doubled_is_found_within_15_s(rate: float, retry_after_s: float | None) -> None:
    provider = Refilling(rate, rate)
    doubled = (20.0, lambda now_s: provider.change(2 * rate, 2 * rate, now_s))
    world = World(provider, retry_after_s=retry_after_s, at=doubled).run(50)
    assert world.accepted(35, 50) >= 0.85 * 2 * rate * 15
    assert world.rejected_share(20, 50) <= 0.03


def test_a_limit_that_was_lifted_is_left_behind_within_half_a_minute() -> None:
    provider = Refilling(20, 20)
    world = World(provider, callers=100, at=(20.0, lambda now_s: provider.change(1e6, 1e6, now_s))).run(60)
    assert world.accepted(50, 60) >= 0.85 * 10 * 100 / 0.22


@pytest.mark.parametrize("allowed", [60, 600])
def test_a_minute_that_is_counted_by_the_clock_is_used_up_with_few_rejections(allowed: int) -> None:
    until_the_next = World(Minutes(allowed), latency_s=0.5, retry_after_s=lambda now_s: 60 - now_s % 60).run(300)
    assert until_the_next.accepted(60, 300) >= 0.85 * allowed * 4
    assert until_the_next.rejected(60, 300) <= 0.03 * allowed * 4


@pytest.mark.parametrize("retry_after_s", [None, 0.05])
@pytest.mark.parametrize("most", [1, 3, 8, 60])
def test_a_limit_on_calls_in_flight_is_found(most: int, retry_after_s: float | None) -> None:
    world = World(InFlight(most), callers=100, retry_after_s=retry_after_s).run(40)
    assert world.rejected_share(20, 40) <= 0.05
    assert world.accepted(20, 40) >= 0.6 * 20 * most / 0.22


@pytest.mark.parametrize("rate", [5, 20, 100])
def test_what_the_headers_tell_is_kept_to(rate: float) -> None:
    world = World(Refilling(rate, rate, tells=True)).run(40)
    assert world.rejected(5, 40) <= 5
    assert world.accepted(5, 40) >= 0.75 * rate * 35


def test_a_provider_without_limits_is_not_held_back() -> None:
    world = World(Refilling(1e9, 1e9), callers=1_000, latency_s=1.0).run(5)
    assert world.limit.controller.ceiling.value >= 1_000
    assert world.accepted(0, 0.2) == 1_000
