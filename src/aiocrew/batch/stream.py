"""The outcomes of a batch, as they finish."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, cast

from aiocrew.batch.inputs import BatchInput, Ledger, Worker, not_started
from aiocrew.batch.keys import KeyMaker
from aiocrew.batch.options import BatchOptions
from aiocrew.batch.window import Stopped, Window
from aiocrew.errors import BatchError, JournalError
from aiocrew.types.outputs import FailedRun, Outcome

__all__ = ["OutcomeStream", "stream_outcomes"]

_MOST_OF_A_STREAM = 1_000
"""So many inputs of a source without an end are under way, unless the caller says something else."""


class OutcomeStream:
    """The outcomes of a batch, each as soon as it is there: `async with stream as outcomes: async for outcome in ...`.

    No work is done before the iteration begins. When the block is left, nothing of the batch is alive any more. A bare
    `async for` over it does as well: where that is left early, what is under way is cancelled as soon as nobody holds
    the stream. It can be iterated once.
    """

    __slots__ = ("_outcomes",)

    def __init__(self, outcomes: AsyncGenerator[Outcome]) -> None:
        self._outcomes = outcomes

    async def __aenter__(self) -> OutcomeStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return "<OutcomeStream: iterate it with `async for`, best inside `async with`>"

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    def __anext__(self) -> Awaitable[Outcome]:
        return self._outcomes.__anext__()

    async def aclose(self) -> None:
        """End the batch: what is under way is cancelled, and has ended when this returns."""
        await self._outcomes.aclose()


def stream_outcomes(
    inputs: Sequence[Any] | Iterable[Any] | AsyncIterable[Any], worker: Worker, options: BatchOptions
) -> OutcomeStream:
    """Return the outcomes of `inputs`, which `worker` does."""
    # The generator knows nothing of the stream: so the stream is not in a circle, and ends when nobody holds it.
    return OutcomeStream(_outcomes(inputs, worker, options))


async def _outcomes(inputs: Any, worker: Worker, options: BatchOptions) -> AsyncGenerator[Outcome]:
    sized = isinstance(inputs, Sequence)
    most = options.max_concurrency or (sys.maxsize if sized else _MOST_OF_A_STREAM)
    allowed = sys.maxsize if options.max_failures is None else options.max_failures
    failures = 0
    ended_by: Outcome | None = None
    stopped: Stopped[BatchInput] | None = None
    async with _opened(options) as ledger:
        if ledger is not None:
            await worker.load()
        begin = partial(BatchInput, worker=worker, ledger=ledger)
        async with Window(cast("Iterable[Any] | AsyncIterable[Any]", inputs), begin, most=most) as window:
            async for job, outcome in window:
                if isinstance(outcome, FailedRun):
                    if options.on_error == "raise":
                        raise _ended_by(outcome) from outcome.error
                    failures += not job.recorded
                    if failures > allowed:
                        ended_by, stopped = outcome, await window.stop()
                        break
                yield outcome
    if ended_by is None or stopped is None:
        return
    yield ended_by
    reason = f"the batch ended because more than max_failures={allowed} inputs had failed"
    for outcome in _last_outcomes(stopped, reason):
        yield outcome
    if sized:
        for index, item in enumerate(cast("Sequence[Any]", inputs)[window.fetched :], window.fetched):
            yield not_started(reason, item, index)


def _last_outcomes(stopped: Stopped[BatchInput], reason: str) -> Iterable[Outcome]:
    for _, outcome in stopped.ended:
        yield outcome
    for job in stopped.cancelled:
        yield job.cancelled(reason)
    for job in stopped.waiting:
        yield job.not_started(reason)


def _ended_by(failure: FailedRun) -> BatchError:
    return BatchError(
        f"input {failure.index} failed, and on_error='raise' ended the batch with it: {failure.error}",
        failures=(failure,),
    )


@asynccontextmanager
async def _opened(options: BatchOptions) -> AsyncGenerator[Ledger | None]:
    journal = options.journal
    if journal is None:
        yield None
        return
    if isinstance(journal, str | os.PathLike):
        # Here, because it loads sqlite3: whoever keeps no journal never pays for that.
        try:
            from aiocrew.batch.journal import open_journal
        except ModuleNotFoundError as error:  # _sqlite3 is missing where its headers were when Python was built
            path = os.fspath(journal)
            raise JournalError(
                f"journal={path!r} needs sqlite3, which this Python is without: {error}", path=path
            ) from error

        name, opening = os.fspath(journal), open_journal(journal)
    else:
        name, opening = type(journal).__name__, journal
    async with opening as opened:
        yield Ledger(opened, name, KeyMaker(options.key), options.retry_failed)
