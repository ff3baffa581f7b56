"""What the causes share: stretches of time, and places in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiocrew.aio.watch import Frame
from aiocrew.seeing.report import Span

__all__ = ["NOWHERE", "frame_at", "longest"]

NOWHERE: Final = Frame("", 0, "")
_MOST_SPANS: Final = 200


def frame_at(place: str, function: str = "") -> Frame:
    """Return the frame of "file:line"."""
    file, _, line = place.rpartition(":")
    return Frame(file, int(line), function) if line.isdigit() else NOWHERE


def longest(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return `spans` in order; of many, the longest."""
    if len(spans) <= _MOST_SPANS:
        return tuple(spans)
    kept = sorted(spans, key=lambda span: span.from_s - span.to_s)[:_MOST_SPANS]
    return tuple(sorted(kept, key=lambda span: span.from_s))
