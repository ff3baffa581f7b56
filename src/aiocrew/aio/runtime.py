"""The runtime that a run has unless another is active: plain asyncio, the loop's time, real ids and chance."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable

from aiocrew.aio.clocks import keeps_system_time
from aiocrew.aio.steps import LocalSteps
from aiocrew.types.context import Runtime, active_runtime

__all__ = ["LoopClock", "local_runtime"]


class LoopClock:
    """The running loop's time; a loop with virtual time makes everything virtual."""

    @property
    def monotonic_s(self) -> Callable[[], float]:
        # A run asks for this once and calls it for every event.
        loop = asyncio.get_running_loop()
        return time.monotonic if keeps_system_time(loop) else loop.time

    def wall_s(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# An own generator: seeding the application's must not make two processes give the same ids.
_generator = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_generator.seed)


def _new_id() -> str:
    return f"{_generator.getrandbits(128):032x}"


_LOCAL = Runtime(steps=LocalSteps(), clock=LoopClock(), new_id=_new_id, chance=_generator.random)


def local_runtime() -> Runtime:
    """Return the active runtime, or plain asyncio's where none is."""
    return active_runtime.get() or _LOCAL
