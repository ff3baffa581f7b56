"""What a slow reader finds: bounded, its text whole as far as it can be, and a word about what it missed."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.event_buffer import EventBuffer
from aiocrew.types.events import (
    CallbackStarted,
    CrewKickoffCompleted,
    CrewKickoffStarted,
    Event,
    EventsMissed,
    LLMStreamChunk,
)
from aiocrew.types.paths import Path


def began(run_id: str = "r", at_s: float = 0.0) -> Event:
    return CrewKickoffStarted(run_id, Path("run"), at_s, at_s, "crew", None)


def ended(run_id: str = "r", at_s: float = 0.0) -> Event:
    return CrewKickoffCompleted(run_id, Path("run"), at_s, at_s, "crew", "done")


def piece(text: str, path: str = "a", at_s: float = 0.0) -> Event:
    return LLMStreamChunk("r", Path(path), at_s, at_s, text)


def other(name: str, at_s: float = 0.0) -> Event:
    return CallbackStarted("r", Path("run/callback"), at_s, at_s, name)


def filled(*events: Event, most: int = 4, most_text: int = 100) -> EventBuffer:
    buffer = EventBuffer(most, most_text)
    for event in events:
        buffer.push(event)
    return buffer


def all_of(buffer: EventBuffer) -> list[Event]:
    events: list[Event] = []
    while (event := buffer.pop()) is not None:
        events.append(event)
    return events


def shown(buffer: EventBuffer) -> list[str]:
    names = []
    for event in all_of(buffer):
        match event:
            case LLMStreamChunk(path=path, text=text):
                names.append(f"{path}:{text}")
            case EventsMissed(count=count):
                names.append(f"missed {count}")
            case CallbackStarted(callback=name):
                names.append(name)
            case _:
                names.append(f"{type(event).__name__} {event.run_id}")
    return names


def test_as_long_as_there_is_room_everything_comes_as_it_was() -> None:
    events = [began(), piece("a"), piece("b"), ended()]
    assert all_of(filled(*events)) == events


def test_pieces_of_one_reply_are_joined_where_the_first_one_stood() -> None:
    buffer = filled(piece("a1"), piece("b1", "b"), piece("a2"), other("x"), piece("b2", "b"), piece("a3"))
    assert shown(buffer) == ["a:a1a2a3", "b:b1b2", "x"]


def test_pieces_of_two_attempts_at_one_reply_stay_apart() -> None:
    pieces = [LLMStreamChunk("r", Path("a"), 0.0, 0.0, text, int(text[0])) for text in ("1a", "1b", "2a", "2b", "3a")]
    read = all_of(filled(*pieces[:2], other("retried"), *pieces[2:], most=4))
    assert [(event.attempt, event.text) if isinstance(event, LLMStreamChunk) else "" for event in read] == [
        (1, "1a1b"),
        "",
        (2, "2a2b"),
        (3, "3a"),
    ]


def test_nothing_is_joined_any_more_once_the_reader_has_caught_up() -> None:
    buffer = filled(*[piece(str(number)) for number in range(6)])
    assert shown(buffer) == ["a:012345"]
    buffer.push(piece("x"))
    buffer.push(piece("y"))
    assert shown(buffer) == ["a:x", "a:y"]


def test_where_joining_makes_no_room_the_oldest_go_and_are_counted_in_their_place() -> None:
    buffer = filled(began(), other("1"), other("2"), piece("a"), other("3"), other("4"))
    assert shown(buffer) == ["CrewKickoffStarted r", "missed 3", "a:a", "4"]


def test_what_was_missed_tells_its_run_and_its_time() -> None:
    buffer = filled(began(), *[other(str(number), at_s=float(number)) for number in range(1, 6)])
    assert all_of(buffer)[1] == EventsMissed("r", Path("run"), 1.0, 1.0, 3, 3.0)


def test_once_it_was_read_what_is_missed_next_is_told_anew() -> None:
    buffer = filled(*[other(str(number)) for number in range(6)])
    assert isinstance(buffer.pop(), EventsMissed)
    for number in range(6, 9):
        buffer.push(other(str(number)))
    assert shown(buffer) == ["missed 3", "6", "7", "8"]


def test_ends_of_inner_runs_go_last_and_those_of_the_run_itself_never() -> None:
    inner = [event for number in range(4) for event in (began(f"inner-{number}"), ended(f"inner-{number}"))]
    assert shown(filled(began(), other("x"), *inner, ended())) == [
        "CrewKickoffStarted r",
        "missed 8",
        "CrewKickoffCompleted inner-3",
        "CrewKickoffCompleted r",
    ]
    assert shown(filled(began(), ended(), began(), ended(), ended(), most=2)).count("CrewKickoffCompleted r") == 3


def test_text_beyond_the_limit_goes_and_is_told() -> None:
    buffer = filled(piece("x" * 60), piece("y" * 60, "b"), piece("z" * 30, "c"), most=10)
    assert buffer.text == 90
    assert shown(buffer) == ["missed 1", "b:" + "y" * 60, "c:" + "z" * 30]


def test_a_piece_that_is_longer_than_all_that_may_wait_is_missed() -> None:
    buffer = filled(piece("x" * 101))
    assert (buffer.text, shown(buffer)) == (0, ["missed 1"])


def test_who_came_late_is_told_of_the_run_that_it_asked_for() -> None:
    buffer = EventBuffer(3, run_id="outer")
    path = Path("run/task-0/turn-0/tool-0/run-1/task-2/turn-0/model")
    for event in (began("inner"), other("x"), LLMStreamChunk("outer", path, 0.0, 0.0, "a"), ended("inner")):
        buffer.push(event)
    buffer.push(CrewKickoffCompleted("outer", Path("run/task-0/turn-0/tool-0/run-1"), 0.0, 0.0, "crew", "done"))
    missed, *rest = all_of(buffer)
    assert (missed.run_id, missed.path) == ("outer", "run/task-0/turn-0/tool-0/run-1")
    assert isinstance(missed, EventsMissed)
    assert rest[-1].run_id == "outer"


def test_what_is_joined_takes_no_more_room_than_its_text() -> None:
    buffer = filled(began(), most=10, most_text=1 << 20)
    tracemalloc.start()
    try:
        for number in range(200_000):
            buffer.push(piece(f"{number % 10}" if number % 2 else ""))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1 << 20
    assert len(all_of(buffer)[-1].text) == 100_000


PUSHED = st.sampled_from(["a", "b", "c", "other", "inner", "pop"])


@given(st.lists(PUSHED, max_size=200), st.integers(2, 12))
def test_it_is_bounded_loses_no_text_and_counts_what_it_loses(steps: list[str], most: int) -> None:
    buffer = filled(began(), most=most, most_text=10_000)
    given_text: dict[str, str] = defaultdict(str)
    read: list[Event] = []
    pushed = 1
    for number, step in enumerate(steps):
        if step == "pop":
            event = buffer.pop()
            read += [] if event is None else [event]
            continue
        pushed += 1
        if step in "abc":
            given_text[step] += f"{number} "
            buffer.push(piece(f"{number} ", step, float(number)))
        elif step == "inner":
            buffer.push(began(f"inner-{number}", float(number)))
        else:
            buffer.push(other(str(number), float(number)))
        assert len(buffer) <= most + 1
    buffer.push(ended())
    read += all_of(buffer)
    assert buffer.text == 0
    assert (type(read[0]), type(read[-1])) == (CrewKickoffStarted, CrewKickoffCompleted)
    came: dict[str, str] = defaultdict(str)
    for event in read:
        if isinstance(event, LLMStreamChunk):
            came[event.path] += event.text
    missed = sum(event.count for event in read if isinstance(event, EventsMissed))
    pieces = sum(len(text.split()) for text in came.values())
    others = [event for event in read if not isinstance(event, LLMStreamChunk | EventsMissed)]
    assert len(others) - 1 + pieces + missed == pushed
    if most > 6 and "inner" not in steps:
        # There is room for three replies, the run's own ends, and the word about what was missed.
        assert came == given_text


@pytest.mark.parametrize("most", [10, 1_000])
def test_a_reader_that_never_reads_costs_the_same_for_each_event(most: int) -> None:
    buffer = filled(began(), most=most)
    for number in range(20 * most):
        buffer.push(piece("x", str(number % 3)) if number % 2 else other(str(number)))
    assert len(buffer) <= most
    assert sum(len(line) for line in buffer._lines) <= most
