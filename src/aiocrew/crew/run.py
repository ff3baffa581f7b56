"""The handle of one run: it does no work until it is entered or awaited."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Generator
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, TypeAlias

from aiocrew.agent.event_buffer import EventBuffer
from aiocrew.agent.event_reader import EventReader, Relay
from aiocrew.agent.event_stream import RunEvents
from aiocrew.agent.wanted_chunks import chunk_wish
from aiocrew.aio.background import Background
from aiocrew.aio.cancelling import cancelled_since, cancels, deliver_cancel_since
from aiocrew.aio.variables import set_back
from aiocrew.crew.kickoff import Kickoff
from aiocrew.errors import UsageError
from aiocrew.types.context import here
from aiocrew.types.events import Event
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
        self._cancels_given = 0
        self._cancels_before = 0
        self._joined = False
        self._is_relayed = False
        self._relay = kickoff.relay = Relay()

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

    def events(self) -> RunEvents:
        """Return the run's events from now on: `async for event in run.events()`, any number of times.

        It is called on the run's loop; what it returns may be iterated on any other. Each reader has a buffer of its
        own; a slow one delays nobody. What happened before is not kept, so call this first in the block of
        `async with`. The iteration ends with the run. Leaving it does not touch the run. While anybody reads, models
        are asked for their replies in pieces. Raises UsageError inside the run itself.
        """
        self._refuse_inside("read")
        reader = EventReader[Event](EventBuffer(run_id=self.id))
        self._relay.add(reader)
        self._see_to_relay()
        return RunEvents(reader, self._leave)

    def _leave(self, reader: EventReader[Event]) -> None:
        self._relay.drop(reader)
        task = self._task
        if task is None:
            return  # not begun, or over: nothing is told
        loop = task.get_loop()
        if loop is asyncio.get_running_loop():
            self._see_to_relay()
            return
        with suppress(RuntimeError):  # the run's loop was closed
            # Who reads a run is decided on its own loop: two threads would undo what the other one does.
            loop.call_soon_threadsafe(self._see_to_relay)

    def _see_to_relay(self) -> None:
        """Have the run tell the relay while anybody reads."""
        is_read = self._relay.is_read
        if is_read == self._is_relayed:
            return
        self._is_relayed = is_read
        if is_read:
            self._kickoff.add_reader(self._relay)
        else:
            self._kickoff.drop_reader(self._relay)

    def cancel(self) -> None:
        """End the run: its calls in flight are closed at once. A run that has ended stays as it is."""
        if self._status == "pending":
            self._status = "cancelled"
            self._relay.end()
        elif self._status == "running":
            self._cancel_asked = True
            if self._task is not None and not self._cancels_given:  # not begun: it looks at the request when it does
                self._cancels_given += self._task.cancel()

    def __await__(self) -> Generator[Any, None, CrewOutput]:
        return self._result().__await__()

    async def outcome(self) -> Outcome:
        """Return what became of the run: its CrewOutput, or a FailedRun that says why there is none."""
        return await self._kickoff.outcome(self._result())

    async def _result(self) -> CrewOutput:
        if isinstance(self._ended, CrewOutput):
            return self._ended
        if self._status in ("failed", "cancelled"):
            self._joined = True
            raise self._ended or asyncio.CancelledError
        if self._status == "pending":
            return await self._carry_out()
        self._refuse_inside("awaited")
        if self._background is None:
            raise UsageError("this run is awaited elsewhere; use `async with crew.start(...) as run` to share it")
        try:
            return await self._background.join()
        finally:
            # Whoever gave up waiting was told nothing: then leaving the block tells of a failure.
            self._joined = self._joined or self._background.ended

    def _refuse_inside(self, done: str) -> None:
        where = here.get()
        if where is not None and where.run.run_id == self.id:
            raise UsageError(f"a run cannot be {done} from within itself: it would wait for its own end")

    async def _carry_out(self) -> CrewOutput:
        self._status = "running"
        self._task = task = asyncio.current_task()
        try:
            output = await self._unless_cancelled()
        except asyncio.CancelledError:
            self._status = "cancelled"
            raise
        except Exception as error:
            self._status, self._ended = "failed", error
            raise
        finally:
            self._task = None
            self._relay.end()
            if self._cancels_given and task is not None:
                task.uncancel()  # the run was cancelled, not whoever awaits it
        self._status, self._ended = "ok", output
        return output

    async def _unless_cancelled(self) -> CrewOutput:
        if self._cancel_asked:  # before it began
            raise asyncio.CancelledError
        before = cancels()
        self._see_to_relay()
        self._relay.outer = chunk_wish.get()
        token = chunk_wish.set(self._relay)
        try:
            output = await self._kickoff.carry_out()
        finally:
            set_back(token)
        await deliver_cancel_since(before)
        return output

    async def __aenter__(self) -> Run:
        if self._status not in ("pending", "cancelled") or self._background is not None:
            raise UsageError(f"this run is {self._status} already; crew.start(...) makes a new one")
        self._cancels_before = cancels()
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
            if cancelled_since(self._cancels_before):
                await self._stop(background)
                raise
        except Exception:
            if not self._joined:
                raise

    async def _stop(self, background: Background[CrewOutput]) -> None:
        await background.stop()
        if self._status == "running":  # stopped before it began
            self._status = "cancelled"
            self._relay.end()
        await deliver_cancel_since(self._cancels_before)

    def __del__(self) -> None:
        if getattr(self, "_status", None) == "pending":
            warnings.warn(
                "a run was made by crew.start() and never used: write `async with crew.start(...) as run` or "
                "`await crew.start(...)`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
