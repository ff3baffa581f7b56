"""What one run remembers of its tool calls: how often each tool ran, and which results may serve again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import msgspec

from aiocrew.tools.base import BaseTool, accept_any_result
from aiocrew.tools.toolbox import Offered
from aiocrew.types.paths import Path

__all__ = ["CallKey", "CallResult", "ToolMemory"]


class CallResult(msgspec.Struct, frozen=True):
    """What one call gave: the tool's result, or a correction that the model can act on."""

    name: str
    """The tool's own name; where there is no such tool, the name that the model wrote."""
    text: str
    ok: bool
    as_answer: bool = False
    """The result is the task's output."""
    reused: bool = False
    """The run had this result already; the tool did not run again."""
    ran: bool = False
    """The tool was called, whatever came of it."""
    arguments: str = "{}"
    """A JSON object; what could not be read as one stands as the model wrote it."""

    def published(self) -> dict[str, Any]:
        """Return the call as agent.tools_results shows it."""
        shown = {"result": self.text, "tool_name": self.name, "tool_args": self.tool_args()}
        return {**shown, "result_as_answer": True} if self.as_answer else shown

    def tool_args(self) -> dict[str, Any]:
        """Return the arguments; empty where they could not be read."""
        try:
            read: Any = json.loads(self.arguments)
        except ValueError:
            return {}
        return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


class CallKey(NamedTuple):
    """The same tool with the same arguments."""

    tool: int
    """Its id(); the memory keeps the tool alive."""
    arguments: str


class ToolMemory:
    """One run's counts and results. It belongs to the run's loop; no method waits.

    A task that is re-run gets the results of calls that finished before: after `replay(task)` each recorded result of
    the task is given out once more, in the order of recording, and then the tools run again.
    """

    __slots__ = ("_finished", "_flights", "_given", "_reusable", "_tools", "_used")

    def __init__(self) -> None:
        self._tools: dict[int, BaseTool] = {}
        self._used: dict[int, int] = {}
        self._reusable: dict[CallKey, CallResult] = {}
        self._flights: dict[CallKey, asyncio.Event] = {}
        self._finished: dict[tuple[Path, CallKey], list[CallResult]] = {}
        self._given: dict[Path, dict[CallKey, int]] = {}

    def key(self, tool: BaseTool, arguments: str) -> CallKey:
        """Return what calls with equal effects have in common."""
        self._tools[id(tool)] = tool
        return CallKey(id(tool), arguments)

    def replay(self, task: Path) -> None:
        """Give out the task's recorded results from the first one on: it is being re-run."""
        self._given[task] = {}

    def recorded(self, task: Path, key: CallKey) -> CallResult | None:
        """Return the next result of an earlier attempt at the task, which is thereby given out."""
        results = self._finished.get((task, key))
        if results is None:
            return None
        given = self._given.setdefault(task, {})
        number = given.get(key, 0)
        if number >= len(results):
            return None
        given[key] = number + 1
        return msgspec.structs.replace(results[number], reused=True, ran=False)

    def record(self, task: Path, key: CallKey, result: CallResult) -> None:
        """Keep a successful result for re-runs of the task."""
        results = self._finished.setdefault((task, key), [])
        results.append(result)
        self._given.setdefault(task, {})[key] = len(results)

    def claim(self, offered: Offered) -> bool:
        """Count a use and return True, or return False if the tool's limit for this run is reached."""
        tool = id(offered.tool)
        used = self._used.get(tool, 0)
        if offered.max_usage_count is not None and used >= offered.max_usage_count:
            return False
        self._used[tool] = used + 1
        return True

    def reusable(self, key: CallKey) -> CallResult | None:
        """Return the run's result for this call, if one may be reused."""
        result = self._reusable.get(key)
        return None if result is None else msgspec.structs.replace(result, reused=True, ran=False)

    def keep(self, key: CallKey, result: CallResult) -> None:
        """Let the run reuse `result`."""
        self._reusable[key] = result

    def flight(self, key: CallKey) -> asyncio.Event | None:
        """Return what is set when the equal call that is under way has ended, if there is one."""
        return self._flights.get(key)

    @contextmanager
    def leading(self, key: CallKey) -> Generator[None]:
        """Let equal calls wait until the block has ended, in whatever way."""
        ended = self._flights[key] = asyncio.Event()
        try:
            yield
        finally:
            del self._flights[key]
            ended.set()

    def restore(self, task: Path, key: CallKey, offered: Offered, result: CallResult, *, cache: bool) -> None:
        """Take over a call that this process did not run: `Steps` had its result recorded.

        With `cache` the run may reuse it, unless a `cache_function` has a say in that: it has not seen the result.
        """
        if result.ran:
            tool = id(offered.tool)
            self._used[tool] = self._used.get(tool, 0) + 1
        if result.ok and result.ran:
            self.record(task, key, result)
            if cache and offered.cache_function is accept_any_result:
                self.keep(key, result)
        elif result.reused:
            self.recorded(task, key)
