"""The handle of one run: it does no work until it is entered or awaited."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Generator
from types import TracebackType
from typing import Any, Literal, TypeAlias

from aiocrew.aio.background import Background
from aiocrew.aio.cancelling import cancel_pending, deliver_pending_cancel
from aiocrew.crew.kickoff import Kickoff
from aiocrew.errors import UsageError
from aiocrew.types.outputs import CrewOutput, Outcome
from aiocrew.types.usage import UsageMetrics

__all__ = ["Run", "RunStatus"]

RunStatus: TypeAlias = Literal["pending", "running", "ok", "failed", "cancelled"]


class Run:
    """A run of a crew.

    `async with crew.start(inputs) as run` starts it; inside, `await run` is its output, `run.cancel()` ends it. Leaving
    the block waits for it, or cancels it when the block raised. `await crew.start(inputs)` is all that in one. A
    cancelled run raises CancelledError to whoever awaits it. A handle that was never used warns.
    """

    def __init__(self, kickoff: Kickoff) -> None:
        self._kickoff = kickoff
        self._status: RunStatus = "pending"
        self._task: asyncio.Task[Any] | None = None  # whose await carries the run out
        self._background: Background[CrewOutput] | None = None
        self._ended: CrewOutput | BaseException | None = None
        self._cancel_asked = False
        self._joined = False

    @property
    def id(self) -> str:
        return self._kickoff.run_id

    @property
    def status(self) -> RunStatus:
        return self._status

    @property
    def usage(self) -> UsageMetrics:
        """The tokens used so far."""
        return self._kickoff.usage

    def cancel(self) -> None:
        """End the run: its calls in flight are closed at once. A run that has ended stays as it is."""
        if self._status == "pending":
            self._status = "cancelled"
        elif self._status == "running":
            self._cancel_asked = True
            if self._task is not None:  # otherwise it looks at the request when it begins
                self._task.cancel()

    def __await__(self) -> Generator[Any, None, CrewOutput]:
        return self._result().__await__()

    async def outcome(self) -> Outcome:
        """Return what became of the run: its CrewOutput, or a FailedRun that says why there is none."""
        return await self._kickoff.outcome(self._result())

    async def _result(self) -> CrewOutput:
        if self._background is not None:
            self._joined = True
            return await self._background.join()
        if self._status == "pending":
            return await self._carry_out()
        if self._status == "running":
            raise UsageError("this run is awaited elsewhere; use `async with crew.start(...) as run` to share it")
        if isinstance(self._ended, CrewOutput):
            return self._ended
        raise self._ended or asyncio.CancelledError

    async def _carry_out(self) -> CrewOutput:
        self._status = "running"
        self._task = task = asyncio.current_task()
        try:
            if self._cancel_asked and not cancel_pending():
                raise asyncio.CancelledError  # noqa: TRY301 - cancelled before it began
            output = await self._kickoff.carry_out()
            if self._cancel_asked:
                await deliver_pending_cancel()
        except asyncio.CancelledError:
            self._status = "cancelled"
            if self._cancel_asked and task is not None:
                task.uncancel()  # the run was cancelled, not whoever awaits it
            raise
        except Exception as error:
            self._status, self._ended = "failed", error
            raise
        finally:
            self._task = None
        self._status, self._ended = "ok", output
        return output

    async def __aenter__(self) -> Run:
        if self._status not in ("pending", "cancelled") or self._background is not None:
            raise UsageError(f"this run is {self._status} already; crew.start(...) makes a new one")
        if self._status == "pending":
            self._status = "running"
            self._background = Background(self._carry_out())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        background = self._background
        if background is None:
            return
        if error is not None:
            await self._stop(background)
            return
        try:
            await background.join()
        except asyncio.CancelledError:
            if cancel_pending():
                await self._stop(background)
                raise
        except Exception:
            if not self._joined:
                raise

    async def _stop(self, background: Background[CrewOutput]) -> None:
        await background.stop()
        if self._status == "running":  # stopped before it began
            self._status = "cancelled"
        await deliver_pending_cancel()

    def __del__(self) -> None:
        if getattr(self, "_status", None) == "pending":
            warnings.warn(
                "a run was made by crew.start() and never used: write `async with crew.start(...) as run` or "
                "`await crew.start(...)`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
