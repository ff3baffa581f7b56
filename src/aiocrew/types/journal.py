"""What a batch asks of its journal: who has done which input, and how far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from aiocrew.types.ports import Steps

__all__ = ["BatchJournal", "Beginning", "Begun", "Elsewhere", "Recorded"]


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """The input is done: what was recorded of it."""

    outcome: bytes
    attempts: int


class Begun(msgspec.Struct, frozen=True):
    """The input is this process's to do."""

    attempts: int
    """How often it has been begun from its start and not merely resumed, this time included."""
    steps: Callable[[Steps], Steps]
    """Puts the journal in front of the steps: what was finished before is not done again."""


class Elsewhere(msgspec.Struct, frozen=True, gc=False):
    """A living process is doing the input."""

    owner: str
    """For messages: host and process."""


Beginning: TypeAlias = Recorded | Begun | Elsewhere


class BatchJournal(Protocol):
    """What was done of a batch, durable: it survives the process at any moment. Any number of processes may share it.

    All methods raise JournalError when the file cannot be read or written.
    """

    async def begin(self, key: str, digest: bytes, *, retry_failed: bool) -> Beginning:
        """Claim the input `key` for this process, unless it is done or another one has it.

        digest: of the crew and the inputs; what was recorded under another one does not count as done.
        retry_failed: an input whose recorded outcome is a failure is done once more.
        """
        ...

    async def end(self, key: str, outcome: bytes, *, ok: bool, timed_out: bool = False) -> None:
        """Record the outcome of a begun input; it is durable when this returns, and the claim is given up.

        timed_out: it failed because its time was over: what was finished stays good for a retry.
        """
        ...

    async def give_up(self, key: str) -> None:
        """Give up the claim of a begun input that has no outcome (it was cancelled); its finished steps are kept."""
        ...
