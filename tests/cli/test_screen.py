from __future__ import annotations

import io

from aiocrew.cli.screen import Lines, shortened


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_lines_are_written_in_order_before_the_block_ends() -> None:
    out = io.StringIO()
    with Lines(out) as lines:
        for number in range(100):
            lines.write(f"line {number}\x1b")
    assert out.getvalue().splitlines() == [f"line {number}\\x1b" for number in range(100)]


def test_a_reader_who_has_left_ends_nothing() -> None:
    with Lines(Gone()) as lines:
        lines.write("to nobody")
        lines.write("to nobody")


def test_what_is_shown_is_one_line_of_text() -> None:
    assert shortened("a\n b\x07", 20) == r"a b\x07"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"
