from __future__ import annotations

from aiocrew.cli.words import Failures, clock_time, counted, dollars, shortened


def test_what_is_shown_is_one_line_of_text() -> None:
    assert shortened("a\n b\x07", 20) == r"a b\x07"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"


def test_numbers_are_said_as_people_read_them() -> None:
    assert [counted(number, "input") for number in (0, 1, 1200)] == ["0 inputs", "1 input", "1,200 inputs"]
    assert [dollars(usd) for usd in (0, 0.00012, 1, 1234.5)] == ["$0.00", "$0.0001", "$1.00", "$1,234.50"]
    assert [clock_time(seconds) for seconds in (0.4, 61, 3600, 90_061)] == ["0:00", "1:01", "1:00:00", "25:01:01"]


def test_failures_are_told_by_kind_the_commonest_first_with_the_words_of_the_first() -> None:
    failures = Failures()
    for error in (KeyError("a"), ValueError("one\nline"), ValueError("other")):
        failures.take(error)
    assert list(failures.lines()) == ["  2 x ValueError, such as: one line", "  1 x KeyError, such as: 'a'"]


def test_of_many_kinds_of_failures_the_rest_is_counted() -> None:
    failures = Failures()
    for number in range(7):
        failures.take(type(f"Kind{number}", (Exception,), {})())
    assert len(list(failures.lines())) == 6
    assert list(failures.lines())[-1] == "  and 2 other kinds"
