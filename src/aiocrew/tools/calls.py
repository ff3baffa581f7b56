"""Running the calls of one turn: side by side, each a step, each with a result that the model can read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from aiocrew.aio.cancelling import cancelled_since, cancels, raise_if_cancelled_since
from aiocrew.aio.functions import call_function
from aiocrew.aio.grace import with_grace
from aiocrew.aio.variables import set_back
from aiocrew.errors import CallbackError
from aiocrew.tools.arguments import Problem, check_values, read_arguments, usage
from aiocrew.tools.base import accept_any_result
from aiocrew.tools.calling import invoke
from aiocrew.tools.composite import CompositeTool, ToolScope
from aiocrew.tools.memory import CallKey, CallResult, ToolMemory
from aiocrew.tools.text import clip, sendable, to_text
from aiocrew.tools.toolbox import Offered, Toolbox
from aiocrew.types.context import Here, Nest, RunContext, here
from aiocrew.types.events import ThreadAbandoned, ToolUsageError, ToolUsageFinished, ToolUsageStarted
from aiocrew.types.messages import ToolCall
from aiocrew.types.paths import Path, child
from aiocrew.types.ports import Branch, Raised

__all__ = ["CallResult", "ToolMemory", "ToolScope", "run_calls"]

_SHOWN_ERROR = 2_000


class _Ready(msgspec.Struct, frozen=True):
    """A call that fits its tool."""

    offered: Offered
    key: CallKey
    values: dict[str, Any]


class _Given(msgspec.Struct, frozen=True):
    """What a tool gave, and that as text."""

    value: Any
    text: str


class _Use(msgspec.Struct, frozen=True, gc=False):
    """A tool call as an Effect."""

    call: ToolCall
    ready: _Ready | CallResult

    @property
    def label(self) -> str:
        return self.ready.name if isinstance(self.ready, CallResult) else self.ready.offered.tool.name

    @property
    def announced(self) -> bool:
        return isinstance(self.ready, _Ready)

    @property
    def repeatable(self) -> bool:
        return isinstance(self.ready, CallResult) or self.ready.offered.tool.idempotent

    def content(self) -> bytes:
        if isinstance(self.ready, CallResult):
            parts = (self.call.name, self.call.arguments, self.ready.text)
        else:
            # Not the description: it changes what a model asks for, but not what the same call gives.
            spec, version = self.ready.offered.form.spec, self.ready.offered.tool.version
            parts = (spec.name, bytes(spec.parameters).decode(), version, self.ready.key.arguments)
        # Not msgspec's JSON, which has no place for half a surrogate pair: models do write them.
        return json.dumps(parts).encode("ascii")


async def run_calls(
    calls: Sequence[ToolCall], toolbox: Toolbox, memory: ToolMemory, scope: ToolScope
) -> list[CallResult]:
    """Return the results of `calls`, in their order; they run side by side.

    What a model can set right (an unknown tool, arguments that do not fit, an exception in a tool, a limit that is
    reached) is a result with ok=False whose text says how. Raises CallbackError when a `cache_function` fails.
    """
    paths = [child(scope.path, f"tool-{number}") for number in range(len(calls))]
    branches = [
        Branch(path, partial(_step, call, toolbox, memory, scope, path))
        for path, call in zip(paths, calls, strict=True)
    ]
    results: dict[Path, CallResult] = {}
    async with scope.run.steps.branches(branches) as under_way:
        async for path, settled in under_way:
            if isinstance(settled, Raised):
                raise settled.error
            results[path] = settled.value
    return [results[path] for path in paths]


async def _step(call: ToolCall, toolbox: Toolbox, memory: ToolMemory, scope: ToolScope, path: Path) -> CallResult:
    """Give the call's result, between the events that tell of it."""
    ready, run = _prepare(call, toolbox, memory), scope.run
    name = ready.name if isinstance(ready, CallResult) else ready.offered.tool.name
    run.tell(ToolUsageStarted, path, name, scope.agent, call.arguments)
    token = here.set(Here(run, path, nest=Nest()))
    try:
        result = await _recorded_or_obtained(call, ready, memory, scope, path)
    except (Exception, asyncio.CancelledError) as error:
        run.tell(ToolUsageError, path, name, scope.agent, repr(error))
        raise
    finally:
        set_back(token)
    if result.ok:
        run.tell(ToolUsageFinished, path, name, scope.agent, result.text, result.reused)
    else:
        run.tell(ToolUsageError, path, name, scope.agent, result.text)
    return result


async def _recorded_or_obtained(
    call: ToolCall, ready: _Ready | CallResult, memory: ToolMemory, scope: ToolScope, path: Path
) -> CallResult:
    if isinstance(ready, _Ready) and isinstance(ready.offered.tool, CompositeTool):
        return await _obtain(ready, memory, scope, path)  # its work is steps of its own
    ran = False

    async def body() -> CallResult:
        nonlocal ran
        ran = True
        return ready if isinstance(ready, CallResult) else await _obtain(ready, memory, scope, path)

    result = await scope.run.steps.step(path, body, CallResult, _Use(call, ready))
    if not ran and isinstance(ready, _Ready):
        if result.ok:
            result = msgspec.structs.replace(result, as_answer=ready.offered.result_as_answer)
        memory.restore(scope.task, ready.key, ready.offered, result, cache=scope.cache)
    return result


def _prepare(call: ToolCall, toolbox: Toolbox, memory: ToolMemory) -> _Ready | CallResult:
    """Return the call ready to run, or the correction that the model gets. Pure, but for the user's validators."""
    offered = toolbox.look_up(call.name)
    if offered is None:
        return CallResult(call.name, _unknown(call.name, toolbox), ok=False, arguments=call.arguments)
    name = offered.tool.name
    arguments = read_arguments(call.arguments)
    if arguments is None:
        text = f"The arguments of the tool {name!r} are not a JSON object. {usage(offered.form)}"
        return CallResult(name, text, ok=False, arguments=call.arguments)
    try:
        values = check_values(offered.form, arguments)
    except Exception as error:  # the border of user code: a validator of an args_schema may raise anything
        values = Problem(_failure(name, error))
    if isinstance(values, Problem):
        return CallResult(name, sendable(values.text), ok=False, arguments=arguments.canonical)
    return _Ready(offered, memory.key(offered.tool, arguments.canonical), values)


def _unknown(name: str, toolbox: Toolbox) -> str:
    shown = sendable(clip(repr(name), 100))
    if not toolbox.specs:
        return f"There is no tool {shown}; you have no tools. Answer without them."
    return f"There is no tool {shown}. The tools are: {', '.join(spec.name for spec in toolbox.specs)}."


async def _obtain(ready: _Ready, memory: ToolMemory, scope: ToolScope, path: Path) -> CallResult:
    """Give a result that the run has already, or that an equal call is about to have; else run the tool."""
    known = memory.recorded(scope.task, ready.key)
    if known is not None or not scope.cache or isinstance(ready.offered.tool, CompositeTool):
        # Who hands the same work on once more wants it done once more.
        return known or await _execute(ready, memory, scope, path)
    known = memory.reusable(ready.key) or await _kept(ready, scope)
    if known is not None:
        return known
    if ready.offered.cache_function is not accept_any_result:
        # Whether a result may be shared is known only afterwards: waiting for it would put equal calls in a row.
        return await _execute(ready, memory, scope, path)
    flight = memory.flight(ready.key)
    if flight is None:
        with memory.leading(ready.key):
            return await _execute(ready, memory, scope, path)
    await flight.wait()
    # If the other call failed or was cancelled, all that waited for it run side by side.
    return memory.reusable(ready.key) or await _execute(ready, memory, scope, path)


async def _execute(ready: _Ready, memory: ToolMemory, scope: ToolScope, path: Path) -> CallResult:
    offered, arguments = ready.offered, ready.key.arguments
    name = offered.tool.name
    if not memory.claim(offered):
        text = f"The tool {name!r} may run {offered.max_usage_count} times, and has. Go on without it."
        return CallResult(name, text, ok=False, arguments=arguments)
    if isinstance(offered.tool, CompositeTool):
        text, ok = await offered.tool.work_in(scope, memory, path, ready.values)
        as_answer = ok and offered.result_as_answer
        result = CallResult(name, text, ok=ok, as_answer=as_answer, ran=True, arguments=arguments)
        if ok:
            memory.record(scope.task, ready.key, result)
        return result
    value = await _run_tool(ready, scope, path)
    if isinstance(value, CallResult):
        return value
    text = value.text
    result = CallResult(name, text, ok=True, as_answer=offered.result_as_answer, ran=True, arguments=arguments)
    memory.record(scope.task, ready.key, result)
    if scope.cache and await _may_be_reused(ready, value.value, scope.run):
        memory.keep(ready.key, result)
        if scope.kept is not None:
            await _call_user(scope.kept.add, scope.run, "cache_handler", name, result.tool_args(), text)
    return result


async def _run_tool(ready: _Ready, scope: ToolScope, path: Path) -> _Given | CallResult:
    """Return what the tool gives, or the failure that the model is told."""
    run, offered, arguments = scope.run, ready.offered, ready.key.arguments
    name = offered.tool.name

    def abandoned() -> None:
        run.tell(ThreadAbandoned, path, name)

    before = cancels(run.loop)
    try:
        work = invoke(offered.tool, offered.form, ready.values, abandoned)
        value = await with_grace(work, run.terms.grace_s, run.loop)
        raise_if_cancelled_since(before, run.loop)
        return _Given(value, to_text(value))
    except (Exception, SystemExit) as error:  # the border of user code: a tool's exception is the model's to read
        return CallResult(name, _failure(name, error), ok=False, ran=True, arguments=arguments)
    except asyncio.CancelledError as error:
        if cancelled_since(before, run.loop):
            raise
        # Nobody cancelled this run: something inside the tool was cancelled.
        return CallResult(name, _failure(name, error), ok=False, ran=True, arguments=arguments)


async def _kept(ready: _Ready, scope: ToolScope) -> CallResult | None:
    """Return what the user's own cache holds for a call."""
    if scope.kept is None:
        return None
    name, arguments = ready.offered.tool.name, ready.key.arguments
    result = CallResult(name, "", ok=True, as_answer=ready.offered.result_as_answer, reused=True, arguments=arguments)
    value = await _call_user(scope.kept.read, scope.run, "cache_handler", name, result.tool_args())
    return None if value is None else msgspec.structs.replace(result, text=to_text(value))


async def _may_be_reused(ready: _Ready, value: Any, run: RunContext) -> bool:
    function = ready.offered.cache_function
    if function is accept_any_result:
        return True
    what = f"cache_function of the tool {ready.offered.tool.name!r}"
    return bool(await _call_user(function, run, what, ready.values, value))


async def _call_user(function: Callable[..., Any], run: RunContext, what: str, *args: Any) -> Any:
    try:
        return await with_grace(call_function(function, *args), run.terms.grace_s, run.loop)
    except Exception as error:  # the border of user code
        raise CallbackError(f"the {what} raised {type(error).__name__}: {error}", callback=what) from error


def _failure(name: str, error: BaseException) -> str:
    return sendable(clip(f"The tool {name!r} failed: {_in_words(error)}", _SHOWN_ERROR))


def _in_words(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # the border of user code: an exception's own text may raise
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
