"""Crews whose streamed replies break: to be watched makes no run less reliable, and no reader keeps half a reply."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.crew.streaming import StreamChunkType
from aiocrew.errors import TaskError
from aiocrew.models.llm import LLM
from aiocrew.net.pool import aclose
from aiocrew.seeing.recorder import recording
from aiocrew.testing import cassette
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import (
    Event,
    LLMCallCompleted,
    LLMCallRetried,
    LLMFirstToken,
    LLMStreamChunk,
    ToolUsageStarted,
)
from aiocrew.types.messages import Chunk, Reply, Request, Restart
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel
from tests.net.loopback import Answer, Provider, Seen, serving
from tests.net.streamed import broken, call_delta, streamed, task_of

HALF, WHOLE = broken("cut", "half ", "of it "), streamed("the ", "whole ", "of it")
KINDS = ("cut", "reset", "error", "garbage", "no end", "stall")
RUNS = 50


@pytest.fixture(autouse=True)
async def no_pauses() -> AsyncIterator[None]:
    """Let every further attempt follow at once."""
    token = active_runtime.set(replace(local_runtime(), chance=lambda: 0.0))
    yield
    active_runtime.reset(token)
    await aclose()


def llm_at(provider: Provider, **fields: Any) -> LLM:
    return LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", **fields)


def replies_by_attempt(events: Iterable[Event]) -> dict[tuple[str, str], str]:
    """Return the text of each reply, as a reader puts it together who looks at the pieces alone."""
    texts: dict[tuple[str, str], str] = defaultdict(str)
    attempts: dict[tuple[str, str], int] = {}
    for event in events:
        if isinstance(event, LLMStreamChunk):
            reply = event.run_id, event.path
            if attempts.setdefault(reply, event.attempt) < event.attempt:
                attempts[reply], texts[reply] = event.attempt, ""
            texts[reply] += event.text
    return dict(texts)


def replies_by_retry(events: Iterable[Event]) -> dict[tuple[str, str], str]:
    """Return the text of each reply, as a reader puts it together who is told of what failed."""
    texts: dict[tuple[str, str], str] = defaultdict(str)
    for event in events:
        match event:
            case LLMStreamChunk(run_id=run_id, path=path, text=text):
                texts[run_id, path] += text
            case LLMCallRetried(run_id=run_id, path=path):
                texts.pop((run_id, path), None)
            case _:
                pass
    return dict(texts)


def completed(events: Iterable[Event]) -> dict[tuple[str, str], str]:
    return {(event.run_id, event.path): event.text for event in events if isinstance(event, LLMCallCompleted)}


async def _plain(crew: Crew) -> str:
    return (await crew.kickoff_async()).raw


async def _streamed(crew: Crew) -> str:
    stream = crew.stream()
    [event async for event in stream]
    return stream.output.raw


async def _watched(crew: Crew) -> str:
    async with crew.start() as run:
        [event async for event in run.events()]
        return (await run).raw


async def _in_chunks(crew: Crew) -> str:
    crew.stream = True  # type: ignore[assignment]
    streaming: Any = await crew.kickoff_async()
    [chunk async for chunk in streaming]
    return str(streaming.result.raw)


_READ = (_streamed, _watched, _in_chunks)


@pytest.mark.parametrize(
    ("read", "streams"), [(_plain, True), *((read, streams) for read in _READ for streams in (True, False))]
)
async def test_whoever_watches_it_a_run_outlives_a_reply_that_breaks(
    read: Callable[[Crew], Awaitable[str]], streams: bool
) -> None:
    async with serving(HALF, WHOLE) as provider:
        assert await read(one_task_crew(llm_at(provider, stream=streams))) == "the whole of it"
    assert len(provider.requests) == 2


async def test_events_say_of_each_piece_which_attempt_it_comes_of() -> None:
    async with serving(HALF, WHOLE) as provider:
        events = [event async for event in one_task_crew(llm_at(provider)).stream()]
    told = [
        (type(event), event.attempt)
        for event in events
        if isinstance(event, LLMStreamChunk | LLMFirstToken | LLMCallRetried)
    ]
    assert told == [
        *((LLMFirstToken, 1), (LLMStreamChunk, 1), (LLMStreamChunk, 1), (LLMCallRetried, 1)),
        *((LLMFirstToken, 2), (LLMStreamChunk, 2), (LLMStreamChunk, 2), (LLMStreamChunk, 2)),
    ]
    assert replies_by_attempt(events) == replies_by_retry(events) == completed(events)


async def test_usage_counts_what_came_whole() -> None:
    async with serving(HALF, HALF, WHOLE) as provider:
        output = await one_task_crew(llm_at(provider, stream=True)).kickoff_async()
    assert (output.token_usage.successful_requests, output.token_usage.total_tokens) == (1, 12)


async def test_a_tool_that_a_void_attempt_asked_for_is_not_called() -> None:
    called: list[str] = []

    @tool
    def look(at: str) -> str:
        """Look."""
        called.append(at)
        return "seen"

    half = broken("cut", "I look ", call_delta("look", '{"at": "void"}'))
    asks = streamed(call_delta("look", '{"at": "tea"}'), finish="tool_calls")
    async with serving(half, asks, half, streamed("all seen")) as provider:
        agent = agent_with(llm_at(provider), tools=[look])
        stream = Crew(agents=[agent], tasks=[task_for(agent)]).stream()
        events = [event async for event in stream]
    assert (called, stream.output.raw) == (["tea"], "all seen")
    assert sum(isinstance(event, ToolUsageStarted) for event in events) == 1


# Chunks


async def test_chunks_say_where_a_reply_begins_again_and_the_full_text_has_no_void_half() -> None:
    async with serving(HALF, HALF, WHOLE, HALF, WHOLE) as provider:
        agent = agent_with(llm_at(provider))
        crew = Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)], stream=True)
        streaming: Any = await crew.kickoff_async()
        chunks = [chunk async for chunk in streaming]
    restarts = [chunk for chunk in chunks if chunk.chunk_type is StreamChunkType.RESTART]
    assert [(chunk.task_index, chunk.attempt, chunk.content) for chunk in restarts] == [
        (0, 2, ""),
        (0, 3, ""),
        (1, 2, ""),
    ]
    assert [chunk.path for chunk in restarts] == ["run/task-0/turn-0/model"] * 2 + ["run/task-1/turn-0/model"]
    assert "".join(map(str, chunks)).count("half of it ") == 3
    assert streaming.get_full_text() == "the whole of it" * 2


async def test_a_loop_without_async_is_told_so_too() -> None:
    def read(crew: Crew) -> tuple[int, str]:
        streaming: Any = crew.kickoff()
        kinds = [chunk.chunk_type for chunk in streaming]
        return kinds.count(StreamChunkType.RESTART), streaming.get_full_text()

    async with serving(HALF, WHOLE) as provider:
        crew = one_task_crew(llm_at(provider), stream=True)
        assert await asyncio.to_thread(read, crew) == (1, "the whole of it")


async def test_a_model_of_ones_own_may_begin_anew_and_say_so() -> None:
    class Own(ScriptedModel):
        async def stream_with_restarts(self, request: Request) -> AsyncIterator[Chunk | Restart | Reply]:
            yield Chunk("half ")
            yield Restart(2)
            yield Chunk("whole")
            yield Reply("whole")

    crew = one_task_crew(Own(streams=True), stream=True)
    streaming: Any = await crew.kickoff_async()
    kinds = [chunk.chunk_type.value async for chunk in streaming]
    assert (kinds, streaming.get_full_text(), streaming.result.raw) == (["text", "restart", "text"], "whole", "whole")


async def test_a_model_of_ones_own_that_breaks_is_not_asked_again_streamed_or_not() -> None:
    class Own:
        streams = True
        asked = 0

        async def reply(self, request: Request) -> Reply:
            raise AssertionError

        async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
            self.asked += 1
            yield Chunk("half ")
            raise ConnectionError("gone")

    model = Own()
    with pytest.raises(TaskError, match="gone"):
        await one_task_crew(model).kickoff_async()
    assert model.asked == 1


# Cassettes


async def test_a_cassette_replays_the_reply_that_came_whole(tmp_path: Any) -> None:
    path = tmp_path / "broken.json"
    async with serving(HALF, WHOLE) as provider:
        crew = one_task_crew(llm_at(provider))
        with cassette(path):
            recorded = [event async for event in crew.stream()]
        with cassette(path):
            replayed = [event async for event in crew.stream()]
    assert len(provider.requests) == 2
    assert list(replies_by_attempt(recorded).values()) == list(replies_by_attempt(replayed).values())


# Many at once


def faulty(kinds: tuple[str, ...]) -> Answer:
    """Answer `re: <task>`; the first attempt at every third task breaks."""
    asked: Counter[str] = Counter()

    async def answer(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        task = task_of(seen)
        asked[task] += 1
        number = int(task.split()[-1])
        if number % 3 == 0 and asked[task] == 1:
            await broken(kinds[number // 3 % len(kinds)], "void ", task)(provider, seen, writer)
        else:
            writer.write(streamed("re: ", task))

    return answer


async def test_fifty_runs_at_once_give_what_they_give_without_faults() -> None:
    async with serving(faulty(KINDS)) as provider:
        crew = one_task_crew(llm_at(provider, timeout=1.5))

        async def read(number: int) -> tuple[str, list[Event]]:
            stream = crew.stream({"topic": f"topic {number}"})
            events = [event async for event in stream]
            return stream.output.raw, events

        runs = await asyncio.gather(*(read(number) for number in range(RUNS)))
    assert [raw for raw, _ in runs] == [f"re: Work on topic {number}" for number in range(RUNS)]
    for _, events in runs:
        assert replies_by_attempt(events) == replies_by_retry(events) == completed(events)
    assert sum(isinstance(event, LLMCallRetried) for _, events in runs for event in events) >= RUNS // 3


async def test_the_chunks_of_fifty_runs_in_one_stream_can_be_put_together_by_reply() -> None:
    async with serving(faulty(("cut", "error"))) as provider:
        crew = one_task_crew(llm_at(provider), stream=True)
        streaming: Any = await crew.kickoff_for_each_async([{"topic": f"topic {n}"} for n in range(RUNS)])
        texts: dict[tuple[str, str], str] = {}
        async for chunk in streaming:
            reply = chunk.run_id, chunk.path
            texts[reply] = "" if chunk.chunk_type is StreamChunkType.RESTART else texts.get(reply, "") + chunk.content
    assert sorted(texts.values()) == sorted(outcome.raw for outcome in streaming.results)
    assert [outcome.raw for outcome in streaming.results] == [f"re: Work on topic {n}" for n in range(RUNS)]
    assert "void" not in streaming.get_full_text()


async def test_a_budget_counts_every_broken_attempt_as_all_that_was_set_aside() -> None:
    async def spent(number: int, runs: int, **fields: Any) -> Budget:
        budget = Budget(tokens=10_000_000, reply_tokens=1_000)
        async with serving(faulty(("cut",))) as provider:
            crew = one_task_crew(llm_at(provider, stream=True, **fields))
            inputs = [{"topic": f"topic {number + n}"} for n in range(runs)]
            await crew.kickoff_for_each_async(inputs, options=RunOptions(budget=budget))
            assert budget.spent.requests == len(provider.requests)
        return budget

    set_aside = (await spent(12, 1, max_retries=0)).spent.tokens
    assert set_aside is not None
    assert set_aside > 1_000
    budget = await spent(12, 48)  # sixteen of them break; all their prompts are as long
    assert (budget.spent.tokens, budget.reserved.tokens) == (16 * set_aside + 48 * 12, 0)


async def test_leaving_in_the_middle_of_the_second_attempt_closes_the_socket() -> None:
    async with serving(HALF, broken("stall", "again ")) as provider:
        async with one_task_crew(llm_at(provider)).stream() as events:
            async for event in events:
                if isinstance(event, LLMStreamChunk) and event.attempt == 2:
                    break
        while provider.open:
            provider.gone.clear()
            await provider.gone.wait()
    assert len(provider.requests) == 2


async def test_a_recorder_of_a_streaming_model_is_told_the_same() -> None:
    async with serving(HALF, WHOLE) as provider:
        with recording() as events:
            await one_task_crew(llm_at(provider, stream=True)).kickoff_async()
    assert replies_by_attempt(events) == completed(events)
