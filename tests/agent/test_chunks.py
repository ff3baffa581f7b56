"""Chunks made of events: where a reply begins again they say so, once, and their text has no void half."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.chunk_buffer import ChunkBuffer
from aiocrew.agent.chunks import ChunkMaker, StreamChunk, StreamChunkType, text_of
from aiocrew.types.events import Event, LLMCallCompleted, LLMCallRetried, LLMCallStarted, LLMStreamChunk
from aiocrew.types.messages import Request
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

PATH = Path("run/task-0/turn-0/model")


def started(run: str = "r") -> Event:
    return LLMCallStarted(run, PATH, 0.0, 0.0, "m", "Writer", Request(()))


def piece(text: str, attempt: int = 1, run: str = "r") -> Event:
    return LLMStreamChunk(run, PATH, 0.0, 0.0, text, attempt)


def failed(attempt: int, run: str = "r", *, model: str = "m") -> Event:
    return LLMCallRetried(run, PATH, 0.0, 0.0, model, attempt, 0.0, "gone")


def completed(text: str, run: str = "r") -> Event:
    return LLMCallCompleted(run, PATH, 0.0, 0.0, "m", "Writer", text, (), Usage(1, 1), "stop")


def chunks_of(*events: Event) -> list[StreamChunk]:
    maker = ChunkMaker()
    return [chunk for event in events for chunk in maker.chunks_of(event)]


def shown(chunks: list[StreamChunk]) -> list[str]:
    return [f"{chunk.chunk_type.value} {chunk.attempt} {chunk.content}".strip() for chunk in chunks]


def test_a_failed_attempt_is_told_where_a_piece_had_come_of_it() -> None:
    events = (started(), failed(1), piece("half", 2), failed(2), piece("who", 3), piece("le", 3), completed("whole"))
    chunks = chunks_of(*events)
    assert shown(chunks) == ["text 2 half", "restart 3", "text 3 who", "text 3 le"]
    assert {(chunk.path, chunk.agent_role, chunk.run_id) for chunk in chunks} == {(PATH, "Writer", "r")}
    assert text_of(chunks) == "whole"


def test_it_is_told_even_where_only_the_next_piece_shows_it() -> None:
    chunks = chunks_of(started(), piece("half"), piece("who", 2), failed(1), piece("le", 2), completed("whole"))
    assert shown(chunks) == ["text 1 half", "restart 2", "text 2 who", "text 2 le"]


def test_a_reply_that_comes_in_one_after_a_broken_stream_is_one_chunk_of_its_attempt() -> None:
    chunks = chunks_of(started(), piece("half"), failed(1), completed("whole"))
    assert shown(chunks) == ["text 1 half", "restart 2", "text 2 whole"]
    assert text_of(chunks) == "whole"


def test_what_a_model_of_the_users_own_asks_another_for_voids_nothing_of_its_reply() -> None:
    chunks = chunks_of(started(), piece("first, "), failed(1, model="other"), piece("second"), completed(""))
    assert shown(chunks) == ["text 1 first,", "text 1 second"]
    assert text_of(chunks) == "first, second"


def test_what_nobody_streamed_is_told_as_before() -> None:
    assert shown(chunks_of(failed(1), started(), failed(1), completed("whole"))) == ["text 2 whole"]


def test_text_that_waits_is_not_joined_over_a_restart() -> None:
    buffer = ChunkBuffer(ChunkMaker(), most=1)
    for event in (started(), piece("ha"), piece("lf"), failed(1), piece("who", 2), piece("le", 2)):
        buffer.push(event)
    waiting: list[StreamChunk] = []
    while (chunk := buffer.pop()) is not None:
        waiting.append(chunk)
    assert shown(waiting) == ["text 1 half", "restart 2", "text 2 whole"]
    assert waiting[1].chunk_type is StreamChunkType.RESTART


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=60),
    st.integers(1, 5),
    st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_the_full_text_is_that_of_the_last_attempts_however_slow_the_reader(
    steps: list[tuple[str, bool]], most: int, reads: list[bool]
) -> None:
    buffer, read = ChunkBuffer(ChunkMaker(), most), list[StreamChunk]()
    attempts, texts = {"a": 1, "b": 1}, {"a": "", "b": ""}
    for run in texts:
        buffer.push(started(run))
    for number, ((run, fails), reads_one) in enumerate(zip(steps, reads, strict=False)):
        if fails:
            buffer.push(failed(attempts[run], run))
            attempts[run], texts[run] = attempts[run] + 1, ""
        else:
            buffer.push(piece(f"{number} ", attempts[run], run))
            texts[run] += f"{number} "
        if reads_one and (chunk := buffer.pop()) is not None:
            read.append(chunk)
    while (chunk := buffer.pop()) is not None:
        read.append(chunk)
    for run, text in texts.items():
        assert text_of([chunk for chunk in read if chunk.run_id == run]) == text
    assert sorted(text_of(read).split()) == sorted(" ".join(texts.values()).split())
