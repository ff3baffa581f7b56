"""How a run goes: side by side, its failures, its end, its events."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aiocrew.aio.blocking import BlockingKickoffWarning
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import AuthenticationError, BlueprintError, DeadlineExceededError, FlowError
from aiocrew.flow import Flow, and_, listen, or_, start
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import CrewKickoffCompleted, Event, MethodExecutionStarted
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel, on_virtual_time


class Events:
    """Keeps all events of a test."""

    def __init__(self) -> None:
        self.all: list[Event] = []

    def emit(self, event: Event) -> None:
        self.all.append(event)

    def names(self) -> list[str]:
        return [f"{type(event).__name__} {event.path}" for event in self.all]


@pytest.fixture
def events() -> Any:
    reader = Events()
    token = active_runtime.set(replace(local_runtime(), sinks=(reader,)))
    yield reader
    active_runtime.reset(token)


class Fanned(Flow):
    def __init__(self, *delays: float) -> None:
        super().__init__()
        self.delays = delays
        self.under_way = self.peak = 0

    async def work(self, number: int) -> float:
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        try:
            await asyncio.sleep(self.delays[number])
        finally:
            self.under_way -= 1
        return asyncio.get_running_loop().time()

    @start()
    async def begin(self) -> None: ...

    @listen(begin)
    async def a(self) -> float:
        return await self.work(0)

    @listen(begin)
    async def b(self) -> float:
        return await self.work(1)

    @listen(and_(a, b))
    async def join(self) -> float:
        return await self.work(2)

    @listen(a)
    async def after_a(self) -> float:
        return await self.work(3)


def test_listeners_of_one_event_run_at_once_and_each_goes_on_as_soon_as_it_can() -> None:
    flow = Fanned(1, 5, 1, 1)
    on_virtual_time(flow.kickoff_async)
    assert flow.peak == 2
    assert flow.method_outputs == [None, 1, 5, 6, 2], "by cause: join and after_a both follow in the second place"


@pytest.mark.parametrize("delays", [(1, 2, 1, 1), (2, 1, 1, 9), (1, 1, 9, 1)])
def test_the_result_does_not_depend_on_who_is_quicker(delays: tuple[float, ...]) -> None:
    class Named(Fanned):
        async def work(self, number: int) -> Any:
            await super().work(number)
            return ["begin", "a", "b", "join", "after_a"][number + 1]

    flow = Named(*delays)
    assert on_virtual_time(flow.kickoff_async) == "after_a"
    assert flow.method_outputs == [None, "a", "b", "join", "after_a"]


def test_plain_methods_run_at_once_and_never_on_the_loop() -> None:
    class Meeting(Flow):
        def __init__(self) -> None:
            super().__init__()
            self.barrier = threading.Barrier(2)

        @start()
        def left(self) -> int:
            self.barrier.wait(30)
            return threading.get_ident()

        @start()
        def right(self) -> int:
            self.barrier.wait(30)
            return threading.get_ident()

    flow = Meeting()
    flow.kickoff()
    assert threading.get_ident() not in flow.method_outputs
    assert len(set(flow.method_outputs)) == 2


class Failing(Flow):
    def __init__(self, **errors: BaseException) -> None:
        super().__init__()
        self.errors = errors
        self.log: list[str] = []

    async def work(self, name: str) -> None:
        try:
            await asyncio.sleep(1)
            if name in self.errors:
                raise self.errors[name]
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.log.append(f"{name} cancelled")
            raise
        self.log.append(f"{name} ended")

    @start()
    async def a(self) -> None:
        await self.work("a")

    @start()
    async def b(self) -> None:
        await self.work("b")

    @listen(or_(a, b))
    async def after(self) -> None:
        await self.work("after")


def test_a_failing_method_ends_the_others_and_its_error_is_raised_as_it_is() -> None:
    error = ValueError("no")
    flow = Failing(b=error)
    with pytest.raises(ValueError, match="no") as raised:
        on_virtual_time(flow.kickoff_async)
    assert raised.value is error
    assert flow.log == ["a cancelled"]


def test_of_several_failures_the_first_by_path_is_raised_with_the_others() -> None:
    first, second = AuthenticationError("no key"), ValueError("no")
    with pytest.raises(AuthenticationError) as raised:
        on_virtual_time(Failing(b=second, a=first).kickoff_async)
    assert raised.value.others == (second,)


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()])
def test_what_would_end_more_than_the_flow_fails_the_flow(error: BaseException) -> None:
    with pytest.raises(FlowError, match=f"method 'a' of flow 'Failing' raised {type(error).__name__}") as raised:
        on_virtual_time(Failing(a=error).kickoff_async)
    assert raised.value.__cause__ is error


class Leaving(Flow):
    @start()
    def ask(self) -> None:
        raise SystemExit(3)


def test_a_method_that_exits_ends_a_program_that_kicks_off_in_its_main_thread() -> None:
    with pytest.raises(SystemExit) as raised:
        Leaving().kickoff()
    assert raised.value.code == 3


def test_a_method_that_exits_ends_no_other_thread_and_no_loop() -> None:
    with ThreadPoolExecutor() as threads, pytest.raises(FlowError, match="SystemExit"):
        threads.submit(Leaving().kickoff).result()

    async def blocking() -> None:
        with pytest.warns(BlockingKickoffWarning), pytest.raises(FlowError, match="SystemExit"):
            Leaving().kickoff()

    asyncio.run(blocking())


def test_cancelling_ends_every_method() -> None:
    flow = Failing()

    async def main() -> None:
        task = asyncio.ensure_future(flow.kickoff_async())
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_virtual_time(main)
    assert sorted(flow.log) == ["a cancelled", "b cancelled"]


def test_a_deadline_ends_the_flow() -> None:
    flow = Failing()
    with pytest.raises(DeadlineExceededError, match=r"1\.5 s"):
        on_virtual_time(lambda: flow.kickoff_async(options=RunOptions(deadline_s=1.5)))
    assert sorted(flow.log) == ["a cancelled", "b cancelled"]


def test_a_method_that_holds_on_after_a_cancel_is_ended_when_its_grace_is_over() -> None:
    class Stubborn(Flow):
        @start()
        async def hold_on(self) -> None:
            while True:
                try:
                    await asyncio.sleep(1_000)
                except asyncio.CancelledError:
                    continue

    async def main() -> float:
        with pytest.raises(DeadlineExceededError):
            await Stubborn().kickoff_async(options=RunOptions(deadline_s=1, grace_s=2))
        return asyncio.get_running_loop().time()

    assert on_virtual_time(main) < 5


async def test_a_thread_that_goes_on_after_a_cancel_is_told_of(events: Events) -> None:
    begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    class Blocked(Flow):
        @start()
        def hold_on(self) -> None:
            loop.call_soon_threadsafe(begun.set)
            may_end.wait(30)

    task = asyncio.ensure_future(Blocked().kickoff_async())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    assert events.names() == [
        "FlowStarted run",
        "MethodExecutionStarted run/hold_on-0",
        "ThreadAbandoned run/hold_on-0",
        "MethodExecutionFailed run/hold_on-0",
        "FlowFailed run",
    ]


async def test_kickoff_inside_a_running_loop_works_and_warns() -> None:
    class Single(Flow):
        @start()
        def only(self) -> str:
            return "done"

    with pytest.warns(BlockingKickoffWarning, match=r"await flow\.kickoff_async"):
        assert Single().kickoff() == "done"


async def test_wrong_options_and_inputs_are_refused_at_once() -> None:
    with pytest.raises(BlueprintError, match="options"):
        await Failing().kickoff_async(options={"deadline_s": 1})  # type: ignore[arg-type]
    with pytest.raises(BlueprintError, match="inputs"):
        await Failing().kickoff_async(["topic"])  # type: ignore[arg-type]


# Crews inside


class Researching(Flow):
    def __init__(self, *crews: Crew) -> None:
        super().__init__()
        self.first, self.second = crews

    @start()
    async def look(self) -> str:
        return (await self.first.kickoff_async({"topic": self.state["topic"]})).raw

    @listen(look)
    async def write(self, found: str) -> Any:
        return await self.second.kickoff_async({"topic": found})


async def test_crews_inside_report_to_the_flows_readers_under_its_paths(events: Events) -> None:
    crews = one_task_crew(ScriptedModel("found")), one_task_crew(ScriptedModel("written"))
    flow = Researching(*crews)
    output = await flow.kickoff_async({"topic": "rain"})
    assert output.raw == "written"
    assert [event.path for event in events.all if isinstance(event, MethodExecutionStarted)] == [
        "run/look-0",
        "run/write-0",
    ]
    completed = [event for event in events.all if isinstance(event, CrewKickoffCompleted)]
    assert [(event.path, event.output) for event in completed] == [
        ("run/look-0/run-0", "found"),
        ("run/write-0/run-0", "written"),
    ]
    assert events.names()[0] == "FlowStarted run"
    assert events.names()[-1] == "FlowFinished run"
    assert (events.all[0].inputs, events.all[-1].output) == ({"topic": "rain"}, "written")


async def test_the_tokens_of_all_crews_inside_are_the_flows_and_each_runs_own() -> None:
    model = ScriptedModel(by=lambda _: "text")
    flow = Researching(one_task_crew(model), one_task_crew(model))
    assert flow.usage_metrics.total_tokens == 0
    await asyncio.gather(*[flow.kickoff_async({"topic": "rain"}) for _ in range(5)])
    assert len(model.requests) == 10
    assert flow.usage_metrics.total_tokens == 30
    assert flow.token_usage.successful_requests == 2


async def test_a_flow_inside_a_flow_nests_and_its_tokens_count_for_both(events: Events) -> None:
    model = ScriptedModel(by=lambda _: "text")
    inner = Researching(one_task_crew(model), one_task_crew(model))

    class Outer(Flow):
        @start()
        async def twice(self) -> None:
            for _ in range(2):
                await inner.kickoff_async({"topic": "rain"})

    outer = Outer()
    await outer.kickoff_async()
    assert (outer.usage_metrics.total_tokens, inner.usage_metrics.total_tokens) == (60, 30)
    assert "CrewKickoffStarted run/twice-0/run-1/write-0/run-0" in events.names()


async def test_what_fails_in_a_crew_inside_is_located_there() -> None:
    crew = one_task_crew(ScriptedModel(AuthenticationError("no key")), name="finders")
    with pytest.raises(AuthenticationError, match="in crew 'finders'"):
        await Researching(crew, crew).kickoff_async({"topic": "rain"})


def test_a_plain_method_may_kick_a_crew_off() -> None:
    class Plain(Flow):
        def __init__(self, crew: Crew) -> None:
            super().__init__()
            self.crew = crew

        @start()
        def look(self) -> str:
            return self.crew.kickoff({"topic": "rain"}).raw

    flow = Plain(one_task_crew(ScriptedModel("found")))
    assert flow.kickoff() == "found"
    assert flow.usage_metrics.total_tokens == 15


async def test_an_error_that_no_crew_located_names_the_flow() -> None:
    class Failing(Flow):
        @start()
        async def begin(self):
            raise BlueprintError("nothing here")

    with pytest.raises(BlueprintError, match=r"nothing here \(in flow 'Failing'\)"):
        await Failing().kickoff_async()
