"""Calling a user's function, plain or async, without ever blocking the loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeGuard

from aiocrew.aio.pool import run_in_thread

__all__ = ["call_function", "is_async", "name_of"]


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether calling `function` gives a coroutine; objects with an async __call__ count."""
    call = getattr(function, "__call__", None)  # noqa: B004 - the method itself is looked at, not its existence
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def name_of(function: Callable[..., Any]) -> str:
    """Return a name for messages, such as `module.function`."""
    inner = function.func if _is_partial(function) else function
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    return f"{getattr(inner, '__module__', None) or '?'}.{name}"


def _is_partial(function: Callable[..., Any]) -> TypeGuard[partial[Any]]:
    return isinstance(function, partial)


async def call_function(function: Callable[..., Any], *args: Any) -> Any:
    """Return what `function(*args)` gives: an async one runs on the loop, a plain one on the elastic pool.

    An awaitable that a plain function returns is awaited on the loop.
    """
    if is_async(function):
        return await function(*args)
    result = await run_in_thread(function, *args)
    return await result if inspect.isawaitable(result) else result
