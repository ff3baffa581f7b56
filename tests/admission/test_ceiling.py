"""How many calls may be in flight."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.ceiling import Ceiling


def wait(ceiling: Ceiling, since_s: float, until_s: float) -> list[tuple[float, int]]:
    """Let calls wait for it all the time; return when it became what."""
    found: list[tuple[float, int]] = []
    ceiling.wanted(since_s)
    while (next_s := ceiling.next_s()) is not None and next_s <= until_s:
        before = ceiling.value
        ceiling.grow(max(next_s, since_s))
        if ceiling.value != before:
            found.append((round(max(next_s, since_s), 3), ceiling.value))
        ceiling.wanted(next_s)
    return found


def cut_to(accepted: int, *, most: int | None = None, round_trip_s: float = 0.1) -> Ceiling:
    ceiling = Ceiling(most)
    ceiling.accepted(round_trip_s, 0.0)
    ceiling.cut(accepted, 0.0)
    return ceiling


def test_it_opens_at_16_and_doubles_every_10_ms_while_calls_wait() -> None:
    ceiling = Ceiling()
    assert ceiling.value == 16
    for doublings in range(1, 8):
        wait(ceiling, 0.010 * (doublings - 1), 0.010 * doublings + 1e-6)
        assert ceiling.value == pytest.approx(16 * 2**doublings, abs=1)


def test_it_grows_by_a_twelfth_at_a_time_so_that_the_first_rejection_stops_it_early() -> None:
    values = [value for _, value in wait(Ceiling(), 0.0, 0.050)]
    assert all(after <= 1.13 * before for before, after in itertools.pairwise(values))


def test_it_does_not_grow_while_nobody_waits() -> None:
    ceiling = Ceiling()
    ceiling.grow(10.0)
    assert (ceiling.value, ceiling.next_s()) == (16, None)
    ceiling.wanted(10.0)
    ceiling.met()
    ceiling.grow(20.0)
    assert (ceiling.value, ceiling.next_s()) == (16, None)


def test_a_rejection_lowers_it_to_what_was_accepted_and_more_of_the_same_burst_further() -> None:
    ceiling = Ceiling()
    wait(ceiling, 0.0, 0.040)
    ceiling.cut(100, 0.040)
    assert ceiling.value == 100
    ceiling.lower(90)
    ceiling.lower(95)
    assert ceiling.value == 90
    ceiling.lower(0)
    assert ceiling.value == 1


def test_it_is_held_and_then_probed_by_1_and_2_and_4_once_a_round_trip() -> None:
    ceiling = cut_to(100)
    assert wait(ceiling, 0.0, 2.45) == [(2.0, 101), (2.1, 103), (2.2, 107), (2.3, 115), (2.4, 131)]


def test_it_is_held_for_ten_round_trips_where_those_are_long() -> None:
    assert wait(cut_to(100, round_trip_s=1.0), 0.0, 11.5) == [(10.0, 101), (11.0, 103)]


def test_a_probe_never_more_than_doubles_it() -> None:
    values = [value for _, value in wait(cut_to(1), 0.0, 4.0)]
    assert all(after <= 2 * before for before, after in itertools.pairwise(values))


def test_it_is_not_probed_while_nobody_waits_for_it() -> None:
    ceiling = cut_to(100)
    ceiling.wanted(0.0)
    for tenth in range(100_000):  # other limits hold calls back for hours, and the loop looks at it all the time
        ceiling.met()
        ceiling.grow(tenth / 10)
    assert (ceiling.value, ceiling.next_s()) == (100, None)
    ceiling.wanted(10_000.0)
    ceiling.grow(10_000.0)
    assert ceiling.value == 101


def test_the_hold_after_a_rejection_lasts_although_nobody_waited_for_a_while() -> None:
    ceiling = cut_to(100)
    ceiling.wanted(0.1)
    ceiling.met()
    assert wait(ceiling, 0.2, 1.99) == []


def test_a_limit_of_the_users_own_holds_from_the_start_and_is_not_passed() -> None:
    ceiling = Ceiling(40)
    assert ceiling.value == 40
    wait(ceiling, 0.0, 5.0)
    assert (ceiling.value, ceiling.next_s()) == (40, None)
    ceiling.cut(10, 5.0)
    assert ceiling.value == 10
    wait(ceiling, 5.0, 60.0)
    assert ceiling.value == 40


@pytest.mark.parametrize("most", [None, 1_000, 300])
def test_after_a_pause_it_begins_at_16_and_grows_to_where_it_was(most: int | None) -> None:
    ceiling = Ceiling(most)
    if most is None:
        wait(ceiling, 0.0, 0.050)
    was = ceiling.value
    ceiling.reopen()
    assert ceiling.value == 16
    wait(ceiling, 10.0, 10.030)
    assert 100 < ceiling.value < 140
    wait(ceiling, 10.030, 10.050 if most is None else 10.5)
    assert ceiling.value == pytest.approx(was, rel=0.1)


def test_after_a_pause_it_stops_at_what_was_accepted_before() -> None:
    ceiling = cut_to(100)
    ceiling.reopen()
    assert ceiling.value == 16
    ceiling.lower(60)  # more of the burst turned out to be rejected
    assert wait(ceiling, 1.0, 2.0)[-1][1] == 60
    assert ceiling.value == 60


def test_a_pause_within_a_pause_does_not_lower_where_it_grows_to() -> None:
    ceiling = cut_to(100)
    ceiling.reopen()
    wait(ceiling, 1.0, 1.010)
    ceiling.reopen()
    wait(ceiling, 2.0, 2.5)
    assert ceiling.value == 100


@given(
    st.sampled_from([None, 1, 7, 500]),
    st.lists(st.sampled_from(["wait", "idle", "cut", "lower", "reopen", "met"]), max_size=60),
)
def test_it_is_at_least_1_and_at_most_the_users_limit_whatever_happens(most: int | None, steps: list[str]) -> None:
    ceiling, now_s = Ceiling(most), 0.0
    for step in steps:
        now_s += 0.005
        match step:
            case "wait":
                wait(ceiling, now_s, now_s + 0.004)
            case "idle":
                now_s += 100.0
                ceiling.grow(now_s)
            case "cut":
                ceiling.cut(ceiling.value // 2, now_s)
            case "lower":
                ceiling.lower(ceiling.value - 1)
            case "reopen":
                ceiling.reopen()
            case _:
                ceiling.met()
        assert ceiling.value >= 1
        assert most is None or ceiling.value <= most


def test_slow_replies_do_not_keep_it_low_for_minutes() -> None:
    assert wait(cut_to(16, round_trip_s=300.0), 0.0, 41.0) == [(30.0, 17), (35.0, 19), (40.0, 23)]
