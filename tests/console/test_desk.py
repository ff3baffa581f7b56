"""What is written, one thing after another."""

from __future__ import annotations

import threading

import pytest

from aiocrew.console.desk import Desk


class Paper:
    """Keeps what was written; while `busy` is set the hand rests."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def writing(self, word: str) -> object:
        def write(left_out: int) -> None:
            self.begun.set()
            self.free.wait()
            self.words.append(f"{left_out} left out, {word}" if left_out else word)

        return write


def test_what_is_put_from_many_threads_is_written_once_and_each_threads_in_order() -> None:
    desk, paper = Desk(patience_s=30), Paper()

    def work(name: str) -> None:
        for number in range(100):
            desk.put(paper.writing(f"{name}{number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.wait_written()
    for name in "abcd":
        assert [word for word in paper.words if word[0] == name] == [f"{name}{number}" for number in range(100)]


def test_nobody_waits_twice_for_paper_that_takes_nothing() -> None:
    desk, paper = Desk(patience_s=0.01), Paper()
    paper.free.clear()
    desk.put(paper.writing("a"))
    desk.wait_written()
    desk.put(paper.writing("b"))
    desk.wait_written()
    assert paper.words == []
    last = threading.Event()
    desk.put(lambda left_out: last.set())
    paper.free.set()
    assert last.wait(30)
    assert paper.words == ["a", "b"]


def test_where_too_much_waits_it_is_left_out_and_said_how_much_but_nothing_that_is_needed() -> None:
    desk, paper = Desk(most_waiting=2, patience_s=30), Paper()
    paper.free.clear()
    desk.put(paper.writing("under way"))
    assert paper.begun.wait(30)
    for word in "abcd":
        desk.put(paper.writing(word))
    desk.put(paper.writing("needed"), needed=True)
    desk.put(paper.writing("e"))
    paper.free.set()
    desk.wait_written()
    desk.put(paper.writing("f"))
    desk.wait_written()
    assert paper.words == ["under way", "a", "b", "2 left out, needed", "1 left out, f"]


def test_even_what_is_needed_does_not_wait_in_any_number() -> None:
    desk, paper = Desk(most_waiting=2, patience_s=30), Paper()
    paper.free.clear()
    desk.put(paper.writing("under way"))
    assert paper.begun.wait(30)
    for number in range(50):
        desk.put(paper.writing(str(number)), needed=True)
    paper.free.set()
    desk.wait_written()
    assert paper.words == ["under way", *map(str, range(20))]


def test_a_process_that_ends_waits_for_what_is_written_and_not_for_paper_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, paper = Desk(patience_s=0), Paper()
    paper.free.clear()
    for word in "abc":
        desk.put(paper.writing(word))
    monkeypatch.setattr("aiocrew.console.desk._AT_EXIT_S", 0.01)
    desk.wait_at_exit()
    assert paper.words == []
    monkeypatch.setattr("aiocrew.console.desk._AT_EXIT_S", 30)
    paper.free.set()
    desk.wait_at_exit()
    assert paper.words == ["a", "b", "c"]


def test_nothing_is_written_behind_a_question_before_it_is_answered() -> None:
    desk, paper = Desk(patience_s=30), Paper()
    desk.put(paper.writing("before"))
    hold = desk.hold_behind(paper.writing("question"))
    desk.put(paper.writing("after"))
    desk.wait_written()  # does not wait for the person
    assert paper.words == ["before", "question"]
    desk.release(hold, paper.writing("end of line"))
    desk.release(hold, paper.writing("a second time"))
    desk.wait_written()
    assert paper.words == ["before", "question", "end of line", "after"]


def test_a_question_that_is_taken_back_before_its_turn_holds_nobody_up() -> None:
    desk, paper = Desk(patience_s=30), Paper()
    paper.free.clear()
    desk.put(paper.writing("before"))
    hold = desk.hold_behind(paper.writing("question"))
    desk.release(hold)
    desk.put(paper.writing("after"))
    paper.free.set()
    desk.wait_written()
    assert paper.words == ["before", "question", "after"]
