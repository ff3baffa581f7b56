"""Steps that write onto a tape, and Steps that are answered from one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

import msgspec

from aiocrew.aio.variables import set_back
from aiocrew.crew.files import FileWriting
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.played import PlayedRun
from aiocrew.testing.results import NOT_JSON, error_of, failure_of, result_of, value_of
from aiocrew.testing.session import Session
from aiocrew.testing.tape import TapedStep
from aiocrew.testing.virtual_loop import VirtualTimeLoop
from aiocrew.types.context import Here, active_runtime, here
from aiocrew.types.events import LLMStreamChunk
from aiocrew.types.messages import Reply
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Branches, Effect, Steps

__all__ = ["RecordingSteps", "ReplayingSteps"]

T = TypeVar("T")

_PATIENCE_S = 60.0
_DIGITS = 6


class RecordingSteps:
    """Carries every step out and writes down what it was, what came of it, and how long it took.

    What runs inside a step (a crew that a tool kicks off) is a part of it and is not written down by itself.
    """

    def __init__(self, inner: Steps, session: Session) -> None:
        self._inner = inner
        self._session = session

    async def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> T:
        at, session = here.get(), self._session
        if at is None or session.is_unknown(at.run.run_id) or isinstance(effect, FileWriting):
            return await self._inner.step(path, body, returns, effect)
        asked, loop = session.asked(effect), asyncio.get_running_loop()
        began_s = loop.time()

        def write(**ending: Any) -> None:
            took_s = round(loop.time() - began_s, _DIGITS)
            step = TapedStep(path, "" if effect is None else effect.label, took_s, asked, **ending)
            session.write(at.run.run_id, step)

        with session.under_way():
            try:
                value = await self._inner.step(path, partial(_apart, self._inner, body), returns, effect)
            except asyncio.CancelledError:
                write(ended="cut")
                raise
            except Exception as error:  # it is written down, and raised
                write(ended="failed", failed=failure_of(error))
                raise
        gave = result_of(value, returns)
        if gave is not NOT_JSON:
            write(gave=gave, streamed=session.has_streamed(at.run.run_id, path))
        elif returns is Reply:
            raise session.failure(
                f"{path}: the reply of {'' if effect is None else effect.label} cannot be recorded, it does not come "
                "back equal from JSON"
            )
        else:
            write(ended="again")
        return value

    def branches(self, specs: Iterable[Branch[T]] = ()) -> AbstractAsyncContextManager[Branches[T]]:
        return self._inner.branches(specs)


class ReplayingSteps:
    """Answers every step from the tape. No body runs, but for what no tape can hold, and for an output_file.

    On virtual time a step takes as long as it took; in real time none, unless `in_real_time` says so.
    """

    def __init__(self, inner: Steps, session: Session, *, in_real_time: bool) -> None:
        self._inner = inner
        self._session = session
        self._in_real_time = in_real_time

    async def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> T:
        """Give what was recorded. Raises what the step raised, and CassetteError where it was not recorded as it is."""
        at, session = here.get(), self._session
        if at is None or session.is_unknown(at.run.run_id) or isinstance(effect, FileWriting):
            return await self._inner.step(path, body, returns, effect)
        played = session.played(at.run.run_id)
        taped = played.take(path, "" if effect is None else effect.label, session.asked(effect))
        if taped.ended == "again":
            return await self._inner.step(path, partial(_apart, self._inner, body), returns, effect)
        await self._wait(at, played, taped)
        if taped.ended == "failed":
            raise _checked(played, taped, error_of, taped.failed)
        value = _checked(played, taped, value_of, taped.gave, returns)
        if taped.streamed and (reply := cast("Reply", value)).text:
            at.run.tell(LLMStreamChunk, path, reply.text, 1, reply.id)
        return value

    def branches(self, specs: Iterable[Branch[T]] = ()) -> AbstractAsyncContextManager[Branches[T]]:
        return self._inner.branches(specs)

    async def _wait(self, at: Here, played: PlayedRun, taped: TapedStep) -> None:
        if taped.ended == "cut":
            # Whatever cancelled it then will do so now.
            await at.run.runtime.clock.sleep(taped.took_s + _PATIENCE_S)
            raise played.failure(
                f"{taped.path} ({taped.what}) was cancelled while it was recorded, so that there is no result of it, "
                "and nothing has cancelled it now: record anew"
            )
        timed = self._in_real_time or isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
        await at.run.runtime.clock.sleep(taped.took_s if timed else 0)


async def _apart(steps: Steps, body: Callable[[], Awaitable[T]]) -> T:
    # A run inside this step has paths of its own, and is no part of the tape.
    runtime = active_runtime.get()
    if runtime is None:
        return await body()
    token = active_runtime.set(replace(runtime, steps=steps))
    try:
        return await body()
    finally:
        set_back(token)


def _checked(played: PlayedRun, taped: TapedStep, read: Callable[..., Any], *given: Any) -> Any:
    try:
        return read(*given)
    except (msgspec.ValidationError, TypeError) as error:
        failure: CassetteError = played.failure(
            f"{taped.path} ({taped.what}): what is recorded as its result cannot be read: {error}. Record anew"
        )
        raise failure from error
