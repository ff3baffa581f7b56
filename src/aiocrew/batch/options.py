"""How a batch is to be carried out; checked before anything is done."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from aiocrew.batch.keys import GivenKey
from aiocrew.errors import BlueprintError
from aiocrew.types.journal import BatchJournal

__all__ = ["BatchOptions", "JournalSource", "OnError"]

OnError: TypeAlias = Literal["return", "raise"]
JournalSource: TypeAlias = str | os.PathLike[str] | AbstractAsyncContextManager[BatchJournal]
"""The path of a journal's file, or what opens a journal of another kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """The keywords of Crew.map, where they are explained."""

    max_concurrency: int | None = None
    key: GivenKey | None = None
    journal: JournalSource | None = None
    retry_failed: bool = False
    on_error: OnError = "return"
    max_failures: int | None = None

    def __post_init__(self) -> None:
        """Raises BlueprintError for what cannot be."""
        most, failures, on_error, key = cast(
            "tuple[Any, Any, Any, Any]", (self.max_concurrency, self.max_failures, self.on_error, self.key)
        )
        if most is not None and not (type(most) is int and most >= 1):
            raise BlueprintError(f"max_concurrency={most!r} must be a whole number from 1, or None")
        if failures is not None and not (type(failures) is int and failures >= 0):
            raise BlueprintError(f"max_failures={failures!r} must be a whole number from 0, or None for any number")
        if on_error not in ("return", "raise"):
            raise BlueprintError(f"on_error={on_error!r} must be 'return' or 'raise'")
        if key is not None and not callable(key):
            raise BlueprintError(f"key={key!r} must be a function that returns a text for each input")
        self._check_journal()

    def _check_journal(self) -> None:
        journal: Any = self.journal
        if journal is None and self.retry_failed:
            raise BlueprintError("retry_failed=True needs a journal that tells what failed: give journal=...")
        if journal is None or isinstance(journal, AbstractAsyncContextManager):
            return
        if not isinstance(journal, str | os.PathLike) or not os.fspath(cast("str", journal)):
            raise BlueprintError(f"journal={journal!r} must be the path of a file, such as 'batch.sqlite'")
