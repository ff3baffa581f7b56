"""What refills continuously and is used up by calls."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.bucket import Bucket

rates = st.floats(0.01, 1_000)
capacities = st.floats(1, 500)
waits = st.lists(st.floats(0, 30), max_size=60)


@given(rates, capacities, waits)
def test_who_takes_only_what_is_there_takes_no_more_than_the_capacity_and_the_refill(
    rate: float, capacity: float, waits: list[float]
) -> None:
    bucket, now_s, taken = Bucket(rate, capacity, 0.0), 0.0, 0
    for wait_s in waits:
        now_s += wait_s
        while bucket.ready_s(now_s, 1.0) <= now_s and taken < 1_000:
            bucket.take(1.0, now_s)
            taken += 1
    assert taken <= capacity + rate * now_s + 1e-3


@given(rates, capacities, st.floats(0, 1_000), st.floats(0.01, 1), st.floats(0, 1e6))
def test_what_is_asked_for_is_there_when_it_is_promised_and_not_before(
    rate: float, capacity: float, used: float, share: float, now_s: float
) -> None:
    bucket, least = Bucket(rate, capacity, now_s), share * capacity
    bucket.take(used, now_s)
    ready_s = bucket.ready_s(now_s, least)
    if ready_s > now_s:
        early_s = now_s + (ready_s - now_s) * 0.5
        assert bucket.level(early_s) < least
    assert bucket.level(max(now_s, ready_s)) >= least - 1e-3


@given(rates, capacities, waits)
def test_it_never_holds_more_than_its_capacity(rate: float, capacity: float, waits: list[float]) -> None:
    bucket, now_s = Bucket(rate, capacity), 0.0
    for number, wait_s in enumerate(waits):
        now_s += wait_s
        (bucket.take if number % 3 else bucket.give_back)(wait_s, now_s)
        assert bucket.level(now_s) <= capacity


def test_a_call_larger_than_the_bucket_goes_and_the_next_waits_until_it_is_paid_for() -> None:
    bucket = Bucket(10.0, 10.0, 0.0)
    bucket.take(110.0, 0.0)
    assert bucket.level(0.0) == -100.0
    assert bucket.ready_s(0.0, 1.0) == 10.1


def test_its_time_begins_when_it_is_first_looked_at() -> None:
    bucket = Bucket(1.0, 10.0, level=0.0)
    assert bucket.level(1_000.0) == 0.0
    assert bucket.level(1_003.0) == 3.0


def test_time_that_goes_back_takes_and_brings_nothing() -> None:
    bucket = Bucket(1.0, 10.0, 5.0, 0.0)
    assert bucket.level(4.0) == 0.0
    assert bucket.level(6.0) == 1.0


def test_a_new_rate_holds_from_then_on() -> None:
    bucket = Bucket(1.0, 100.0, 0.0, 0.0)
    bucket.set_rate(10.0, 5.0)
    assert bucket.level(6.0) == 15.0


def test_nothing_comes_at_a_rate_of_nothing() -> None:
    bucket = Bucket(0.0, 1.0, 0.0, 0.0)
    assert bucket.ready_s(0.0, 1.0) == math.inf
