"""What every measuring function is given; it crosses into its process as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from benchmarks.serving import Server

__all__ = ["Settings"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to measure, and against which server."""

    server: Server
    rounds: int = 11
    quick: bool = False
    loop: str = "asyncio"
    """The kind of loop for both sides: "asyncio" or "uvloop"."""
    scale: float = 1.0
    """What the numbers of crews are multiplied by; below 1 the targets say little."""
    open_files: int = 0
    """How many files the process may have open; 0 leaves its limit alone."""

    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Return what makes a loop of the chosen kind."""
        if self.loop == "uvloop":
            import uvloop  # a development dependency

            return uvloop.new_event_loop
        return asyncio.new_event_loop

    def fewer(self, rounds: int) -> int:
        """Return `rounds`, or what fits into a quick run."""
        return max(1, rounds // 4) if self.quick else rounds

    def crews(self, number: int) -> int:
        """Return `number` crews, scaled."""
        return max(2, round(number * self.scale))
