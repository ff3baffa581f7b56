"""The events of runs as they happen: crew.stream(inputs), agent.stream(...) and run.events()."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiocrew.agent.event_stream import EventStream, StreamNotEndedError
from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError, TaskError, UsageError
from aiocrew.models.llm import LLM
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.events import (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    Event,
    EventsMissed,
    LiteAgentExecutionCompleted,
    LLMCallCompleted,
    LLMStreamChunk,
    TaskCompleted,
    ToolUsageFinished,
    ToolUsageStarted,
)
from aiocrew.types.messages import Chunk, Reply, Request
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time, prompt
from tests.net.loopback import Provider, Seen, hang, serving


class Streaming(ScriptedModel):
    """Gives its answer word by word, each after `delay_s`; says nothing of whether it wants to be asked so."""

    def __init__(self, answer: str | Reply = "one two three", delay_s: float = 0.0) -> None:
        super().__init__(by=lambda request: answer)
        del self.streams
        self.whole = 0
        self.word_s = delay_s

    async def reply(self, request: Request) -> Reply:
        self.whole += 1
        return await super().reply(request)

    async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        reply = await super().reply(request)
        for word in reply.text.split():
            await asyncio.sleep(self.word_s)
            yield Chunk(f"{word} ")
        yield reply


class Gate:
    """Answers when it is let; counts those that were cancelled."""

    def __init__(self) -> None:
        self.begun, self.open, self.cancelled = asyncio.Event(), asyncio.Event(), 0

    async def reply(self, request: Request) -> Reply:
        self.begun.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Reply("done")


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, LLMStreamChunk))


def tasks_alive() -> int:
    return len(asyncio.all_tasks()) - 1


# What it gives


async def test_a_stream_gives_what_a_recorder_gets_and_then_the_output() -> None:
    stream = one_task_crew(Streaming()).stream({"topic": "tea"})
    with recording() as recorded:
        events = [event async for event in stream]
    assert events == recorded
    assert [type(events[0]), type(events[-1])] == [CrewKickoffStarted, CrewKickoffCompleted]
    assert text_of(events) == "one two three "
    assert stream.output.raw == "one two three"


async def test_replies_come_in_pieces_only_where_somebody_reads() -> None:
    model = Streaming()
    crew = one_task_crew(model)
    with recording() as recorded:
        await crew.kickoff_async()
    assert (model.whole, text_of(recorded)) == (1, "")
    [event async for event in crew.stream()]
    assert model.whole == 1


async def test_a_model_that_says_that_it_does_not_stream_is_not_asked_to() -> None:
    model = ScriptedModel("one two", streams=False)
    events = [event async for event in one_task_crew(model).stream()]
    assert text_of(events) == ""
    assert [event.text for event in events if isinstance(event, LLMCallCompleted)] == ["one two"]


async def test_runs_inside_are_in_the_stream_and_come_in_pieces_too() -> None:
    inner = Streaming("inner words")

    @tool
    async def hand_on(topic: str) -> str:
        """Ask another crew."""
        return (await one_task_crew(inner).kickoff_async({"topic": topic})).raw

    @tool
    def hand_on_in_thread(topic: str) -> str:
        """Ask another crew from a thread."""
        return one_task_crew(inner).kickoff({"topic": topic}).raw

    model = ScriptedModel(calls(("hand_on", {"topic": "tea"})), calls(("hand_on_in_thread", {"topic": "tea"})), "done")
    agent = agent_with(model, tools=[hand_on, hand_on_in_thread])
    events = [event async for event in Crew(agents=[agent], tasks=[task_for(agent)]).stream()]
    begun = [event for event in events if isinstance(event, CrewKickoffStarted)]
    assert [event.outer for event in begun] == ["", begun[0].run_id, begun[0].run_id]
    assert text_of(events) == "inner words inner words "
    assert inner.whole == 0


async def test_five_hundred_streams_at_once_have_their_own_events_each() -> None:
    model = ScriptedModel(by=lambda request: f"<{prompt(request).split()[4]}> and some more words", streams=True)
    crew = one_task_crew(model)

    async def read(number: int) -> tuple[set[str], str]:
        events = [event async for event in crew.stream({"topic": f"t{number}"})]
        return {event.run_id for event in events}, text_of(events)

    runs = await asyncio.gather(*(read(number) for number in range(500)))
    assert [len(ids) for ids, _ in runs] == [1] * 500
    assert len({run_id for ids, _ in runs for run_id in ids}) == 500
    assert [text for _, text in runs] == [f"<t{number}> and some more words" for number in range(500)]


def test_words_come_while_tools_and_other_tasks_go_on() -> None:
    @tool
    async def slow() -> str:
        """Take five seconds."""
        await asyncio.sleep(5)
        return "found"

    def of_interest(event: Event) -> bool:
        return isinstance(event, ToolUsageStarted | ToolUsageFinished) or (
            isinstance(event, LLMStreamChunk) and event.path.startswith("run/task-1/")
        )

    async def read() -> list[Event]:
        searcher = agent_with(ScriptedModel(calls(("slow", {})), "done", "end", streams=True), tools=[slow])
        writer = agent_with(Streaming("one two three", delay_s=1.0), role="Writer")
        tasks = [task_for(searcher, async_execution=True), task_for(writer, async_execution=True), task_for(searcher)]
        stream = Crew(agents=[searcher, writer], tasks=tasks).stream()
        return [event async for event in stream if of_interest(event)]

    assert [(type(event), event.at_s) for event in on_virtual_time(read)] == [
        (ToolUsageStarted, 0.0),
        (LLMStreamChunk, 1.0),
        (LLMStreamChunk, 2.0),
        (LLMStreamChunk, 3.0),
        (ToolUsageFinished, 5.0),
    ]


async def test_an_agent_without_a_crew_has_a_stream_as_well() -> None:
    stream = agent_with(Streaming()).stream("Say something")
    events = [event async for event in stream]
    assert isinstance(events[-1], LiteAgentExecutionCompleted)
    assert text_of(events) == "one two three "
    assert stream.output.raw == "one two three"


async def test_a_step_out_of_a_journal_gives_its_whole_text_and_no_pieces(tmp_path: Any) -> None:
    journal = str(tmp_path / "batch.sqlite")
    first = agent_with(Streaming("first words"))
    broken = agent_with(ScriptedModel(ValueError("no"), "second words", streams=True), role="Second")
    crew = Crew(agents=[first, broken], tasks=[task_for(first), task_for(broken)])
    await crew.kickoff_for_each_async([{"topic": "tea"}], journal=journal)
    stream = EventStream(lambda: crew.kickoff_for_each_async([{"topic": "tea"}], journal=journal, retry_failed=True))
    events = [event async for event in stream]
    assert text_of(events) == "second words"
    assert [event.text for event in events if isinstance(event, LLMCallCompleted)] == ["first words", "second words"]
    assert stream.output[0].token_usage.successful_requests == 2


# How it ends


async def test_a_run_that_fails_raises_after_its_last_event() -> None:
    stream = one_task_crew(ScriptedModel(ValueError("no"))).stream()
    events: list[Event] = []

    async def read() -> None:
        async for event in stream:
            events.append(event)  # noqa: PERF401 - the events before the error count

    with pytest.raises(TaskError, match="no") as caught:
        await read()
    assert isinstance(events[-1], CrewKickoffFailed)
    with pytest.raises(TaskError) as again:
        _ = stream.output
    assert again.value is caught.value


async def test_leaving_the_block_early_cancels_the_run_which_has_ended_then() -> None:
    gate = Gate()
    stream = one_task_crew(gate).stream()
    async with stream as events:
        async for _ in events:
            await gate.begun.wait()
            break
    assert (gate.cancelled, tasks_alive()) == (1, 0)
    with pytest.raises(StreamNotEndedError, match="left before its end"):
        _ = stream.output
    assert [event async for event in stream] == []


async def test_a_bare_loop_that_is_left_cancels_the_run_too() -> None:
    gate = Gate()
    async for _ in one_task_crew(gate).stream():
        await gate.begun.wait()
        break
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
    assert gate.cancelled == 1


async def test_cancelling_who_reads_cancels_the_run() -> None:
    gate = Gate()
    stream = one_task_crew(gate).stream()

    async def read() -> None:
        async for _ in stream:
            pass

    reading = asyncio.ensure_future(read())
    await gate.begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (gate.cancelled, tasks_alive()) == (1, 0)


async def test_another_task_may_end_a_stream_and_its_iteration_ends() -> None:
    gate = Gate()
    stream = one_task_crew(gate).stream()

    async def read() -> list[Event]:
        return [event async for event in stream]

    reading = asyncio.ensure_future(read())
    await gate.begun.wait()
    await stream.aclose()
    assert gate.cancelled == 1
    assert isinstance((await reading)[0], CrewKickoffStarted)
    assert tasks_alive() == 0
    with pytest.raises(StreamNotEndedError, match="left before its end"):
        _ = stream.output


async def test_a_run_cannot_wait_for_the_end_of_its_own_stream() -> None:
    refused: list[str] = []

    @tool
    async def end() -> str:
        """End."""
        try:
            await stream.aclose()
        except UsageError as error:
            refused.append(str(error))
        return ""

    agent = agent_with(ScriptedModel(calls(("end", {})), "done"), tools=[end])
    stream = Crew(agents=[agent], tasks=[task_for(agent)]).stream()
    async for _ in stream:
        pass
    assert stream.output.raw == "done"
    assert [text.partition(":")[0] for text in refused] == ["a stream cannot be closed from within its own run"]


async def test_nothing_begins_before_the_first_event_is_asked_for() -> None:
    model = Streaming()
    stream = one_task_crew(model).stream()
    await asyncio.sleep(0)
    assert model.requests == []
    with pytest.raises(StreamNotEndedError, match="has not ended yet"):
        _ = stream.output
    await stream.aclose()
    assert model.requests == []


def test_what_cannot_be_is_said_at_once() -> None:
    crew = one_task_crew(ScriptedModel())
    with pytest.raises(BlueprintError, match="must be a dict"):
        crew.stream("tea")  # type: ignore[arg-type]
    with pytest.raises(BlueprintError, match="RunOptions"):
        crew.stream({}, options={})  # type: ignore[arg-type]


# Slow readers


def test_a_reader_that_reads_nothing_for_ten_seconds_delays_no_run() -> None:
    async def read() -> list[Event]:
        agent = agent_with(Streaming(" ".join(map(str, range(6_000))), delay_s=0.001))
        stream = Crew(agents=[agent], tasks=[task_for(agent) for _ in range(2)]).stream()
        async with stream as events:
            first = await anext(events)
            await asyncio.sleep(10)
            return [first, *[event async for event in events]]

    events = on_virtual_time(read)
    ends = [event.at_s for event in events if isinstance(event, TaskCompleted | CrewKickoffCompleted)]
    assert ends == pytest.approx([6.0, 12.0, 12.0])
    assert text_of(events) == "".join(f"{number} " for number in range(6_000)) * 2
    assert len(events) < 10_000


def test_what_does_not_fit_is_counted_and_the_ends_come() -> None:
    @tool
    async def look(number: int) -> str:
        """Look."""
        return str(number)

    async def read() -> list[Event]:
        script = [calls(*[("look", {"number": number}) for number in range(600)]) for _ in range(10)]
        agent = agent_with(ScriptedModel(*script, "done"), tools=[look])
        async with Crew(agents=[agent], tasks=[task_for(agent)]).stream() as events:
            first = await anext(events)
            await asyncio.sleep(10)
            return [first, *[event async for event in events]]

    with recording() as recorded:
        events = on_virtual_time(read)
    missed = [event for event in events if isinstance(event, EventsMissed)]
    assert len(events) == 10_001  # the first had been read before
    assert [event.count for event in missed] == [len(recorded) - len(events) + 1]
    assert (missed[0].run_id, missed[0].path) == (events[0].run_id, "run")
    assert events[-1] == recorded[-1]


def in_pieces(*texts: str) -> bytes:
    parts = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    used = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": len(texts)}}
    body = b"".join(f"data: {json.dumps(part)}\n\n".encode() for part in (*parts, last, used)) + b"data: [DONE]\n\n"
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_over_sockets_every_run_is_done_before_anybody_has_read() -> None:
    answered, everything = 0, asyncio.Event()

    async def answer(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        writer.write(in_pieces("one ", "two"))
        await writer.drain()
        answered += 1
        if answered == 60:
            everything.set()

    async with serving(answer) as provider:
        llm = LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k")
        agent = agent_with(llm)
        crew = Crew(agents=[agent], tasks=[task_for(agent) for _ in range(3)])
        streams = [crew.stream({"topic": number}) for number in range(20)]
        for stream in streams:
            await anext(stream)
        await everything.wait()
        for stream in streams:
            assert text_of([event async for event in stream]) == "one two" * 3
            assert stream.output.token_usage.total_tokens == 3 * 12
            assert [spent.token_usage.completion_tokens for spent in stream.output.usage_by_task] == [2, 2, 2]


async def test_leaving_a_stream_closes_its_socket() -> None:
    async def begin(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
        writer.write(head + b'data: {"choices": [{"index": 0, "delta": {"content": "one"}}]}\n\n')
        await hang(provider, seen, writer)

    async with serving(begin) as provider:
        llm = LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k")
        async with one_task_crew(llm).stream() as events:
            async for event in events:
                if isinstance(event, LLMStreamChunk):
                    break
        while provider.open:
            provider.gone.clear()
            await provider.gone.wait()


# A run's handle


async def test_every_reader_of_a_handle_gets_everything() -> None:
    async def read(events: AsyncIterator[Event]) -> list[Event]:
        return [event async for event in events]

    with recording() as recorded:
        async with one_task_crew(Streaming()).start() as run:
            readers = [asyncio.ensure_future(read(run.events())) for _ in range(3)]
            assert [await reader for reader in readers] == [recorded] * 3
    assert text_of(recorded) == "one two three "


async def test_who_comes_later_gets_the_events_from_then_on() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        await gate.begun.wait()
        events = run.events()
        gate.open.set()
        await run
        assert [type(event) for event in [event async for event in events]][-1] is CrewKickoffCompleted
        assert [event async for event in run.events()] == []


async def test_who_came_late_and_is_slow_is_told_which_run_it_missed() -> None:
    inner, gate = ScriptedModel(by=lambda request: "inner"), Gate()

    @tool
    async def hand_on() -> str:
        """Ask many crews."""
        await gate.reply(Request(()))
        crew = one_task_crew(inner)
        await asyncio.gather(*(crew.kickoff_async() for _ in range(3_000)))
        return ""

    agent = agent_with(ScriptedModel(calls(("hand_on", {})), "done"), tools=[hand_on])
    async with Crew(agents=[agent], tasks=[task_for(agent)]).start() as run:
        await gate.begun.wait()
        events = run.events()
        gate.open.set()
        await run
    read = [event async for event in events]
    assert [(event.run_id, event.path) for event in read if isinstance(event, EventsMissed)] == [(run.id, "run")]
    assert isinstance(read[-1], CrewKickoffCompleted)


async def test_readers_that_nobody_holds_leave_nothing_behind() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        for _ in range(100):
            run.events()
        assert len(run._relay._readers) <= 1
        gate.open.set()


async def test_a_reader_that_leaves_in_another_thread_takes_no_events_from_others() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        await gate.begun.wait()
        left = run.events()
        await asyncio.to_thread(lambda: asyncio.run(left.aclose()))
        others = run.events()  # before the run has heard of it
        gate.open.set()
        await run
    assert isinstance([event async for event in others][-1], CrewKickoffCompleted)


async def test_leaving_the_events_does_not_touch_the_run_nor_other_readers() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        async with run.events() as left:
            others = run.events()
            await anext(left)
        run.events()  # nobody holds it
        gate.open.set()
        assert (await run).raw == "done"
        assert isinstance([event async for event in others][-1], CrewKickoffCompleted)
        assert [event async for event in left] == []
    assert gate.cancelled == 0


async def test_a_run_that_is_read_by_nobody_any_more_makes_no_events() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        async with run.events() as events:
            await anext(events)
        assert run._kickoff._counter.sinks == ()
        gate.open.set()


async def test_runs_inside_are_in_the_events_of_a_handle_whenever_they_are_asked_for() -> None:
    gate = Gate()

    @tool
    async def hand_on() -> str:
        """Ask another crew."""
        return (await one_task_crew(gate).kickoff_async()).raw

    agent = agent_with(ScriptedModel(calls(("hand_on", {})), "done"), tools=[hand_on])
    async with Crew(agents=[agent], tasks=[task_for(agent)]).start() as run:
        await gate.begun.wait()
        events = run.events()
        gate.open.set()
        ended = [event async for event in events if isinstance(event, CrewKickoffCompleted)]
    assert [(event.output, event.run_id == run.id) for event in ended] == [("done", False), ("done", True)]


@pytest.mark.parametrize("begun", [True, False])
async def test_the_events_end_with_a_run_that_is_cancelled(begun: bool) -> None:
    gate = Gate()
    run = one_task_crew(gate).start()
    events = run.events()
    if not begun:
        run.cancel()
    async with run:
        if begun:
            await gate.begun.wait()
            run.cancel()
        names = [type(event) for event in [event async for event in events]]
    assert names[-1:] == ([CrewKickoffFailed] if begun else [])


async def test_a_block_that_raises_before_the_run_began_ends_its_events() -> None:
    kept: list[AsyncIterator[Event]] = []

    async def leave() -> None:
        async with one_task_crew(Gate()).start() as run:
            kept.append(run.events())
            raise KeyError

    with pytest.raises(KeyError):
        await leave()
    assert [event async for event in kept[0]] == []


async def test_a_run_cannot_read_its_own_events() -> None:
    refused: list[str] = []

    @tool
    async def read() -> str:
        """Read."""
        try:
            run.events()
        except UsageError as error:
            refused.append(str(error))
        return ""

    agent = agent_with(ScriptedModel(calls(("read", {})), "done"), tools=[read])
    run = Crew(agents=[agent], tasks=[task_for(agent)]).start()
    async with run:
        await run
    assert refused == ["a run cannot be read from within itself: it would wait for its own end"]


async def test_two_tasks_cannot_read_one_stream() -> None:
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        await gate.begun.wait()
        events = run.events()
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="a stream of its own"):
            await anext(events)
        gate.open.set()
        await first


async def test_the_events_can_be_read_on_another_loop_in_another_thread() -> None:
    gate, counted = Gate(), Counter[type[Event]]()
    async with one_task_crew(gate).start() as run:
        events = run.events()

        async def read() -> None:
            async for event in events:
                counted[type(event)] += 1

        thread = threading.Thread(target=lambda: asyncio.run(read()))
        thread.start()
        await gate.begun.wait()
        gate.open.set()
        await run
    await asyncio.to_thread(thread.join)
    assert counted[CrewKickoffStarted] == counted[CrewKickoffCompleted] == 1


async def test_inside_a_stream_the_runs_of_handles_come_in_pieces_as_well() -> None:
    inner = Streaming("inner words")

    @tool
    async def hand_on() -> str:
        """Ask another crew."""
        async with one_task_crew(inner).start() as run:
            return (await run).raw

    agent = agent_with(ScriptedModel(calls(("hand_on", {})), "done"), tools=[hand_on])
    events = [event async for event in Crew(agents=[agent], tasks=[task_for(agent)]).stream()]
    assert text_of(events) == "inner words "
