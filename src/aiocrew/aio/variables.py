"""Context variables that hold for the length of a block."""

from __future__ import annotations

from contextvars import Token
from typing import Any

__all__ = ["set_back"]


def set_back(token: Token[Any]) -> None:
    """Give a context variable the value that it had before the `set` that `token` is of.

    Nothing happens in another context: that one never had the value. A coroutine comes to its end there when nobody
    awaits it any more: a loop was closed over it, or the garbage collector came by. To raise in its finally-block would
    hide what ends it (GeneratorExit), and code around it would tell of a failure that there was not.
    """
    try:  # noqa: SIM105 - it stands around every step, and `suppress` takes three times as long
        token.var.reset(token)
    except ValueError:
        pass
