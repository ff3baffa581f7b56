"""Whether requests to real models may leave this process. In tests they may not."""

from __future__ import annotations

import threading
from typing import Final

from aiocrew.errors import UsageError
from aiocrew.models.shown import shown_url

__all__ = ["GATE", "ModelRequestForbiddenError", "RequestGate"]


class ModelRequestForbiddenError(UsageError):
    """A call was about to leave for a real model, and that is forbidden here; `model` and `url` say for which."""

    def __init__(self, message: str, *, model: str, url: str) -> None:
        super().__init__(message)
        self.model, self.url = model, url


class RequestGate:
    """Any number of parties close it, each for its own reason; requests pass when all of them have opened it again."""

    __slots__ = ("_lock", "_reasons", "closed")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: list[str] = []
        self.closed = False
        """Looked at before each request: the one thing that an open gate costs."""

    def close(self, reason: str) -> None:
        """Let no request pass. `reason` is what is in force, for the error."""
        with self._lock:
            self._reasons.append(reason)
            self.closed = True

    def open(self, reason: str) -> None:
        """Undo one `close(reason)`."""
        with self._lock:
            self._reasons.remove(reason)
            self.closed = bool(self._reasons)

    def refuse(self, model: str, url: str) -> None:
        """Raise ModelRequestForbiddenError, unless the gate was opened meanwhile.

        What in `url` may be secret is left out.
        """
        with self._lock:
            if not self._reasons:
                return
            reason = self._reasons[-1]
        where = shown_url(url)
        raise ModelRequestForbiddenError(
            f"a request to {model}{f' at {where}' if where else ''} was about to be sent, and no real model may be "
            f"asked here: {reason}. Give the agent a ScriptedModel, or replay a cassette",
            model=model,
            url=where,
        )


GATE: Final = RequestGate()
"""The one of this process."""
