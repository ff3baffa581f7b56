"""One input of a batch: run, or taken from the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, assert_never, cast

from aiocrew.aio.runtime import local_runtime
from aiocrew.batch.keys import KeyMaker
from aiocrew.batch.records import FixedCost, decode_outcome, encode_outcome, recorded_charges
from aiocrew.batch.window import Later
from aiocrew.errors import (
    AiocrewError,
    BlueprintError,
    BudgetExceededError,
    DeadlineExceededError,
    JournalError,
    NotStartedError,
    UsageError,
)
from aiocrew.types.context import Runtime
from aiocrew.types.journal import BatchJournal, Begun, Elsewhere, Recorded
from aiocrew.types.outputs import FailedRun, Outcome, Status

__all__ = ["BatchInput", "InputRun", "Inputs", "Ledger", "Worker", "not_started"]

Inputs: TypeAlias = Mapping[str, Any] | None
_LATER = Later()


class InputRun(Protocol):
    """The run of one input; it is carried out once."""

    async def outcome(self) -> Outcome:
        """Carry it out and return what became of it; only a cancellation is raised."""
        ...

    def cancelled(self, reason: str) -> FailedRun:
        """Return the outcome of the run, which was cancelled."""
        ...


class Worker(Protocol):
    """Who does the inputs of a batch."""

    async def load(self) -> None:
        """Load what tells the cost of an outcome; called before the first input of a batch with a journal."""
        ...

    def check(self, inputs: Any, index: int) -> None:
        """Raise BlueprintError for an input that cannot be run; called in the order of the inputs."""
        ...

    def digest(self, inputs: Inputs) -> bytes:
        """Return a digest of all that the outcome depends on. Raises UsageError where a run cannot be planned."""
        ...

    def restored(self, outcome: Outcome) -> Outcome:
        """Return an outcome that the journal had, with what a record cannot hold: instances of the user's classes.

        Raises ValueError where these do not take what was recorded.
        """
        ...

    def begin(self, inputs: Inputs, index: int, *, runtime: Runtime | None = None, attempts: int = 1) -> InputRun:
        """Return the run of an input; no work is done before it is awaited."""
        ...


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open journal, as one batch uses it."""

    journal: BatchJournal
    name: str
    """For messages."""
    keys: KeyMaker
    retry_failed: bool


class BatchInput:
    """The job of one input. Its key is made with it, in the order of the inputs."""

    __slots__ = ("_inputs", "_key", "_ledger", "_problem", "_run", "_worker", "index", "recorded")

    def __init__(self, inputs: Any, index: int, *, worker: Worker, ledger: Ledger | None) -> None:
        self._inputs: Inputs = inputs
        self._worker = worker
        self._ledger = ledger
        self._key = ""
        self._problem: AiocrewError | None = None
        self._run: InputRun | None = None
        self.index = index
        self.recorded = False
        """Whether the outcome is one that the journal had."""
        try:
            worker.check(inputs, index)
            if ledger is not None:
                self._key = ledger.keys.key(inputs)
        except BlueprintError as error:
            self._problem = error

    async def carry_out(self) -> Outcome | Later:
        """Return the outcome; Later while another process is doing the input. Raises JournalError."""
        if self._problem is not None:
            return self._never_run(self._problem)
        if self._ledger is None:
            self._run = self._worker.begin(self._inputs, self.index)
            return await self._run.outcome()
        return await self._by_journal(self._ledger)

    def cancelled(self, reason: str) -> FailedRun:
        """Return the outcome, now that the job was cancelled."""
        if self._run is not None:
            return self._run.cancelled(reason)
        return _without_run(asyncio.CancelledError(reason), "cancelled", self._inputs, self.index)

    def not_started(self, reason: str) -> FailedRun:
        """Return the outcome of the input, which the batch did not come to."""
        return not_started(reason, self._inputs, self.index)

    async def _by_journal(self, ledger: Ledger) -> Outcome | Later:
        try:
            digest = self._worker.digest(self._inputs)
        except UsageError as error:
            return self._never_run(error)
        beginning = await ledger.journal.begin(self._key, digest, retry_failed=ledger.retry_failed)
        match beginning:
            case Elsewhere():
                return _LATER
            case Recorded(outcome=record, attempts=attempts):
                self.recorded = True
                return self._restored(record, attempts, ledger)
            case Begun():
                return await self._claimed(ledger.journal, beginning)
            case _:
                assert_never(beginning)

    def _restored(self, record: bytes, attempts: int, ledger: Ledger) -> Outcome:
        outcome = decode_outcome(record, index=self.index, inputs=self._inputs, attempts=attempts, journal=ledger.name)
        try:
            return self._worker.restored(outcome)
        except ValueError as error:
            raise JournalError(
                f"the journal {ledger.name!r} holds an outcome of input {self.index} that its task's class does not "
                f"take: {error}. Take another journal, or run these inputs with the classes as they were.",
                path=ledger.name,
            ) from error

    async def _claimed(self, journal: BatchJournal, begun: Begun) -> Outcome:
        runtime = local_runtime()
        steps = begun.steps(runtime.steps)
        ended = False
        try:
            self._run = self._worker.begin(
                self._inputs, self.index, runtime=replace(runtime, steps=steps), attempts=begun.attempts
            )
            outcome = await self._run.outcome()
            if isinstance(outcome.error, JournalError):
                raise outcome.error
            if _is_final(outcome):
                try:
                    record = encode_outcome(outcome)
                except BlueprintError as error:
                    return _unrecordable(outcome, error)
                timed_out = isinstance(outcome.error, DeadlineExceededError)
                await journal.end(self._key, record, ok=outcome.ok, timed_out=timed_out)
                ended = True
        finally:
            if not ended:
                with suppress(JournalError):  # what is under way (an error, a cancellation) says more
                    await journal.give_up(self._key)
        return outcome

    def _never_run(self, error: AiocrewError) -> FailedRun:
        return _without_run(error, "failed", self._inputs, self.index)


def not_started(reason: str, inputs: Any, index: int) -> FailedRun:
    """Return the outcome of an input that the batch did not come to."""
    return _without_run(NotStartedError(reason), "skipped", inputs, index)


def _without_run(error: BaseException, status: Status, inputs: Any, index: int) -> FailedRun:
    given = cast("Inputs", inputs if isinstance(inputs, Mapping) else None)
    return FailedRun(error=error, status=status, index=index, inputs=given, attempts=0, costing=FixedCost(0.0))


def _unrecordable(outcome: Outcome, error: BlueprintError) -> FailedRun:
    return FailedRun(
        error=error,
        status="failed",
        index=outcome.index,
        inputs=outcome.inputs,
        duration_s=outcome.duration_s,
        token_usage=outcome.token_usage,
        attempts=outcome.attempts,
        costing=FixedCost(outcome.cost_usd, recorded_charges(outcome.charges)),
    )


def _is_final(outcome: Outcome) -> bool:
    """Return whether the outcome is one to keep: not that of a run which somebody or something kept from its end."""
    if isinstance(outcome, FailedRun):
        return outcome.status == "failed" and not isinstance(outcome.error, BudgetExceededError)
    return True
