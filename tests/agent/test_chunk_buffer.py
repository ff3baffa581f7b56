"""Chunks that nobody takes: joined where many wait, and never lost."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.chunk_buffer import ChunkBuffer
from aiocrew.agent.chunks import ChunkMaker, StreamChunk, StreamChunkType
from aiocrew.types.events import LLMCallCompleted, LLMStreamChunk
from aiocrew.types.messages import ToolCall
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage


def piece(text: str, reply: str) -> LLMStreamChunk:
    return LLMStreamChunk(reply, Path("run/task-0/turn-0/model"), 0.0, 0.0, text)


def done(reply: str) -> LLMCallCompleted:
    calls = (ToolCall("1", "look", "{}"),)
    path = Path("run/task-0/turn-0/model")
    return LLMCallCompleted(reply, path, 0.0, 0.0, "m", "a", "", calls, Usage(1, 1), "tool_calls")


def all_of(buffer: ChunkBuffer) -> list[StreamChunk]:
    chunks = []
    while (chunk := buffer.pop()) is not None:
        chunks.append(chunk)
    return chunks


def test_what_has_no_room_is_joined_to_the_last_piece_of_its_reply() -> None:
    buffer = ChunkBuffer(ChunkMaker(), most=3)
    for text, reply in ["1a", "2a", "3b", "4a", "5b", "6c", "7c"]:
        buffer.push(piece(text, reply))
    assert [chunk.content for chunk in all_of(buffer)] == ["1", "24", "35", "67"]
    buffer.push(piece("8", "a"))
    buffer.push(piece("9", "a"))
    assert [chunk.content for chunk in all_of(buffer)] == ["8", "9"]


@given(st.lists(st.sampled_from(["a", "b", "c", "done", "pop"]), max_size=200), st.integers(1, 10))
def test_every_reply_comes_whole_and_in_order_with_its_calls_after_it(steps: list[str], most: int) -> None:
    buffer = ChunkBuffer(ChunkMaker(), most)
    expected: dict[str, list[str]] = defaultdict(list)
    read: list[StreamChunk] = []
    tools = 0
    for number, step in enumerate(steps):
        if step == "pop":
            chunk = buffer.pop()
            read += [] if chunk is None else [chunk]
        elif step == "done":
            tools += 1
            expected["a"].append("call")
            buffer.push(done("a"))
        else:
            expected[step].append(str(number))
            buffer.push(piece(f"{number} ", step))
        assert len(buffer) <= most + 3 + 2 * tools, "a call, and what comes of its reply after it"
    came: dict[str, list[str]] = defaultdict(list)
    for chunk in [*read, *all_of(buffer)]:
        is_text = chunk.chunk_type is StreamChunkType.TEXT
        came[chunk.run_id] += chunk.content.split() if is_text else ["call"]
    assert came == expected
