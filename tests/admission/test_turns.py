"""Who waits, and whose turn it is, over several event loops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.turns import Turns


def owners(turns: Turns[str], now_s: float) -> list[str]:
    return [place.owner for place in turns.calls(now_s)]


def test_of_one_loop_only_the_first_is_called_and_once() -> None:
    turns: Turns[str] = Turns()
    first, second = turns.enter("loop", "first"), turns.enter("loop", "second")
    assert owners(turns, 0.0) == ["first"]
    assert owners(turns, 0.0) == []
    assert turns.answer(second, 0.0) is None
    assert turns.answer(first, 0.0) == 0.0
    turns.leave(first)
    assert owners(turns, 0.0) == ["second"]


def test_the_first_of_another_loop_stands_by_until_the_earlier_one_has_not_answered_for_a_while() -> None:
    turns: Turns[str] = Turns(patience_s=0.1)
    blocked, later = turns.enter("blocked", "blocked"), turns.enter("alive", "later")
    assert owners(turns, 5.0) == ["blocked", "later"]
    assert turns.answer(later, 5.0) == 0.1 + 5.0 - 5.0
    assert (turns.answer(later, 5.2) or 0) <= 0
    assert turns.answer(blocked, 5.3) == 0.0
    assert turns.answer(later, 5.4) is None, "who answers again has its turn again"


def test_nobody_is_passed_over_who_was_not_called() -> None:
    turns: Turns[str] = Turns()
    turns.enter("one", "first")
    later = turns.enter("other", "later")
    assert turns.answer(later, 100.0) is None


def test_a_dropped_line_is_gone_and_leaving_twice_is_leaving_once() -> None:
    turns: Turns[str] = Turns()
    gone, stays = turns.enter("closed", "gone"), turns.enter("alive", "stays")
    turns.drop("closed")
    turns.leave(gone)
    assert owners(turns, 0.0) == ["stays"]
    turns.leave(stays)
    turns.leave(stays)
    assert not turns


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_where_all_answer_the_order_is_that_of_coming(comers: list[tuple[str, bool]]) -> None:
    turns: Turns[int] = Turns()
    places = [turns.enter(line, number) for number, (line, _) in enumerate(comers)]
    for place, (_, leaves) in zip(places, comers, strict=True):
        if leaves:
            turns.leave(place)
    order: list[int] = []
    while turns:
        turn = [place for place in turns.calls(0.0) if turns.answer(place, 0.0) == 0.0]
        assert len(turn) <= 1
        turn = turn or [place for place in places if turns.answer(place, 0.0) == 0.0]
        order.append(turn[0].owner)
        turns.leave(turn[0])
    assert order == [number for number, (_, leaves) in enumerate(comers) if not leaves]
