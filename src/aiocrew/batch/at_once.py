"""Many inputs at once, their results in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from aiocrew.aio.runtime import local_runtime
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Raised

__all__ = ["fan_out"]

T = TypeVar("T")


async def fan_out(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Return what each of `works` gives, in their order, all going on at once.

    Isolation is theirs: a work that raises cancels the others, so an input's own failure must be a value.
    """
    specs = [Branch(Path(f"input-{number}"), work) for number, work in enumerate(works)]
    results: dict[Path, T] = {}
    async with local_runtime().steps.branches(specs) as branches:
        async for path, settled in branches:
            if isinstance(settled, Raised):
                raise settled.error
            results[path] = settled.value
    return [results[spec.path] for spec in specs]
