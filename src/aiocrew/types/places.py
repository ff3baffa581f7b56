"""Which line of the user's own program called us."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import pydantic

__all__ = ["PACKAGE", "calling_frame", "place_of", "place_of_function"]

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


def place_of_function(function: Callable[..., Any]) -> str:
    """Return "file:line" of where `function` is defined; "" for what is not written in Python."""
    inner: Any = getattr(function, "func", function)  # of a partial
    if not (hasattr(inner, "__code__") or hasattr(inner, "__func__")):
        inner = type(inner).__call__ if callable(inner) else None  # an object that is called
    code = getattr(getattr(inner, "__func__", inner), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if isinstance(code, CodeType) else ""
