"""A tool whose work is no step, because it consists of steps of its own: handing work to another agent."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from aiocrew.tools.cache import CacheHandler
from aiocrew.tools.memory import ToolMemory
from aiocrew.types.context import RunContext
from aiocrew.types.paths import ROOT, Path

__all__ = ["CompositeTool", "ToolScope", "Worked"]


class ToolScope(msgspec.Struct, frozen=True):
    """Who calls tools, and on what terms."""

    run: RunContext
    path: Path
    """The turn's path; its n-th call is `tool-n` under it."""
    agent: str
    cache: bool
    """Results may be reused within the run."""
    task: Path = ROOT
    """The path that the task has in all its attempts; finished calls are remembered by it."""
    kept: CacheHandler | None = None
    """The user's own cache, which outlives the run."""


class Worked(NamedTuple):
    """What came of a composite tool's work."""

    text: str
    """For the model."""
    ok: bool = True
    """It is what was asked for; a failure is worked on again when the task is done anew."""


class CompositeTool:
    """What a BaseTool is besides, if it works within the run that calls it."""

    __slots__ = ()

    async def work_in(self, scope: ToolScope, memory: ToolMemory, path: Path, values: dict[str, Any]) -> Worked:
        """Return what came of it. What it raises ends the task."""
        raise NotImplementedError
