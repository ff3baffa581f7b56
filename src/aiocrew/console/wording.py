"""How the account words seconds, tokens, money, errors and long texts."""

from __future__ import annotations

from aiocrew.console.lines import Line, Manner, Span
from aiocrew.console.safe_text import lines_of, shortened
from aiocrew.console.stories import Story

__all__ = ["after", "block", "counted", "cut", "dollars", "error_lines", "faint", "said", "seconds", "who"]

_MOST_OF_A_TEXT = 300
_ON_ONE_LINE = 100
_ANSWER_LINES, _ANSWER_CHARACTERS = 60, 6_000
_ERROR_LINES, _ERROR_CHARACTERS = 120, 12_000
_CANCELLED = "CancelledError("
"""How the repr of asyncio's begins."""


def seconds(value: float) -> str:
    """Return a duration as people read it: `0.04 s`, `7.1 s`, `2 min 05 s`."""
    if value >= 60:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes:,} min {rest:02} s"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def after(value: float | None) -> str:
    """Return ` after 7.1 s`; nothing where the duration is not known."""
    return "" if value is None else f" after {seconds(value)}"


def counted(number: int, thing: str) -> str:
    """Return `1 call`, `1,204 calls`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def dollars(value: float) -> str:
    """Return an amount of money: cents from ten dollars on, else down to a hundredth of a cent."""
    return f"${value:,.2f}" if value >= 10 or value == 0 else f"${value:.4f}" if value >= 0.0001 else "< $0.0001"


def cut(text: str, length: int = _MOST_OF_A_TEXT) -> str:
    """Return the beginning of a text of others, printable, on one line."""
    return shortened(text.strip(), length)


def who(name: str) -> Span:
    """Return the name of an agent, a method or a callback, as it stands in a line."""
    return Span(cut(name), "name")


def faint(text: str) -> Span:
    """Return what is less important than the rest of its line. `text` must be printable."""
    return Span(text, "faint")


def said(mark: str, manner: Manner, *parts: str | Span, indent: int = 0) -> Line:
    """Return a line of parts, all printable; a plain text has no manner of its own."""
    return Line(mark, manner, tuple(Span(part) if isinstance(part, str) else part for part in parts), indent)


def block(head: Line, text: str, manner: Manner = "") -> tuple[Line, ...]:
    """Return `head`, and the whole of a text of others behind it or below it; of a very long one the beginning."""
    return _joined(head, lines_of(text, _ANSWER_LINES, _ANSWER_CHARACTERS), manner)


def error_lines(story: Story, head: Line, error: str) -> tuple[Line, ...]:
    """Return `head` with an error: in full where it comes up first, in short where it is passed on."""
    if error.startswith(_CANCELLED):
        return (Line(head.mark, "faint", (*head.spans, faint(": cancelled")), head.indent),)
    if error in story.told_errors:
        return (Line(head.mark, head.manner, (*head.spans, Span(": "), Span(cut(error, 200), "bad")), head.indent),)
    story.told_errors.add(error)
    return _joined(head, lines_of(error, _ERROR_LINES, _ERROR_CHARACTERS), "bad")


def _joined(head: Line, lines: list[str], manner: Manner) -> tuple[Line, ...]:
    if len(lines) == 1 and len(lines[0]) <= _ON_ONE_LINE:
        return (Line(head.mark, head.manner, (*head.spans, Span(": "), Span(lines[0], manner)), head.indent),)
    below = tuple(Line(" ", "", (Span(line, manner),), head.indent) for line in lines)
    return (Line(head.mark, head.manner, (*head.spans, Span(":")), head.indent), *below)
