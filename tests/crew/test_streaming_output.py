"""Crew(stream=True): every kickoff gives CrewAI's streaming output, for loops with `async` and without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import pytest

from aiocrew.aio.blocking import BlockingKickoffWarning
from aiocrew.crew.crew import Crew
from aiocrew.crew.streaming import CrewStreamingOutput, StreamChunkType
from aiocrew.errors import BlueprintError, TaskError, UsageError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.events import CrewKickoffFailed, LoopBlocked
from aiocrew.types.messages import Reply, Request
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcomes
from tests.crew.scenes import agent_with, meeting, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, prompt

pytestmark = pytest.mark.filterwarnings("error")


def on_topic(request: Request) -> str:
    return f"on {prompt(request).split()[4]} now"


def words(streams: bool = True) -> ScriptedModel:
    return ScriptedModel(by=on_topic, streams=streams)


def streaming_crew(model: Any, **fields: Any) -> Crew:
    return one_task_crew(model, stream=True, **fields)


def kicked_off(crew: Crew, inputs: dict[str, Any] | None = None) -> CrewStreamingOutput:
    streaming: Any = crew.kickoff(inputs)
    assert isinstance(streaming, CrewStreamingOutput)
    return streaming


async def kicked_off_async(crew: Crew, inputs: dict[str, Any] | None = None) -> CrewStreamingOutput:
    streaming: Any = await crew.kickoff_async(inputs)
    assert isinstance(streaming, CrewStreamingOutput)
    return streaming


# Chunks


async def test_chunks_come_with_their_task_and_agent_and_then_there_is_a_result() -> None:
    first, second = agent_with(words()), agent_with(words(), role="Writer")
    tasks = [task_for(first, name="look"), task_for(second, name="write")]
    streaming = await kicked_off_async(Crew(agents=[first, second], tasks=tasks, stream=True), {"topic": "tea"})
    chunks = [chunk async for chunk in streaming]
    assert [chunk.content for chunk in chunks] == ["on ", "tea ", "now"] * 2
    assert "".join(map(str, chunks)) == streaming.get_full_text() == "on tea nowon tea now"
    assert {(c.task_index, c.task_name, c.task_id, c.agent_role, c.agent_id) for c in chunks} == {
        (0, "look", str(tasks[0].id), "Analyst", str(first.id)),
        (1, "write", str(tasks[1].id), "Writer", str(second.id)),
    }
    assert {chunk.chunk_type for chunk in chunks} == {StreamChunkType.TEXT}
    assert (streaming.is_completed, streaming.is_cancelled, streaming.chunks) == (True, False, chunks)
    assert isinstance(streaming.result, CrewOutput)
    assert streaming.result.raw == "on tea now"
    assert streaming.results == [streaming.result]
    assert streaming.result.token_usage.successful_requests == 2


def test_the_same_holds_without_async() -> None:
    streaming = kicked_off(streaming_crew(words()), {"topic": "tea"})
    assert [chunk.content for chunk in streaming] == ["on ", "tea ", "now"]
    assert streaming.result.raw == "on tea now"


@pytest.mark.parametrize("streams", [True, False])
async def test_a_tool_call_is_a_chunk_and_a_reply_that_is_not_streamed_is_one_too(streams: bool) -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return "seen"

    model = ScriptedModel(calls(("look", {"at": "tea"}), ("look", {"at": "tin"})), "all seen", streams=streams)
    agent = agent_with(model, tools=[look])
    streaming = await kicked_off_async(Crew(agents=[agent], tasks=[task_for(agent)], stream=True))
    chunks = [chunk async for chunk in streaming]
    told = [chunk.tool_call for chunk in chunks if chunk.chunk_type is StreamChunkType.TOOL_CALL]
    assert [(call.tool_name, call.arguments, call.index) for call in told if call] == [
        ("look", '{"at":"tea"}', 0),
        ("look", '{"at":"tin"}', 1),
    ]
    assert [chunk.content for chunk in chunks[2:]] == (["all ", "seen"] if streams else ["all seen"])


async def test_the_setting_can_be_made_later_and_the_door_stays_the_same() -> None:
    crew = one_task_crew(words())
    assert not crew.stream
    assert crew.stream == False  # noqa: E712
    crew.stream = True  # type: ignore[assignment]
    assert crew.stream
    assert (await kicked_off_async(crew)).get_full_text() == ""
    assert crew.copy().stream
    assert [type(event).__name__ async for event in crew.stream({"topic": "tea"})][-1] == "CrewKickoffCompleted"
    crew.stream = False  # type: ignore[assignment]
    assert isinstance(await crew.kickoff_async(), CrewOutput)
    assert not Crew(agents=crew.agents, tasks=crew.tasks, stream=None).stream  # type: ignore[arg-type]


async def test_the_setting_is_compared_copied_and_written_as_a_truth_value() -> None:
    crew, other = streaming_crew(words()), one_task_crew(words())
    assert crew.stream == crew.stream == streaming_crew(words()).stream
    assert crew.stream != other.stream
    assert (crew.stream == 1, crew.stream == "yes", {crew.stream: 1}.get(True)) == (True, False, 1)  # type: ignore[call-overload]
    assert crew.model_dump(include={"streams"}) == {"stream": True}
    assert Crew.model_validate({"agents": crew.agents, "tasks": crew.tasks, "stream": True}).stream
    assert not crew.model_copy(update={"stream": False}).stream
    assert crew.model_copy(update={"stream": None, "name": "twin"}).name == "twin"
    assert crew.stream


# Ends


async def test_before_the_end_there_is_no_result() -> None:
    streaming = await kicked_off_async(streaming_crew(words()))
    with pytest.raises(RuntimeError, match="iterate over all of it"):
        _ = streaming.result
    with pytest.raises(UsageError):
        _ = streaming.results
    assert not streaming.is_completed


@pytest.mark.parametrize("door", ["kickoff", "kickoff_async"])
def test_a_failed_run_raises_at_the_end_of_its_chunks_and_again_for_the_result(door: str) -> None:
    model = ScriptedModel("fine words", ValueError("no"), streams=True)
    agent = agent_with(model)
    crew = Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)], stream=True)
    streaming = kicked_off(crew)

    def read() -> None:
        for _ in streaming:
            pass

    async def read_async() -> None:
        async for _ in streaming:
            pass

    with pytest.raises(TaskError, match="no"):
        read() if door == "kickoff" else asyncio.run(read_async())
    assert streaming.get_full_text() == "fine words"
    with pytest.raises(TaskError, match="no"):
        _ = streaming.result


class Endless:
    """Streams one word, and then nothing until it is cancelled."""

    streams = True

    def __init__(self) -> None:
        self.ended = 0
        self.over = asyncio.Event()

    async def reply(self, request: Request) -> Reply:
        raise AssertionError

    async def stream(self, request: Request) -> Any:
        from aiocrew.types.messages import Chunk

        yield Chunk("word")
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
            self.over.set()


@pytest.mark.parametrize("by", ["break", "close", "with"])
def test_a_loop_that_is_left_ends_the_run_before_the_next_line(by: str) -> None:
    model = Endless()
    threads = threading.active_count()
    with recording() as recorded:
        streaming = kicked_off(streaming_crew(model))
        if by == "break":
            for _ in streaming:
                break
        elif by == "close":
            for _ in streaming:
                streaming.close()
        else:
            with streaming:
                chunks = iter(streaming)
                next(chunks)
    assert (model.ended, streaming.is_cancelled) == (1, True)
    assert isinstance(recorded[-1], CrewKickoffFailed)
    assert threading.active_count() <= threads + 2  # pool threads, which end by themselves
    with pytest.raises(UsageError, match="left before its end"):
        _ = streaming.result


async def test_aclose_and_leaving_the_block_end_the_run() -> None:
    for by in ("aclose", "block"):
        model = Endless()
        streaming = await kicked_off_async(streaming_crew(model))
        async with streaming:
            async for _ in streaming:
                if by == "block":
                    break
                await streaming.aclose()
        assert (model.ended, streaming.is_cancelled, streaming.is_completed) == (1, True, True)
        assert len(asyncio.all_tasks()) == 1


async def test_another_task_may_end_it_and_the_loop_over_it_ends() -> None:
    model, first = Endless(), asyncio.Event()
    streaming = await kicked_off_async(streaming_crew(model))

    async def read() -> None:
        async for _ in streaming:
            first.set()

    reading = asyncio.ensure_future(read())
    await first.wait()
    await streaming.aclose()
    assert model.ended == 1
    await reading
    assert streaming.get_full_text() == "word"
    assert (streaming.is_cancelled, len(asyncio.all_tasks())) == (True, 1)


def test_another_thread_may_end_it_and_the_loop_over_it_ends() -> None:
    model = Endless()
    streaming = kicked_off(streaming_crew(model))
    first = threading.Event()

    def end() -> None:
        first.wait(20)
        streaming.close()

    ending = threading.Thread(target=end)
    ending.start()
    contents = []
    for chunk in streaming:
        contents.append(chunk.content)
        first.set()
    ending.join()
    assert (contents, model.ended, streaming.is_cancelled) == (["word"], 1, True)


async def test_close_ends_a_stream_that_is_iterated_with_async_too() -> None:
    model = Endless()
    streaming = await kicked_off_async(streaming_crew(model))
    async for _ in streaming:
        streaming.close()
    assert (model.ended, streaming.is_cancelled) == (1, True)


async def test_a_stream_is_iterated_once() -> None:
    streaming = await kicked_off_async(streaming_crew(words()))
    [chunk async for chunk in streaming]
    with pytest.raises(UsageError, match="`chunks` has what it gave"):
        aiter(streaming)
    with pytest.raises(UsageError, match="once"):
        iter(streaming)


def test_what_nobody_iterates_does_nothing() -> None:
    model = words()
    kicked_off(streaming_crew(model))
    kicked_off(streaming_crew(model)).close()
    assert model.requests == []


# Where the loop runs


class Told(ScriptedModel):
    """Notes the thread of the loop that asks it."""

    def __init__(self) -> None:
        super().__init__(by=lambda request: "a b", streams=True)
        self.threads: set[int] = set()

    async def reply(self, request: Request) -> Reply:
        self.threads.add(threading.get_ident())
        return await super().reply(request)


def test_the_run_goes_on_while_the_reader_does_other_things() -> None:
    model, done = words(), threading.Event()
    crew = streaming_crew(model, task_callback=lambda output: done.set())
    streaming = kicked_off(crew, {"topic": "tea"})
    for number, _ in enumerate(streaming):
        if number == 0:
            assert done.wait(20)  # the task ends although nobody reads
    assert streaming.result.raw == "on tea now"


async def test_inside_a_running_loop_it_works_blocks_and_says_so() -> None:
    model = Told()
    with pytest.warns(BlockingKickoffWarning, match=r"test_streaming_output.*await crew\.kickoff_async"):
        chunks = [chunk.content for chunk in kicked_off(streaming_crew(model))]
    assert chunks == ["a ", "b"]
    assert model.threads.isdisjoint({threading.get_ident()})


async def test_a_synchronous_tool_reads_a_stream_of_a_run_on_the_loop_that_it_came_from() -> None:
    inner = Told()

    @tool
    def hand_on() -> str:
        """Ask another crew."""
        return "+".join(chunk.content for chunk in kicked_off(streaming_crew(inner)))

    model = ScriptedModel(calls(("hand_on", {})), "done")
    agent = agent_with(model, tools=[hand_on])
    crew = Crew(agents=[agent], tasks=[task_for(agent)], stream=True)
    streaming = await kicked_off_async(crew)
    contents = [chunk.content async for chunk in streaming if chunk.content]
    assert contents == ["a ", "b", "done"]
    assert inner.threads == {threading.get_ident()}
    assert model.requests[1].messages[-1].text == "a +b"


async def test_a_cancelled_run_ends_the_stream_that_its_tool_reads() -> None:
    inner, reading, ended = Endless(), threading.Event(), threading.Event()

    @tool
    def hand_on() -> str:
        """Ask another crew."""
        try:
            for _ in kicked_off(streaming_crew(inner)):
                reading.set()
        finally:
            ended.set()
        return ""

    agent = agent_with(ScriptedModel(calls(("hand_on", {}))), tools=[hand_on])
    kickoff = asyncio.ensure_future(Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async())
    assert await asyncio.to_thread(reading.wait, 20)
    kickoff.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kickoff
    assert inner.ended == 1
    assert await asyncio.to_thread(ended.wait, 20)


async def test_a_stream_that_the_thread_leaves_after_its_run_was_cancelled_ends_as_well() -> None:
    inner, reading, go_on = Endless(), threading.Event(), threading.Event()

    @tool
    def hand_on() -> str:
        """Ask another crew."""
        for _ in kicked_off(streaming_crew(inner)):
            reading.set()
            go_on.wait(20)
            break
        return ""

    agent = agent_with(ScriptedModel(calls(("hand_on", {}))), tools=[hand_on])
    kickoff = asyncio.ensure_future(Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async())
    assert await asyncio.to_thread(reading.wait, 20)
    kickoff.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kickoff
    go_on.set()
    async with asyncio.timeout(20):
        await inner.over.wait()


# Batches


async def test_a_batch_gives_the_chunks_of_all_runs_as_they_come_and_its_outcomes() -> None:
    model = meeting(50, on_topic, streams=True)
    crew = streaming_crew(model)
    streaming: Any = await crew.kickoff_for_each_async([{"topic": f"t{number}"} for number in range(50)])
    by_run: dict[str, str] = {}
    async for chunk in streaming:
        by_run[chunk.run_id] = by_run.get(chunk.run_id, "") + chunk.content
    assert sorted(by_run.values()) == sorted(f"on t{number} now" for number in range(50))
    assert model.peak == 50
    assert isinstance(streaming.results, Outcomes)
    assert [outcome.raw for outcome in streaming.results] == [f"on t{number} now" for number in range(50)]
    with pytest.raises(UsageError, match="`results`"):
        _ = streaming.result


@pytest.mark.parametrize("streams", [True, False])
async def test_a_batch_of_any_width_loses_no_text_and_tells_whose_it_is(streams: bool) -> None:
    crew = streaming_crew(words(streams))
    streaming: Any = await crew.kickoff_for_each_async([{"topic": f"t{number}"} for number in range(2_000)])
    by_run: dict[str, str] = {}
    told: set[tuple[str, str]] = set()
    async for chunk in streaming:
        by_run[chunk.run_id] = by_run.get(chunk.run_id, "") + chunk.content
        told.add((chunk.agent_role, chunk.task_id))
    assert Counter(by_run.values()) == Counter(f"on t{number} now" for number in range(2_000))
    assert told == {("Analyst", str(crew.tasks[0].id))}


async def test_chunks_that_nobody_takes_are_joined_and_none_is_lost() -> None:
    asked = Reply("w " * 15_000, calls(("look", {}), ("look", {})).calls, finish_reason="tool_calls")

    @tool
    async def look() -> str:
        """Look."""
        return "seen"

    ended = asyncio.Event()
    agent = agent_with(ScriptedModel(asked, "all seen", streams=True), tools=[look])
    task = task_for(agent, callback=lambda output: loop.call_soon_threadsafe(ended.set))
    loop = asyncio.get_running_loop()
    chunks = aiter(await kicked_off_async(Crew(agents=[agent], tasks=[task], stream=True)))
    first = await anext(chunks)
    await ended.wait()  # nobody reads meanwhile
    rest = [chunk async for chunk in chunks]
    assert 10_000 <= len(rest) < 10_010
    assert first.content + "".join(chunk.content for chunk in rest) == "w " * 15_000 + "all seen"
    assert [chunk.chunk_type for chunk in rest].count(StreamChunkType.TOOL_CALL) == 2
    assert {chunk.agent_role for chunk in rest} == {"Analyst"}


async def test_an_input_that_fails_is_among_the_results() -> None:
    model = ScriptedModel(by=lambda request: ValueError("no") if "t1" in prompt(request) else "fine", streams=True)
    streaming: Any = await streaming_crew(model).akickoff_for_each([{"topic": "t0"}, {"topic": "t1"}])
    assert [chunk.content async for chunk in streaming] == ["fine"]
    assert isinstance(streaming.results[1], FailedRun)


async def test_a_batch_out_of_a_journal_gives_its_outcomes(tmp_path: Any) -> None:
    journal, model = str(tmp_path / "batch.sqlite"), words()
    for _ in range(2):
        batch: Any = await streaming_crew(model).kickoff_for_each_async([{"topic": "tea"}], journal=journal)
        text = "".join([chunk.content async for chunk in batch])
        assert [outcome.raw for outcome in batch.results] == ["on tea now"]
    assert (text, len(model.requests)) == ("", 1)


def test_without_async_each_input_has_a_stream_of_its_own() -> None:
    model = words()
    streams: Any = streaming_crew(model).kickoff_for_each([{"topic": "a"}, {"topic": "b"}])
    assert model.requests == []
    assert ["".join(map(str, streaming)) for streaming in streams] == ["on a now", "on b now"]
    assert [streaming.result.raw for streaming in streams] == ["on a now", "on b now"]
    with pytest.raises(UsageError, match="use kickoff_for_each_async"):
        streaming_crew(model).kickoff_for_each([{"topic": "a"}], max_concurrency=1)
    for wrong in (None, 3):
        with pytest.raises(BlueprintError, match="must be a list of dicts"):
            streaming_crew(model).kickoff_for_each(wrong)  # type: ignore[arg-type]

    async def coming() -> Any:
        yield {"topic": "a"}

    with pytest.raises(UsageError, match="use kickoff_for_each_async"):
        streaming_crew(model).kickoff_for_each(coming())


def test_a_crew_of_plain_data_may_stream() -> None:
    config = {
        "stream": True,
        "agents": [{"role": "A", "goal": "g", "backstory": "b", "llm": "offline/instant"}],
        "tasks": [{"description": "d", "expected_output": "e", "agent": "A"}],
    }
    assert Crew(config=config).stream


async def test_no_event_of_a_blocked_loop_where_nothing_blocks() -> None:
    streaming = await kicked_off_async(streaming_crew(words()))
    with recording() as recorded:
        [chunk async for chunk in streaming]
    assert not [event for event in recorded if isinstance(event, LoopBlocked)]


INTERRUPTED = """
import signal
from tests.crew.test_streaming_output import Endless, kicked_off, streaming_crew

model = Endless()
streaming = kicked_off(streaming_crew(model))
try:
    for _ in streaming:
        signal.raise_signal(signal.SIGINT) if not {waits} else signal.setitimer(signal.ITIMER_REAL, 0.05)
except KeyboardInterrupt:
    print(model.ended, streaming.is_cancelled)
"""


@pytest.mark.parametrize("waits", [False, True], ids=["in the loop's body", "while it waits"])
def test_an_interrupt_ends_the_run_and_is_raised(waits: bool) -> None:
    program = INTERRUPTED.format(waits=waits)
    handler = "import signal\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n"
    done = subprocess.run([sys.executable, "-W", "error", "-c", handler + program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1 True\n", "")
