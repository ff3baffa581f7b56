"""crewai.events: handlers and listeners are told what every run does, in order, and no run waits for them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from aiocrew import Crew, Flow, tool
from aiocrew.errors import NotBuiltError, UsageError
from aiocrew.flow import start
from aiocrew.seeing.bus.event_bus import EventBus
from aiocrew.seeing.bus.lanes import Lanes
from aiocrew.seeing.bus.letter import Letter, Reader, context_of_handlers
from aiocrew.types.context import everywhere, here
from crewai.events import (
    BaseEvent,
    BaseEventListener,
    CrewKickoffCompletedEvent,
    CrewKickoffStartedEvent,
    LLMCallCompletedEvent,
    TaskCompletedEvent,
    TaskStartedEvent,
    ToolUsageFinishedEvent,
    ToolUsageStartedEvent,
    crewai_event_bus,
)
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls


@pytest.fixture
def bus() -> Iterator[EventBus]:
    """The process's bus, without anybody else's handlers, and left as it was."""
    with crewai_event_bus.scoped_handlers():
        yield crewai_event_bus
    assert crewai_event_bus.flush(20)


def saying_ok() -> ScriptedModel:
    return ScriptedModel(by=lambda _: "ok")


class Ledger(BaseEventListener):
    """Writes down the types of events, by run."""

    def __init__(self) -> None:
        self.types: dict[str, list[str]] = defaultdict(list)
        self.sources: list[Any] = []
        super().__init__()

    def setup_listeners(self, crewai_event_bus: EventBus) -> None:
        @crewai_event_bus.on(CrewKickoffStartedEvent)
        def began(source: Any, event: CrewKickoffStartedEvent) -> None:
            self.types[event.run_id or ""].append(event.type)
            self.sources.append(source)

        @crewai_event_bus.on(TaskStartedEvent, TaskCompletedEvent)
        def worked(source: Any, event: TaskStartedEvent | TaskCompletedEvent) -> None:
            self.types[event.run_id or ""].append(event.type)

        @crewai_event_bus.on(CrewKickoffCompletedEvent)
        def ended(source: Any, event: CrewKickoffCompletedEvent) -> None:
            self.types[event.run_id or ""].append(event.type)


IN_ORDER = ["crew_kickoff_started", "task_started", "task_completed", "crew_kickoff_completed"]


async def test_a_listener_is_told_of_a_run_from_its_beginning_to_its_end(bus: EventBus) -> None:
    ledger = Ledger()
    await one_task_crew(saying_ok(), name="Harbour").kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert [*ledger.types.values()] == [IN_ORDER]
    assert [source.name for source in ledger.sources] == ["Harbour"]


async def test_fifty_crews_at_once_are_told_apart_and_each_in_order(bus: EventBus) -> None:
    ledger = Ledger()
    outputs = await one_task_crew(saying_ok()).kickoff_for_each_async([{"topic": n} for n in range(50)])
    assert await bus.aflush(20)
    assert len(outputs.succeeded) == 50
    assert [*ledger.types.values()] == [IN_ORDER] * 50


async def test_async_handlers_are_told_of_fifty_crews_each_in_order(bus: EventBus) -> None:
    types: dict[str, list[str]] = defaultdict(list)

    @bus.on(CrewKickoffStartedEvent, TaskStartedEvent, TaskCompletedEvent, CrewKickoffCompletedEvent)
    async def told(source: Any, event: BaseEvent) -> None:
        await asyncio.sleep(0)
        types[event.run_id or ""].append(event.type)

    await one_task_crew(saying_ok()).kickoff_for_each_async([{"topic": n} for n in range(50)])
    assert await bus.aflush(20)
    assert [*types.values()] == [IN_ORDER] * 50


async def test_plain_handlers_run_in_a_thread_and_async_ones_on_the_loop_of_the_run(bus: EventBus) -> None:
    where: dict[str, Any] = {}

    @bus.on(CrewKickoffStartedEvent)
    def plain(source: Any, event: BaseEvent) -> None:
        where["plain"] = threading.current_thread()

    @bus.on(CrewKickoffStartedEvent)
    async def on_loop(source: Any, event: BaseEvent) -> None:
        where["async"] = asyncio.get_running_loop()

    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert where["plain"] is not threading.current_thread()
    assert where["async"] is asyncio.get_running_loop()


async def test_a_run_does_not_wait_for_a_handler(bus: EventBus) -> None:
    free = threading.Event()
    told: list[str] = []

    @bus.on(CrewKickoffStartedEvent)
    def stands_still(source: Any, event: BaseEvent) -> None:
        assert free.wait(20)
        told.append(event.type)

    @bus.on(CrewKickoffStartedEvent)
    async def stands_still_too(source: Any, event: BaseEvent) -> None:
        await asyncio.Event().wait()

    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert told == []
    assert not await bus.aflush(0)
    free.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        task.cancel()
    assert await bus.aflush(20)
    assert told == ["crew_kickoff_started"]


async def test_what_a_handler_raises_is_logged_and_harms_nobody(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    @bus.on(TaskStartedEvent)
    def broken(source: Any, event: BaseEvent) -> None:
        raise SystemExit("plain")

    @bus.on(TaskStartedEvent)
    async def broken_too(source: Any, event: BaseEvent) -> None:
        raise asyncio.CancelledError("async")

    @bus.on(TaskStartedEvent, TaskCompletedEvent)
    def sound(source: Any, event: BaseEvent) -> None:
        told.append(event.type)

    output = await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert (output.raw, told) == ("ok", ["task_started", "task_completed"])
    assert sorted(record.getMessage().partition("<locals>.")[2] for record in caplog.records) == [
        "broken of TaskStartedEvent failed",
        "broken_too of TaskStartedEvent failed",
    ]
    assert {str(record.exc_info[1]) for record in caplog.records if record.exc_info} == {"plain", "async"}


async def test_a_handler_sees_the_context_variables_of_whoever_started_the_run(bus: EventBus) -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")
    seen: set[tuple[str, str]] = set()

    @bus.on(CrewKickoffCompletedEvent)
    def plain(source: Any, event: BaseEvent) -> None:
        seen.add(("plain", user.get()))

    @bus.on(CrewKickoffCompletedEvent)
    async def on_loop(source: Any, event: BaseEvent) -> None:
        seen.add(("async", user.get()))

    user.set("anna")
    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert seen == {("plain", "anna"), ("async", "anna")}


async def test_what_a_handler_starts_is_a_run_of_its_own(bus: EventBus) -> None:
    begun: dict[str, CrewKickoffStartedEvent] = {}

    @bus.on(TaskStartedEvent)
    async def starts_another(source: Any, event: TaskStartedEvent) -> None:
        if source.agent.role == "Analyst":
            agent = agent_with(saying_ok(), role="Echo")
            await Crew(agents=[agent], tasks=[task_for(agent, "Say it")], name="Echoes").kickoff_async()

    @bus.on(CrewKickoffStartedEvent)
    def began(source: Any, event: CrewKickoffStartedEvent) -> None:
        begun[event.crew_name or ""] = event

    crew = one_task_crew(saying_ok(), name="First")
    await crew.kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert await bus.aflush(20)  # of what the first wait let begin
    assert (begun["Echoes"].path, begun["Echoes"].parent_event_id) == ("run", None)


async def test_a_handler_of_a_base_class_is_told_of_its_subclasses_once(bus: EventBus) -> None:
    told: list[str] = []

    def keep(source: Any, event: BaseEvent) -> None:
        told.append(event.type)

    bus.on(BaseEvent, TaskStartedEvent)(keep)
    bus.register_handler(BaseEvent, keep)
    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert told.count("task_started") == 1
    assert told[0] == "crew_kickoff_started"
    assert told[-1] == "crew_kickoff_completed"


async def test_off_ends_it(bus: EventBus) -> None:
    told: list[str] = []

    @bus.on(TaskStartedEvent, TaskCompletedEvent)
    def keep(source: Any, event: BaseEvent) -> None:
        told.append(event.type)

    bus.off(TaskStartedEvent, keep)
    bus.off(CrewKickoffStartedEvent, keep)
    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert told == ["task_completed"]


async def test_nothing_is_left_of_handlers_in_a_scope(bus: EventBus) -> None:
    outside, inside = [], []
    bus.register_handler(TaskStartedEvent, lambda source, event: outside.append(event))
    with bus.scoped_handlers():
        bus.register_handler(TaskStartedEvent, lambda source, event: inside.append(event))
        await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    assert (len(outside), len(inside)) == (1, 1)
    assert (bus._lanes.lanes, bus._reader.runs) == (0, 0)


async def test_who_does_not_listen_to_runs_does_not_pay_for_them(bus: EventBus) -> None:
    class OwnEvent(BaseEvent):
        pass

    @tool
    def readers() -> str:
        """Say who reads."""
        under_way = here.get()
        assert under_way is not None
        return str(len(under_way.run.readers.sinks))

    async def told() -> str:
        agent = agent_with(ScriptedModel(calls(("readers", {})), "done"), tools=[readers])
        output = await Crew(agents=[agent], tasks=[task_for(agent, "Ask")]).kickoff_async()
        assert output.raw == "done"
        return str(agent.llm.requests[-1].messages[-1].text)

    assert await told() == "0"
    handler = bus.on(OwnEvent)(lambda source, event: None)
    assert await told() == "0"
    bus.on(TaskStartedEvent)(handler)
    assert await told() == "1"
    bus.off(TaskStartedEvent, handler)
    assert await told() == "0"
    assert everywhere() == ()


# Events of a program's own


class Saved(BaseEvent):
    file: str


async def test_an_event_of_ones_own_is_told_and_its_future_is_done_when_all_are_through(bus: EventBus) -> None:
    told: list[tuple[Any, str, str]] = []

    @bus.on(Saved)
    def plain(source: Any, event: Saved) -> None:
        told.append((source, event.type, event.file))

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        told.append((source, event.type, event.file))

    await bus.aemit("me", Saved(file="a.md"))
    assert told == [("me", "saved", "a.md")] * 2
    assert bus.emit("me", CrewKickoffStartedEvent()) is None


def test_without_a_loop_an_async_handler_has_one_of_its_own(bus: EventBus) -> None:
    told: list[str] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        await asyncio.sleep(0)
        told.append(event.file)

    for number in range(3):
        future = bus.emit(None, Saved(file=str(number)))
    assert future is not None
    future.result(5)
    assert told == ["0", "1", "2"]


async def test_an_event_emitted_in_a_tool_bears_the_run_and_its_async_handler_runs_on_the_runs_loop(
    bus: EventBus,
) -> None:
    told: list[tuple[Any, ...]] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        told.append((event.run_id, event.path, asyncio.get_running_loop()))

    @tool
    def save() -> str:
        """Save it."""
        bus.emit(None, Saved(file="a.md"))
        return "saved"

    agent = agent_with(ScriptedModel(calls(("save", {})), "done"), tools=[save])
    run_ids: list[str | None] = []
    bus.register_handler(ToolUsageFinishedEvent, lambda source, event: run_ids.append(event.run_id))
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Save")])
    await crew.kickoff_async()
    assert await bus.aflush(20)
    assert told == [(run_ids[0], "run/task-0/turn-0/tool-0", asyncio.get_running_loop())]


async def test_an_async_handler_sees_the_context_variables_of_the_request_that_emits(bus: EventBus) -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")
    seen: list[tuple[str, str, str]] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        before = user.get()
        await asyncio.sleep(0)
        seen.append((event.file, before, user.get()))

    async def request(name: str) -> None:
        user.set(name)
        bus.emit(None, Saved(file=name))

    await asyncio.gather(request("anna"), request("bert"))
    assert await bus.aflush(20)
    assert seen == [("anna", "anna", "anna"), ("bert", "bert", "bert")]


async def test_who_stops_waiting_for_handlers_leaves_them_and_those_after_them_alone(bus: EventBus) -> None:
    free, told = threading.Event(), []

    @bus.on(Saved)
    def slow(source: Any, event: Saved) -> None:
        assert free.wait(20)
        told.append(event.file)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bus.aemit(None, Saved(file="first")), 0.001)
    future = bus.emit(None, Saved(file="second"))
    assert future is not None
    assert not future.cancel()
    free.set()
    assert await bus.aflush(20)
    assert told == ["first", "second"]


class Indexed(BaseEvent):
    file: str


async def test_an_async_handler_may_wait_for_the_handlers_of_what_it_emits(bus: EventBus) -> None:
    told: list[str] = []

    @bus.on(Saved)
    async def saved(source: Any, event: Saved) -> None:
        await bus.aemit(None, Indexed(file=event.file))
        told.append(f"saved {event.file}")

    @bus.on(Indexed)
    async def indexed(source: Any, event: Indexed) -> None:
        told.append(f"indexed {event.file}")

    for file in "ab":
        bus.emit(None, Saved(file=file))
    assert await bus.aflush(20)
    assert told == ["indexed a", "saved a", "indexed b", "saved b"]


def test_a_plain_handler_may_wait_for_the_handlers_of_what_it_emits_and_starts(bus: EventBus) -> None:
    told: list[str] = []

    @bus.on(Saved)
    def saved(source: Any, event: Saved) -> None:
        future = bus.emit(None, Indexed(file=event.file))
        assert future is not None
        future.result(20)
        one_task_crew(saying_ok()).kickoff({"topic": "tea"})
        assert ended.wait(20)
        told.append("saved")

    ended = threading.Event()
    bus.register_handler(Indexed, lambda source, event: told.append("indexed"))
    bus.register_handler(CrewKickoffCompletedEvent, lambda source, event: ended.set())
    bus.emit(None, Saved(file="a"))
    assert bus.flush(20)
    assert told == ["indexed", "saved"]


def test_what_cannot_be_registered_says_so(bus: EventBus) -> None:
    with pytest.raises(UsageError, match="a handler is a function"):
        bus.on("task_started")(lambda source, event: None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs a class"):
        bus.on()
    with pytest.raises(NotBuiltError, match="in which they are registered"):
        bus.on(TaskStartedEvent, depends_on=[print])


# Slow handlers, and ends


async def test_flush_on_the_loop_of_a_handler_refuses_to_wait_for_it(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        told.append(event.file)

    bus.emit(None, Saved(file="a.md"))
    assert not bus.flush()
    assert "await aflush()" in caplog.text
    assert await bus.aflush(20)
    assert told == ["a.md"]


def test_events_beyond_the_bound_are_dropped_and_the_log_tells_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lanes, free, read = Lanes(most=3), threading.Event(), []
    began = threading.Event()

    def slow(source: Any, event: int) -> None:
        began.set()
        assert free.wait(20)
        read.append(event)

    def post(number: int) -> None:
        lanes.post(Letter(Reader(slow, "a.module", False), None, number, context_of_handlers(), None), None, "")

    post(0)
    assert began.wait(20)
    for number in range(1, 9):
        post(number)
    free.set()
    assert lanes.flush(20)
    while lanes.lanes:  # the last warning is logged before the lane is gone
        free.wait(0.001)
    assert read == [0, 1, 2, 3]
    assert [record.getMessage() for record in caplog.records] == [
        "the handlers in a.module are slower than the events: what comes now is dropped",
        "5 events were dropped: the handlers in a.module were slower than they",
    ]


def test_async_handlers_get_through_when_the_loop_of_the_run_ends_with_it(bus: EventBus) -> None:
    told: list[str] = []

    @bus.on(TaskCompletedEvent, CrewKickoffCompletedEvent)
    async def on_loop(source: Any, event: BaseEvent) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        told.append(event.type)

    one_task_crew(saying_ok()).kickoff({"topic": "tea"})
    assert told == ["task_completed", "crew_kickoff_completed"]


def test_what_a_cancelled_lane_leaves_is_read_by_a_thread(bus: EventBus, caplog: pytest.LogCaptureFixture) -> None:
    read: list[str] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        if event.file == "first":
            await asyncio.Event().wait()
        read.append(event.file)

    async def main() -> None:
        for file in ("first", "second", "third"):
            bus.emit(None, Saved(file=file))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            task.cancel()

    asyncio.run(main())
    assert bus.flush(20)
    assert (read, caplog.records) == (["second", "third"], [])


def test_nobody_waits_for_a_handler_that_a_stopped_loop_left_in_the_middle(bus: EventBus) -> None:
    read: list[str] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        if event.file == "first":
            await asyncio.sleep(0.001)
        read.append(event.file)

    async def main() -> None:
        bus.emit(None, Saved(file="first"))
        bus.emit(None, Saved(file="second"))
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    assert not bus.flush(timeout=None)  # would block for ever
    assert read == ["second"]
    while len(read) < 2:
        loop.run_until_complete(asyncio.sleep(0.001))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert bus._lanes.lanes == 0


def test_what_a_loop_that_is_closed_as_it_stands_leaves_is_read_by_a_thread(bus: EventBus) -> None:
    read: list[str] = []

    @bus.on(Saved)
    async def on_loop(source: Any, event: Saved) -> None:
        read.append(event.file)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: bus.emit(None, Saved(file="late")))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    assert bus.flush(20)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert read == ["late"]
    assert bus._lanes.lanes == 0


def test_a_process_that_ends_tells_its_handlers_first() -> None:
    program = (
        "import time\n"
        "from crewai import Agent, Crew, Task\n"
        "from crewai.events import CrewKickoffCompletedEvent, crewai_event_bus\n"
        "from aiocrew.testing.models import ScriptedModel\n"
        "@crewai_event_bus.on(CrewKickoffCompletedEvent)\n"
        "def ended(source, event):\n"
        "    time.sleep(0.2)\n"
        "    print(event.output.raw, flush=True)\n"
        "agent = Agent(role='R', goal='g', backstory='b', llm=ScriptedModel('ok'))\n"
        "Crew(agents=[agent], tasks=[Task(description='d', expected_output='e', agent=agent)]).kickoff()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_a_process_does_not_wait_for_a_handler_that_its_stopped_loop_left_and_says_so() -> None:
    program = (
        "import asyncio\n"
        "from crewai.events import BaseEvent, crewai_event_bus\n"
        "@crewai_event_bus.on(BaseEvent)\n"
        "async def stands_still(source, event):\n"
        "    await asyncio.Event().wait()\n"
        "async def main():\n"
        "    crewai_event_bus.emit(None, BaseEvent())\n"
        "    await asyncio.sleep(0)\n"
        "from aiocrew.seeing.bus import lanes\n"
        "lanes._AT_EXIT_S = 3600\n"
        "loop = asyncio.new_event_loop()\n"
        "loop.run_until_complete(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.startswith("the process ends before its handlers are through")


def test_importing_the_events_loads_nothing_heavy_and_nobody_reads_the_runs() -> None:
    heavy = ("aiocrew.flow", "aiocrew.project", "aiohttp", "sqlite3", "yaml", "rich", "opentelemetry")
    program = (
        "import sys, crewai.events, crewai.utilities.events, crewai.events.event_types\n"
        "from aiocrew.types.context import everywhere\n"
        f"print([name for name in {heavy} if name in sys.modules], everywhere())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[] ()\n", "")


# Runs within runs


async def test_a_crew_in_a_flow_has_its_own_id_and_stands_below_the_flows_method(bus: EventBus) -> None:
    told: list[BaseEvent] = []
    bus.register_handler(BaseEvent, lambda source, event: told.append(event))

    class Morning(Flow):
        @start()
        async def brew(self) -> str:
            return (await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})).raw

    await Morning().kickoff_async()
    assert await bus.aflush(20)
    by_type = {event.type: event for event in told}
    crew, method = by_type["crew_kickoff_started"], by_type["method_execution_started"]
    assert crew.parent_event_id == method.event_id
    assert crew.run_id != method.run_id
    assert (told[0].type, told[-1].type) == ("flow_started", "flow_finished")


async def test_started_and_finished_events_of_one_thing_name_one_another(bus: EventBus) -> None:
    told: list[BaseEvent] = []
    bus.register_handler(BaseEvent, lambda source, event: told.append(event))
    await one_task_crew(saying_ok()).kickoff_async({"topic": "tea"})
    assert await bus.aflush(20)
    begun = {event.event_id: event.type for event in told if event.type.endswith("_started")}
    ended = {begun[event.started_event_id]: event.type for event in told if event.started_event_id}
    assert ended == {
        "crew_kickoff_started": "crew_kickoff_completed",
        "task_started": "task_completed",
        "agent_execution_started": "agent_execution_completed",
        "llm_call_started": "llm_call_completed",
    }
    assert [event.emission_sequence for event in told] == [*range(1, len(told) + 1)]


# The events of 0.80


async def test_the_emitter_of_0_80_is_told_of_tools_and_calls_its_handlers_at_once(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    from crewai.tools.tool_usage_events import ToolUsageError, ToolUsageFinished
    from crewai.utilities.events import Emitter, emit, on

    used: list[tuple[str, Any, bool]] = []

    @on(ToolUsageFinished)
    def finished(source: Any, event: ToolUsageFinished) -> None:
        used.append((event.tool_name, event.tool_args, event.from_cache))

    @tool
    def add(first: int, second: int) -> int:
        """Add."""
        return first + second

    agent = agent_with(ScriptedModel(calls(("add", {"first": 1, "second": 2})), "3"), tools=[add])
    await Crew(agents=[agent], tasks=[task_for(agent, "Add")]).kickoff_async()
    assert await bus.aflush(20)
    Emitter[Any, Any]().emit(None, ToolUsageFinished(tool_name="by hand"))
    assert used == [("add", {"first": 1, "second": 2}, False), ("by hand", "", False)]

    Emitter[Any, Any]().on(ToolUsageError)(lambda source, event: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        emit(None, ToolUsageError(error="no"), raise_on_error=True)
    with caplog.at_level(logging.ERROR):
        emit(None, ToolUsageError(error="no"))
    assert "a handler of ToolUsageErrorEvent failed" in caplog.text


async def test_tokens_are_told_with_the_call_and_summed_for_the_crew(bus: EventBus) -> None:
    usages: list[Any] = []
    bus.register_handler(LLMCallCompletedEvent, lambda source, event: usages.append(event.usage["total_tokens"]))
    bus.register_handler(CrewKickoffCompletedEvent, lambda source, event: usages.append(event.total_tokens))
    agent = agent_with(ScriptedModel(calls(("nothing", {})), "done"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Go")])
    output = await crew.kickoff_async()
    assert await bus.aflush(20)
    assert usages == [15, 15, 30]
    assert output.token_usage.total_tokens == 30


async def test_a_handler_sees_the_tool_calls_of_the_run(bus: EventBus) -> None:
    told: list[tuple[str, Any]] = []
    bus.register_handler(ToolUsageStartedEvent, lambda source, event: told.append((source.role, event.tool_args)))
    agent = agent_with(ScriptedModel(calls(("look", "{broken")), "done"))
    await Crew(agents=[agent], tasks=[task_for(agent, "Go")]).kickoff_async()
    assert await bus.aflush(20)
    assert told == [("Analyst", "{broken")]
