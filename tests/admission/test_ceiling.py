"""How many calls may be in flight."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.ceiling import Ceiling

SILENCE_S = 0.02


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


def opened(most: int | None = None) -> Ceiling:
    """Return one that has grown to about 2,000, or is at the user's limit."""
    ceiling = Ceiling(most)
    wait(ceiling, -0.1, 0.0)
    return ceiling


def cut_to(accepted: int, *, most: int | None = None, round_trip_s: float = 0.1) -> Ceiling:
    ceiling = opened(most)
    ceiling.accepted(round_trip_s, 0.0)
    ceiling.cut(accepted + 1, 0.0, silence_s=SILENCE_S)
    return ceiling


def refuse_probes(ceiling: Ceiling, times: int) -> list[float]:
    """Let each probe be refused at once; return when those were, counted from the one before."""
    at_s = [0.0]
    for _ in range(times):
        ((probed_s, _),) = wait(ceiling, at_s[-1], (ceiling.next_s() or 0.0) + 0.001)
        ceiling.cut(int(ceiling.known) + 1, probed_s, silence_s=SILENCE_S)
        at_s.append(probed_s)
    return [round(after_s - before_s, 3) for before_s, after_s in itertools.pairwise(at_s)]


def test_it_stays_at_16_for_30_ms_and_doubles_every_10_ms_then_while_calls_wait() -> None:
    ceiling = Ceiling()
    wait(ceiling, 0.0, 0.029)
    assert ceiling.value == 16
    for doublings in range(1, 7):
        wait(ceiling, 0.020 + 0.010 * doublings, 0.029 + 0.010 * doublings + 1e-6)
        assert ceiling.value == pytest.approx(16 * 2**doublings, abs=1 + 0.01 * 2**doublings)


def test_the_30_ms_are_waited_once() -> None:
    ceiling = Ceiling()
    ceiling.wanted(0.0)
    ceiling.met()
    assert wait(ceiling, 1.0, 1.0011) == [(1.001, 17)]


def test_it_grows_by_a_twelfth_at_a_time_so_that_the_first_rejection_stops_it_early() -> None:
    values = [value for _, value in wait(Ceiling(), 0.0, 0.080)]
    assert all(after <= 1.13 * before for before, after in itertools.pairwise(values))


def test_it_does_not_grow_while_nobody_waits() -> None:
    ceiling = Ceiling()
    ceiling.grow(10.0)
    assert (ceiling.value, ceiling.next_s()) == (16, None)
    ceiling.wanted(10.0)
    ceiling.met()
    ceiling.grow(20.0)
    assert (ceiling.value, ceiling.next_s()) == (16, None)


@given(st.integers(0, 40), st.randoms())
def test_after_a_burst_it_is_what_was_being_served_whatever_the_order_of_calls_and_answers(
    served: int, chance: random.Random
) -> None:
    ceiling = opened()
    refused = chance.sample(range(1, 61), 60 - served)
    ceiling.cut(60, 0.1, silence_s=SILENCE_S)
    for beside in refused[1:]:
        ceiling.lower(beside)
    assert ceiling.value == ceiling.known == max(1, served)


def test_what_has_ended_before_its_burst_was_refused_is_counted_all_the_same() -> None:
    ceiling = opened()
    for _ in range(4):
        ceiling.accepted(0.1, 0.1)  # refusals take as long as replies here, and the first calls are the ones accepted
    ceiling.cut(5, 0.1, silence_s=0.2)
    for beside in range(6, 41):
        ceiling.lower(beside)
    assert ceiling.value == 4


def test_it_is_held_and_then_probed_by_1_and_2_and_4_as_soon_as_refusals_would_have_come() -> None:
    ceiling = cut_to(100)
    assert wait(ceiling, 0.0, 0.19) == [(0.1, 101), (0.12, 103), (0.14, 107), (0.16, 115), (0.18, 131)]


def test_a_limit_that_is_where_it_was_is_left_alone_twice_as_long_each_time() -> None:
    assert refuse_probes(cut_to(100), 7) == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_it_is_held_for_forty_calls_where_those_are_few_a_second() -> None:
    assert refuse_probes(cut_to(4, round_trip_s=1.0), 9)[-2:] == [10.0, 10.0]


def test_where_a_refusal_lets_all_wait_a_probe_comes_after_twenty_times_that() -> None:
    ceiling = cut_to(4)
    ceiling.wanted(0.0)
    for now_s in range(100, 1_000, 100):
        ceiling.cut(5, float(now_s), silence_s=SILENCE_S, waits_s=1.0)
    assert ceiling.next_s() == 900.0 + 1.0 + 20.0


def test_a_limit_that_moved_up_is_probed_soon_again() -> None:
    ceiling = cut_to(10)
    refuse_probes(ceiling, 6)
    wait(ceiling, 5.1, 7.2)
    ceiling.cut(21, 7.2, silence_s=SILENCE_S)
    assert wait(ceiling, 7.2, 7.31) == [(7.3, 21)]


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
    ceiling.wanted(0.01)
    ceiling.met()
    assert wait(ceiling, 0.02, 0.099) == []


def test_a_limit_of_the_users_own_holds_from_the_start_and_is_not_passed() -> None:
    ceiling = Ceiling(40)
    assert ceiling.value == 40
    wait(ceiling, 0.0, 5.0)
    assert (ceiling.value, ceiling.next_s()) == (40, None)
    ceiling.cut(11, 5.0, silence_s=SILENCE_S)
    assert ceiling.value == 10
    wait(ceiling, 5.0, 60.0)
    assert ceiling.value == 40


@pytest.mark.parametrize("most", [None, 1_000, 300])
def test_after_a_pause_it_begins_at_16_and_grows_to_where_it_was(most: int | None) -> None:
    ceiling = Ceiling(most)
    if most is None:
        wait(ceiling, 0.0, 0.080)
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
    for _ in range(40):
        ceiling.lower(50)  # more of the burst turned out to be rejected
    assert wait(ceiling, 1.0, 1.1)[-1][1] == 60
    assert ceiling.value == 60


def test_a_pause_within_a_pause_does_not_lower_where_it_grows_to() -> None:
    ceiling = cut_to(100)
    ceiling.reopen()
    wait(ceiling, 1.0, 1.010)
    ceiling.reopen()
    wait(ceiling, 2.0, 2.1)
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
                ceiling.cut(ceiling.value // 2, now_s, silence_s=SILENCE_S, waits_s=0.5 * (ceiling.value % 2))
            case "lower":
                ceiling.lower(ceiling.value - 1)
            case "reopen":
                ceiling.reopen()
            case _:
                ceiling.met()
        assert ceiling.value >= 1
        assert most is None or ceiling.value <= most


def test_slow_replies_do_not_keep_it_low_for_minutes() -> None:
    assert refuse_probes(cut_to(4, round_trip_s=600.0), 12)[-2:] == [30.0, 30.0]
