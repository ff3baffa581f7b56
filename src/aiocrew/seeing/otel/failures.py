"""What an event tells of an error, as a span tells it. Pure.

The message of an error may quote a prompt, so it is content; its type is not.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from aiocrew.seeing.otel.names import sound

__all__ = ["OTHER", "REJECTED", "Failure", "failure_of", "failure_of_tool"]

OTHER: Final = "_OTHER"
"""The conventions' name for an error without one."""
REJECTED: Final = "tool_call_rejected"
"""A call of a tool gave nothing, though no tool raised: unknown, wrong arguments, a limit, a co-worker's failure."""

_CANCELLED = "CancelledError"
_SHOWN = re.compile(r"([A-Za-z_][\w.]{0,99})\(")
"""How the repr of nearly every exception begins."""
_NAMED = re.compile(r"([A-Za-z_][\w.]{0,99})(?::|$)")


class Failure(msgspec.Struct, frozen=True, gc=False):
    """How an operation failed."""

    type: str
    message: str
    cancelled: bool = False


def failure_of(error: str, *, cancelled: bool = False, status: int | None = None) -> Failure:
    """Return the failure that an event tells by the repr of an exception, and by the status of a provider's answer."""
    shown = _SHOWN.match(error)
    unnamed = OTHER if status is None else str(status)
    kind = _CANCELLED if cancelled else shown[1] if shown else unnamed
    return Failure(kind, sound(error), cancelled or kind == _CANCELLED)


def failure_of_tool(tool: str, error: str) -> Failure:
    """Return the failure of a tool's call: `error` is a repr too, or what the model was told."""
    if _SHOWN.match(error):
        return failure_of(error)
    told = f"The tool {tool!r} failed: "
    raised = _NAMED.match(error, len(told)) if error.startswith(told) else None
    return Failure(raised[1] if raised else REJECTED, sound(error))
