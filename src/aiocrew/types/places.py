"""Which line of the user's own program called us."""

from __future__ import annotations

import os
import sys
from types import FrameType

import pydantic

__all__ = ["PACKAGE", "calling_frame", "place_of"]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
"""Where aiocrew's own code lies."""
_OURS = (PACKAGE, os.path.dirname(os.path.abspath(pydantic.__file__)) + os.sep)


def calling_frame() -> FrameType | None:
    """Return the innermost frame that is neither aiocrew's nor pydantic's; None where there is none."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType | None) -> str:
    """Return "file:line" of what `frame` executes, "" for none."""
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
