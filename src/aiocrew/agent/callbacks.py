"""Calling what the user hung into a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from aiocrew.aio.cancelling import cancelled_since, cancels, raise_if_cancelled_since
from aiocrew.aio.functions import call_function, name_of
from aiocrew.aio.grace import with_grace
from aiocrew.aio.variables import set_back
from aiocrew.errors import CallbackError
from aiocrew.types.context import Here, Nest, RunContext, here
from aiocrew.types.effects import Harmless
from aiocrew.types.events import CallbackCompleted, CallbackFailed, CallbackStarted
from aiocrew.types.paths import Path
from aiocrew.types.places import place_of_function
from aiocrew.types.ports import Effect

__all__ = ["Reading", "call_user", "run_callback"]

T = TypeVar("T")


class Reading(Harmless, msgspec.Struct, frozen=True, gc=False):
    """A text that somebody reads and says something of, as an Effect: what was said of another text does not count."""

    label: str
    text: str

    def content(self) -> bytes:
        return f"{self.label}\n{self.text}".encode("utf-8", "surrogatepass")


async def run_callback(run: RunContext, path: Path, callback: Callable[..., Any], *args: Any) -> Any:
    """Return what the user's `callback` gives; plain ones run in a thread. Raises CallbackError, which names it.

    When cancelled, an async one has the run's grace to end.
    """
    name = name_of(callback)
    if run.readers.sinks:
        run.tell(CallbackStarted, path, name, place_of_function(callback))
    try:
        result = await call_user(run, path, f"callback {name}", name, callback, args, object)
    except (CallbackError, asyncio.CancelledError) as error:
        run.tell(CallbackFailed, path, name, repr(error.__cause__ or error))
        raise
    run.tell(CallbackCompleted, path, name)
    return result


async def call_user(
    run: RunContext,
    path: Path,
    what: str,
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    returns: type[T],
    effect: Effect | None = None,
) -> T:
    """Return what the user's `function` gives, as one step. Raises CallbackError, which says `what` failed."""
    token = here.set(Here(run, path, nest=Nest()))
    before = cancels(run.loop)
    try:
        result = await run.steps.step(path, partial(_called, run, function, args), returns, effect)
        raise_if_cancelled_since(before, run.loop)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and cancelled_since(before, run.loop):
            raise
        raise CallbackError(f"{what} raised {error!r}", callback=name) from error
    finally:
        set_back(token)
    return result


def _called(run: RunContext, function: Callable[..., Any], args: tuple[Any, ...]) -> Awaitable[Any]:
    return with_grace(call_function(function, *args), run.terms.grace_s, run.loop)
