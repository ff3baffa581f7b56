from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, field_validator

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import CallbackError
from aiocrew.tools import BaseTool, Tool, tool
from aiocrew.tools.calls import CallResult, ToolMemory, ToolScope, run_calls
from aiocrew.tools.composite import CompositeTool, Worked
from aiocrew.tools.toolbox import make_toolbox
from aiocrew.types.context import Readers, RunContext, here
from aiocrew.types.events import Event, ThreadAbandoned, ToolUsageError, ToolUsageFinished, ToolUsageStarted
from aiocrew.types.messages import ToolCall
from aiocrew.types.paths import Path, child
from aiocrew.types.ports import Steps
from tests.doubles import RecordingSteps


class Run:
    """One run's calls, and what was told of them."""

    def __init__(self, *tools: BaseTool, cache: bool = False, steps: Steps | None = None) -> None:
        runtime = local_runtime()
        if steps is not None:
            runtime = type(runtime)(steps=steps, clock=runtime.clock, new_id=runtime.new_id, chance=runtime.chance)
        self.events: list[Event] = []
        self.context = RunContext("run-1", "crew", runtime, runtime.clock.monotonic_s, Readers((self,)))
        self.memory = ToolMemory()
        self.box = make_toolbox(tools)
        self.cache = cache

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def __call__(self, *asked: tuple[str, Any], turn: str = "task-0/turn-0", task: str = "") -> list[CallResult]:
        calls = [
            ToolCall(f"c{n}", name, given if isinstance(given, str) else msgspec.json.encode(given).decode())
            for n, (name, given) in enumerate(asked)
        ]
        path = Path(f"run/{turn}")
        scope = ToolScope(self.context, path, "Researcher", self.cache, Path(task or "run/task-0"))
        return await run_calls(calls, self.box, self.memory, scope)


class Gate:
    """Holds calls until as many as are awaited are there."""

    def __init__(self, parties: int) -> None:
        self.parties, self.there = parties, 0
        self.full = asyncio.Event()

    async def pass_through(self) -> None:
        self.there += 1
        if self.there == self.parties:
            self.full.set()
        await self.full.wait()


def counting(work: Callable[[int], Any] = lambda n: n, **options: Any) -> tuple[Tool, list[int]]:
    """Return an async tool `count` and the list of the arguments that it really ran with."""
    ran: list[int] = []

    @tool("count", **options)
    async def count(n: int = 0) -> Any:
        """Count."""
        ran.append(n)
        await asyncio.sleep(0)
        return work(n)

    return count, ran


async def test_calls_run_together_and_come_back_in_order() -> None:
    gate = Gate(3)

    @tool
    async def meet(name: str) -> str:
        """Meet."""
        await gate.pass_through()
        return f"met {name}"

    run = Run(meet)
    results = await run(*(("meet", {"name": name}) for name in "abc"))
    assert [result.text for result in results] == ["met a", "met b", "met c"]
    assert [event.path for event in run.told(ToolUsageStarted)] == [f"run/task-0/turn-0/tool-{n}" for n in range(3)]
    assert {event.result for event in run.told(ToolUsageFinished)} == {"met a", "met b", "met c"}
    assert results[0].tool_args() == {"name": "a"}
    assert results[0].ran


async def test_two_hundred_synchronous_calls_are_in_their_threads_at_once() -> None:
    barrier = threading.Barrier(200)

    @tool
    def meet(n: int) -> bool:
        """Meet."""
        barrier.wait(30)
        return threading.current_thread() is threading.main_thread()

    results = await Run(meet)(*(("meet", {"n": n}) for n in range(200)))
    assert {result.text for result in results} == {"False"}


NAME = contextvars.ContextVar[str]("NAME", default="nobody")


async def test_a_tool_knows_its_run_and_its_callers_context() -> None:
    @tool
    def plain() -> str:
        """Tell."""
        now = here.get()
        return f"{now.run.run_id if now else None} {now.path if now else None} {NAME.get()}"

    @tool
    async def asynchronous() -> str:
        """Tell."""
        return plain.func()

    token = NAME.set("Ann")
    results = await Run(plain, asynchronous)(("plain", {}), ("asynchronous", {}))
    NAME.reset(token)
    assert [result.text for result in results] == [f"run-1 run/task-0/turn-0/tool-{n} Ann" for n in range(2)]
    await Run(plain)(("plain", {}))
    assert here.get() is None


async def test_corrections_say_what_to_do_and_never_raise() -> None:
    count, ran = counting()
    run = Run(count)
    asked = [("count", {"n": "many"}), ("count", "so many"), ("cont", {}), ("count", {"m": 1})]
    wrong, unreadable, unknown, extra = await run(*asked)
    assert "(got 'many')" in wrong.text
    assert "n (integer, optional)" in wrong.text
    assert "not a JSON object" in unreadable.text
    assert unknown.text == "There is no tool 'cont'. The tools are: count."
    assert "no argument 'm'" in extra.text
    assert not any(result.ok or result.ran for result in (wrong, unreadable, unknown, extra))
    assert len(run.told(ToolUsageError)) == 4
    assert ran == []
    assert "you have no tools" in (await Run()(("count", {})))[0].text


class Checked(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _check(cls, value: int) -> int:
        raise KeyError("broken validator")


async def test_a_validator_that_breaks_is_told_to_the_model() -> None:
    @tool
    def check(n: int) -> int:
        """Check."""
        return n

    check.args_schema = Checked
    (result,) = await Run(check)(("check", {"n": 1}))
    assert "KeyError" in result.text


def fails() -> Any:
    raise LookupError("no such place")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def fails_silently() -> Any:
    raise Unspeakable


def stops() -> Any:
    raise StopIteration


def cancels() -> Any:
    raise asyncio.CancelledError


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("unprintable")


@pytest.mark.parametrize(
    ("work", "named"),
    [
        (fails, "LookupError: no such place"),
        (fails_silently, "Unspeakable"),
        (stops, "RuntimeError"),
        (cancels, "CancelledError"),
        (Unprintable, "ValueError: unprintable"),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_exception_in_a_tool_is_a_result_that_names_it(
    work: Callable[[], Any], named: str, asynchronous: bool
) -> None:
    @tool
    def plain() -> Any:
        """Fail."""
        return work()

    @tool("plain")
    async def on_loop() -> Any:
        """Fail."""
        return work()

    run = Run(on_loop if asynchronous else plain)
    (result,) = await run(("plain", {}))
    assert not result.ok
    assert result.text.startswith("The tool 'plain' failed: ")
    assert named in result.text
    assert [event.error for event in run.told(ToolUsageError)] == [result.text]


async def test_a_tool_that_awaits_something_cancelled_is_an_error_not_a_cancelled_run() -> None:
    @tool
    async def wait() -> None:
        """Wait for what never comes."""
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    results = await Run(wait)(("wait", {}), ("wait", {}))
    assert [result.ok for result in results] == [False, False]


async def test_interrupts_pass_through() -> None:
    class Stop(BaseException): ...

    @tool
    async def stop() -> None:
        """Stop."""
        raise Stop

    with pytest.raises(Stop):
        await Run(stop)(("stop", {}))


async def test_cancelling_leaves_a_thread_at_once_and_says_so() -> None:
    loop, started, release = asyncio.get_running_loop(), asyncio.Event(), threading.Barrier(3)

    @tool
    def block() -> None:
        """Block."""
        loop.call_soon_threadsafe(started.set)
        release.wait(30)

    run = Run(block)
    task = asyncio.create_task(run(("block", {}), ("block", {})))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.wait(30)
    assert [event.function for event in run.told(ThreadAbandoned)] == ["block", "block"]
    assert run.told(ToolUsageFinished) == []


async def test_the_usage_limit_counts_within_one_run() -> None:
    count, ran = counting(max_usage_count=2)
    run = Run(count)
    results = await run(*(("count", {"n": n}) for n in range(4)))
    assert [result.ok for result in results] == [True, True, False, False]
    assert "may run 2 times" in results[2].text
    assert (await Run(count)(("count", {})))[0].ok
    assert ran == [0, 1, 0]


async def test_a_call_that_does_not_fit_uses_nothing_up() -> None:
    count, _ = counting(max_usage_count=1)
    run = Run(count)
    await run(("count", {"n": "many"}))
    assert (await run(("count", {})))[0].ok


async def test_only_a_success_is_an_answer() -> None:
    def work(n: int) -> int:
        return 1 // n

    count, _ = counting(work, result_as_answer=True)
    results = await Run(count)(("count", {"n": 0}), ("count", {"n": 1}), ("count", "x"))
    assert [result.as_answer for result in results] == [False, True, False]


async def test_equal_calls_of_a_run_run_once() -> None:
    count, ran = counting()
    run = Run(count, cache=True)
    first = await run(("count", '{"n": 1}'), ("count", "{'n': 1}"), ("count", {"n": 2}))
    again = await run(("count", {"n": 1}), turn="task-1/turn-0", task="run/task-1")
    assert [result.text for result in (*first, *again)] == ["1", "1", "2", "1"]
    assert [result.reused for result in (*first, *again)] == [False, True, False, True]
    assert [event.reused for event in run.told(ToolUsageFinished)].count(True) == 2
    assert ran == [1, 2]


async def test_without_cache_every_call_runs() -> None:
    count, ran = counting()
    run = Run(count)
    await run(("count", {}), ("count", {}))
    await run(("count", {}))
    assert ran == [0, 0, 0]


async def test_the_cache_function_decides() -> None:
    seen: list[Any] = []

    def only_even(args: dict[str, Any], result: Any) -> bool:
        seen.append((args, result))
        return args["n"] % 2 == 0

    count, ran = counting(cache_function=only_even)
    run = Run(count, cache=True)
    for n in (1, 1, 2, 2):
        await run(("count", {"n": str(n)}))
    assert ran == [1, 1, 2]
    assert seen == [({"n": 1}, 1), ({"n": 1}, 1), ({"n": 2}, 2)]


async def test_a_cache_function_that_raises_fails_the_run_by_name() -> None:
    count, _ = counting(cache_function=lambda args, result: 1 // 0)
    with pytest.raises(CallbackError, match="cache_function of the tool 'count' raised ZeroDivisionError"):
        await Run(count, cache=True)(("count", {}), ("count", {"n": 1}))


async def test_a_failed_first_call_does_not_poison_the_others_and_they_run_together() -> None:
    tries = 0
    gate = Gate(3)

    @tool
    async def flaky() -> str:
        """Fail once."""
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.sleep(0)
            raise ValueError("first")
        await gate.pass_through()
        return "well"

    results = await Run(flaky, cache=True)(*(("flaky", {}) for _ in range(4)))
    assert [result.ok for result in results] == [False, True, True, True]


async def test_a_cancelled_first_call_does_not_poison_the_second() -> None:
    entered = asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait the first time."""
        if not entered.is_set():
            entered.set()
            await asyncio.Event().wait()
        return "well"

    run = Run(wait, cache=True)
    first = asyncio.create_task(run(("wait", {})))
    second = asyncio.create_task(run(("wait", {}), turn="task-1/turn-0"))
    await entered.wait()
    first.cancel()
    assert [result.text for result in await second] == ["well"]
    assert first.cancelled()


class Delegate(CompositeTool, BaseTool):
    """Asks for itself twice, side by side, and each of these does so again."""

    def _run(self, depth: int) -> str:
        raise AssertionError("it works within the run")

    async def work_in(self, scope: ToolScope, memory: ToolMemory, path: Path, values: dict[str, Any]) -> Worked:
        if path.count("tool-") > 2:
            return Worked(path)
        inner = msgspec.structs.replace(scope, path=child(path, "turn-0"))
        asked = [ToolCall(f"c{n}", self.name, '{"depth": 1}') for n in range(2)]
        results = await run_calls(asked, make_toolbox([self]), memory, inner)
        return Worked(" ".join(result.text for result in results))


async def test_a_composite_call_inside_equal_ones_waits_for_none_of_them_and_takes_no_result_of_theirs() -> None:
    run = Run(Delegate(name="delegate", description="Delegate."), cache=True)
    (result,) = await run(("delegate", {"depth": 1}))
    assert len(set(result.text.split())) == 4


async def test_a_re_run_of_a_task_repeats_the_composite_calls_that_failed_and_no_others() -> None:
    worked: list[Path] = []

    class Once(Delegate):
        async def work_in(self, scope: ToolScope, memory: ToolMemory, path: Path, values: dict[str, Any]) -> Worked:
            worked.append(path)
            return Worked("worked", ok=values["depth"] == 1)

    run = Run(Once(name="once", description="Once.", result_as_answer=True))
    first = await run(("once", {"depth": 1}), ("once", {"depth": 2}))
    run.memory.replay(Path("run/task-0"))
    again = await run(("once", {"depth": 1}), ("once", {"depth": 2}))
    assert [(result.ok, result.as_answer) for result in first] == [(True, True), (False, False)]
    assert [result.reused for result in again] == [True, False]
    assert len(worked) == 3


async def test_a_re_run_of_a_task_gets_its_finished_calls_back_in_order() -> None:
    numbers = iter(range(10))
    count, ran = counting(lambda n: next(numbers))
    run = Run(count)
    first = await run(("count", {}), ("count", {}), ("count", {"n": 1}))
    run.memory.replay(Path("run/task-0"))
    again = await run(("count", {}), turn="task-0/retry-1/turn-0")
    again += await run(("count", {}), ("count", {"n": 1}), ("count", {}), turn="task-0/retry-1/turn-1")
    assert [result.text for result in first] == ["0", "1", "2"]
    assert [result.text for result in again] == ["0", "1", "2", "3"]
    assert [result.reused for result in again] == [True, True, True, False]
    run.memory.replay(Path("run/task-0"))
    assert [result.text for result in await run(*([("count", {})] * 3))] == ["0", "1", "3"]
    assert len(ran) == 4


async def test_a_re_run_repeats_failures_and_leaves_other_tasks_alone() -> None:
    outcomes = iter([ZeroDivisionError, 1, 2])

    def work(n: int) -> Any:
        outcome = next(outcomes)
        if outcome is ZeroDivisionError:
            raise ZeroDivisionError
        return outcome

    count, _ = counting(work)
    run = Run(count)
    await run(("count", {}))
    run.memory.replay(Path("run/task-0"))
    assert [result.text for result in await run(("count", {}))] == ["1"]
    run.memory.replay(Path("run/task-0"))
    assert [result.text for result in await run(("count", {}), task="run/task-1")] == ["2"]


async def test_a_replay_of_steps_runs_nothing_and_restores_the_counts() -> None:
    count, ran = counting(max_usage_count=3)
    asked = [("count", {"n": n}) for n in (1, 2)]
    recording = RecordingSteps()
    before = await Run(count, steps=recording, cache=True)(*asked)
    replaying = RecordingSteps(recording.recorded, random.Random(1))
    again = Run(count, steps=replaying, cache=True)
    assert await again(*asked) == before
    assert sorted(replaying.paths) == sorted(recording.paths)
    assert sorted(ran) == [1, 2]
    assert again.memory.claim(again.box.offered["count"])
    assert not again.memory.claim(again.box.offered["count"])
    again.memory.replay(Path("run/task-0"))
    key = again.memory.key(count, '{"n":1}')
    assert again.memory.recorded(Path("run/task-0"), key) is not None
    assert again.memory.reusable(key) is not None
