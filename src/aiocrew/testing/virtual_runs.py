"""Running something on virtual time, with ids, wall time and chance that are the same each time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import replace
from itertools import count
from typing import Any, Final, TypeVar

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import UsageError
from aiocrew.testing.virtual_loop import VirtualTimeLoop
from aiocrew.types.context import Runtime, active_runtime

__all__ = ["EPOCH_S", "VirtualClock", "run_virtual", "virtual_runtime"]

T = TypeVar("T")

EPOCH_S: Final = 1_735_689_600.0
"""The wall time at which virtual time begins: 2025-01-01, 00:00 UTC."""


class VirtualClock:
    """The time of a VirtualTimeLoop, and a wall time that goes with it; any thread may ask for that."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises UsageError when `loop` keeps real time."""
        if not isinstance(loop, VirtualTimeLoop):
            kind = type(loop)
            raise UsageError(
                f"virtual time needs a VirtualTimeLoop; this is a {kind.__module__}.{kind.__qualname__}, which keeps "
                "real time: start by run_virtual(main), or by asyncio.Runner(loop_factory=VirtualTimeLoop)"
            )
        self._loop = loop

    @property
    def monotonic_s(self) -> Callable[[], float]:
        return asyncio.get_running_loop().time

    def wall_s(self) -> float:
        return EPOCH_S + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def virtual_runtime(loop: asyncio.AbstractEventLoop, seed: int = 0) -> Runtime:
    """Return the active runtime with the clock of `loop`, counted ids, and chance that `seed` decides.

    What runs under it on `loop` tells the same events each time, to the byte, as far as it does not ask the machine
    itself for time or chance, and no two threads race. Raises UsageError when `loop` keeps real time.
    """
    ids, chance = count(1), random.Random(seed)

    def new_id() -> str:
        return f"{next(ids):032x}"

    return replace(local_runtime(), clock=VirtualClock(loop), new_id=new_id, chance=chance.random)


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]], *, seed: int = 0) -> T:
    """Return what the coroutine `main()` gives, run on virtual time under a `virtual_runtime`.

    Nothing of it is left when this returns. Raises what it raises, DeadlockError when nothing can go on any more, and
    UsageError inside a running loop: this starts a loop of its own.
    """
    try:
        running = type(asyncio.get_running_loop())
    except RuntimeError:
        pass
    else:
        raise UsageError(
            f"run_virtual() starts a loop of its own and was called inside a running {running.__module__}."
            f"{running.__qualname__}: call it from plain code, or mark the test with @pytest.mark.virtual_time"
        )
    context = copy_context()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        context.run(active_runtime.set, virtual_runtime(runner.get_loop(), seed))
        return runner.run(context.run(main), context=context)
