"""Doing a tool's work: on the loop if it is async, else in a thread of its own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from aiocrew.aio.pool import run_in_thread
from aiocrew.tools.form import ToolForm

__all__ = ["invoke"]


class _Work:
    """A synchronous call that knows whether it has ended, so that whoever leaves can tell what stays behind."""

    __slots__ = ("_function", "_values", "ended")

    def __init__(self, function: Callable[..., Any], values: dict[str, Any]) -> None:
        self._function, self._values = function, values
        self.ended = False

    def __call__(self) -> Any:
        try:
            return self._function(**self._values)
        finally:
            self.ended = True


async def invoke(
    tool: Any, form: ToolForm, values: dict[str, Any], on_abandoned: Callable[[], None] | None = None
) -> Any:
    """Return what the tool gives for `values`, awaited if need be; raises what it raises.

    On cancellation a synchronous tool's thread goes on and `on_abandoned` is called.
    """
    if form.spare:
        try:
            return await _invoke_method(tool, form.method, True, values, on_abandoned)
        except NotImplementedError:  # `_arun` is there only to say that there is none
            return await _invoke_method(tool, form.spare, False, values, on_abandoned)
    return await _invoke_method(tool, form.method, form.on_loop, values, on_abandoned)


async def _invoke_method(
    tool: Any, method: str, on_loop: bool, values: dict[str, Any], on_abandoned: Callable[[], None] | None
) -> Any:
    function = getattr(tool, method)
    if on_loop:
        result = function(**values)
    else:
        work = _Work(function, values)
        try:
            result = await run_in_thread(work)
        except asyncio.CancelledError:
            if on_abandoned is not None and not work.ended:
                on_abandoned()
            raise
    return await result if inspect.isawaitable(result) else result
