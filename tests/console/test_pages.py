"""Streams of many kinds: what each of them can show, and what becomes of one that fails."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.console.lines import Line, RunName, Span
from aiocrew.console.pages import Page
from aiocrew.console.safe_text import printable
from tests.console.terminals import ESCAPES, without_escapes

NAME = RunName("crew #1", "1", 0)
BEES = (Line("▶", "good", (Span("bees "), Span("are insects", "faint"))), Line(" ", "", (Span("and fly"),), 1))


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _usual_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def written(stream: Any, *lines: Line) -> str:
    Page(stream).write(NAME, lines or BEES)
    return stream.getvalue()


def test_a_file_gets_plain_lines_and_none_is_broken() -> None:
    long = Line("✓", "good", (Span("word " * 100 + "end"),))
    assert written(io.StringIO()) == "crew #1 │ ▶ bees are insects\ncrew #1 │     and fly\n"
    assert written(io.StringIO(), long).count("\n") == 1


def test_a_terminal_gets_colours_and_the_same_words() -> None:
    shown = written(Terminal())
    assert "\x1b[" in shown
    assert without_escapes(shown) == written(io.StringIO())


def test_a_terminal_gets_long_lines_broken_under_the_runs_name() -> None:
    shown = without_escapes(written(Terminal(), Line("✓", "good", (Span("word " * 30 + "漢" * 60),), 1)))
    lines = shown.splitlines()
    assert len(lines) > 4
    assert lines[0].startswith("crew #1 │   ✓ word")
    assert all(line.startswith("crew #1 │     ") for line in lines[1:])
    assert all(len(line) + line.count("漢") <= 60 for line in lines)


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("TERM", "unknown")])
def test_a_terminal_that_can_do_nothing_gets_plain_lines(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert written(Terminal()) == written(io.StringIO())


def test_no_color_leaves_out_the_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = written(Terminal())
    assert set(ESCAPES.findall(shown)) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}


def test_force_color_gives_colours_to_a_file_and_leaves_its_lines_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = written(io.StringIO(), Line("✓", "good", (Span("word " * 100 + "end"),)))
    assert "\x1b[" in shown
    assert shown.count("\n") == 1


def test_where_rich_is_not_installed_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "aiocrew.console.rich_page", None)
    assert written(Terminal()) == written(io.StringIO())


@given(st.text(st.characters(exclude_categories=())))
def test_no_escape_and_no_markup_of_a_text_reaches_a_terminal_as_such(text: str) -> None:
    for data in (text, f"[bold red]{text}[/]", f"\x1b[31m{text}", f":bee: [link=x]{text}[/link]"):
        shown = written(Terminal(), Line("✓", "good", (Span(printable(data)),)))
        assert set(ESCAPES.findall(shown)) <= {"\x1b[0m", "\x1b[2m", "\x1b[32m", "\x1b[1;36m"}
        words = "".join(line[11:] for line in without_escapes(shown).split("\n"))
        assert words.replace(" ", "") == printable(data).replace(" ", "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "shift_jis", "utf-8"])
def test_a_stream_gets_only_what_its_encoding_has(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    Page(stream).write(NAME, (Line("▶", "good", (Span("große 漢字 🐝"),)),))
    text = raw.getvalue().decode(encoding)
    assert ("\\U0001f41d" in text) == (encoding != "utf-8")
    assert text.startswith("crew #1 │ ▶ " if encoding == "utf-8" else "crew #1 | > ")


class Failing(io.StringIO):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
        self.tries = 0

    def write(self, text: str) -> int:
        self.tries += 1
        raise self.error


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("closed"), RuntimeError("a widget that is gone")])
def test_a_stream_that_fails_fails_nobody(error: Exception) -> None:
    Page(Failing(error)).write(NAME, BEES)


def test_a_broken_pipe_ends_the_account() -> None:
    stream = Failing(BrokenPipeError())
    page = Page(stream)
    page.write(NAME, BEES)
    page.write(NAME, BEES)
    assert stream.tries == 1


class Pieces(io.StringIO):
    """Keeps what each write brought."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def test_the_lines_of_one_event_are_one_write() -> None:
    stream = Pieces()
    Page(stream).write(NAME, BEES * 50)
    assert len(stream.pieces) == 1


def test_what_follows_a_question_begins_a_line_of_its_own() -> None:
    page = Page(stream := Pieces())
    page.ask("Well? ")
    page.write(NAME, BEES)
    page.ask("Well? ")
    page.answered()
    page.write(NAME, BEES)
    assert [piece[:5] for piece in stream.pieces] == ["Well?", "\ncrew", "Well?", "crew "]


def test_names_stand_in_a_column() -> None:
    page = Page(stream := io.StringIO())
    for label in ("a #1", "a long name #2", "b #3"):
        page.write(RunName(label, "1", 0), BEES[:1])
    assert [line.index("│") for line in stream.getvalue().splitlines()] == [5, 15, 15]


def test_a_terminal_too_narrow_for_words_breaks_the_lines_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert written(Terminal(), Line("✓", "good", (Span("word " * 20 + "end"),))).count("\n") == 1
