from __future__ import annotations

import io

import pytest

from aiocrew.cli.screen import Lines, can_redraw


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


def test_on_a_pipe_nothing_is_redrawn_though_colours_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not can_redraw()
