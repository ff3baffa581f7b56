"""Texts and numbers as the command says them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from aiocrew.console.account import printable

__all__ = ["Failures", "clock_time", "counted", "dollars", "shortened"]

_MOST_KINDS = 5
_MESSAGE = 300


def shortened(text: str, length: int) -> str:
    """Return `text` on one line of at most `length` characters, control characters shown as text."""
    shown = printable(" ".join(text.split()))
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def counted(number: int, what: str) -> str:
    """Return a number of things, in the plural where there is not one."""
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def dollars(usd: float) -> str:
    """Return an amount, finer where it is small."""
    return f"${usd:,.4f}" if 0 < usd < 1 else f"${usd:,.2f}"


def clock_time(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Failures:
    """Counts failures by their kind, and keeps what the first of each kind says."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def take(self, error: BaseException) -> None:
        """Count one."""
        kind = type(error).__name__
        self._kinds[kind] += 1
        if kind not in self._examples:
            self._examples[kind] = shortened(str(error), _MESSAGE)

    def lines(self) -> Iterator[str]:
        """Give a line for each of the commonest kinds, the commonest first."""
        for kind, times in self._kinds.most_common(_MOST_KINDS):
            yield f"  {times:,} x {kind}, such as: {self._examples[kind]}"
        others = len(self._kinds) - _MOST_KINDS
        if others > 0:
            yield f"  and {counted(others, 'other kind')}"
