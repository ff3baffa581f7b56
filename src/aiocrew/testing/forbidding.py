"""Forbidding requests to real models, in the whole process."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiocrew.models.real_requests import GATE, ModelRequestForbiddenError

__all__ = ["Forbidding", "ModelRequestForbiddenError", "forbid_model_requests"]


class Forbidding:
    """Forbids requests to real models until it is lifted, or left as a block. Several may be in force at once."""

    def __init__(self, because: str) -> None:
        self._because = because
        self._in_force = True
        GATE.close(because)

    def lift(self) -> None:
        """Let requests pass again, as far as this forbidding is concerned."""
        if self._in_force:
            self._in_force = False
            GATE.open(self._because)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.lift()


def forbid_model_requests(because: str = "forbid_model_requests() is in force") -> Forbidding:
    """Let every request to a real model raise ModelRequestForbiddenError, in every thread, from now on.

    As a block it holds until its end; otherwise until `lift()` of what this returns. `because` stands in the error.
    Scripted models, the offline model and replayed steps make no request. Objects of LangChain's and CrewAI's
    integrations are refused, too; not noticed is what a model of your own class sends, or a tool.
    """
    return Forbidding(because)
