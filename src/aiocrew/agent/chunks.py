"""What people read of a run while it goes on, under CrewAI's names: pieces of text, and calls of tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeAlias

import msgspec
from pydantic import BaseModel

from aiocrew.types.context import here
from aiocrew.types.events import (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    Event,
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallRetried,
    LLMCallStarted,
    LLMStreamChunk,
    TaskCompleted,
    TaskFailed,
    TaskStarted,
)
from aiocrew.types.messages import ToolCall
from aiocrew.types.paths import Path

__all__ = ["ChunkMaker", "Ids", "StreamChunk", "StreamChunkType", "ToolCallChunk", "text_of"]


class StreamChunkType(Enum):
    """What a chunk is a piece of."""

    TEXT = "text"
    TOOL_CALL = "tool_call"
    RESTART = "restart"
    """Of nothing: the reply broke off and begins again, so its chunks so far are void."""


class ToolCallChunk(BaseModel):
    """A tool call that the model asks for."""

    tool_id: str | None = None
    tool_name: str | None = None
    arguments: str = ""
    """As JSON text."""
    index: int = 0
    """Its place among the calls of one reply."""


class StreamChunk(BaseModel):
    """A piece of what a model says, and who says it for which task. As a text it is its content."""

    content: str
    chunk_type: StreamChunkType = StreamChunkType.TEXT
    task_index: int = 0
    task_name: str = ""
    task_id: str = ""
    agent_role: str = ""
    agent_id: str = ""
    tool_call: ToolCallChunk | None = None
    run_id: str = ""
    """What tells the runs of several inputs apart."""
    path: str = ""
    """With the run_id, what tells the replies apart: equal for all chunks of one."""
    attempt: int = 1
    """Which attempt at the reply it comes of. A RESTART bears the number of the one that begins."""

    def __str__(self) -> str:
        return self.content


Ids: TypeAlias = Callable[[int, str], tuple[str, str]]
"""Gives, for a task's index and an agent's role, the task's id and the agent's."""


class _Task(msgspec.Struct, frozen=True, gc=False):
    name: str
    index: int


class _Call(msgspec.Struct):
    """A model call under way."""

    template: StreamChunk
    """Of the attempt that is under way."""
    model: str = ""
    has_told: bool = False
    """Whether a piece came of that attempt."""


def _no_ids(_index: int, _role: str) -> tuple[str, str]:
    return "", ""


class ChunkMaker:
    """Makes chunks of a run's events. It has no I/O.

    A reply that does not come in pieces gives one chunk, when it is there. So does one that a journal holds.
    """

    def __init__(self, ids: Ids = _no_ids) -> None:
        """`ids` is asked for the tasks of the run itself, not for those of runs inside it."""
        at = here.get()
        self._outer = "" if at is None else at.run.run_id
        self._ids = ids
        self._own: set[str] = set()
        self._tasks: dict[tuple[str, Path], _Task] = {}
        self._calls: dict[tuple[str, Path], _Call] = {}

    def chunks_of(self, event: Event) -> list[StreamChunk]:
        """Return the chunks that `event` brings, mostly none."""
        key = event.run_id, event.path
        match event:
            case LLMStreamChunk(text=text, attempt=attempt):
                return self._piece(key, text, attempt)
            case LLMCallRetried(model=model, attempt=attempt):
                call = self._calls.get(key)
                # A model of the user's own may ask others: what is theirs has the same path, and voids nothing.
                return self._restart(key, attempt + 1) if call is not None and call.model == model else []
            case LLMCallStarted(model=model, agent=agent):
                self._calls[key] = _Call(self._template(event.run_id, event.path, agent), model)
            case LLMCallCompleted(text=text, calls=calls):
                return self._rest(key, text, calls)
            case LLMCallFailed():
                self._calls.pop(key, None)
            case TaskStarted(task=name):
                self._tasks[key] = _Task(name, int(event.path.rpartition("-")[2]))
            case TaskCompleted() | TaskFailed():
                self._tasks.pop(key, None)
            case CrewKickoffStarted(outer=outer) if outer == self._outer:
                self._own.add(event.run_id)
            case CrewKickoffCompleted() | CrewKickoffFailed():
                self._own.discard(event.run_id)
            case _:
                pass
        return []

    def _piece(self, key: tuple[str, Path], text: str, attempt: int) -> list[StreamChunk]:
        call = self._calls.get(key)
        if call is None:  # after the end of a call that was given up
            call = self._calls[key] = _Call(self._template(*key, ""))
        chunks = self._restart(key, attempt)
        call.has_told = True
        return [*chunks, call.template.model_copy(update={"content": text})]

    def _restart(self, key: tuple[str, Path], attempt: int) -> list[StreamChunk]:
        """Note that `attempt` is under way; return the chunk that makes those of an earlier one void."""
        call = self._calls.get(key)
        if call is None or call.template.attempt >= attempt:
            return []
        call.template = call.template.model_copy(update={"attempt": attempt})
        has_told, call.has_told = call.has_told, False
        return [call.template.model_copy(update={"chunk_type": StreamChunkType.RESTART})] if has_told else []

    def _rest(self, key: tuple[str, Path], text: str, calls: tuple[ToolCall, ...]) -> list[StreamChunk]:
        call = self._calls.pop(key, None)
        if call is None:
            call = _Call(self._template(*key, ""))
        chunks = [call.template.model_copy(update={"content": text})] if text and not call.has_told else []
        for index, asked in enumerate(calls):
            told = ToolCallChunk(tool_id=asked.id, tool_name=asked.name, arguments=asked.arguments, index=index)
            chunks.append(call.template.model_copy(update={"chunk_type": StreamChunkType.TOOL_CALL, "tool_call": told}))
        return chunks

    def _template(self, run_id: str, path: Path, agent: str) -> StreamChunk:
        task = self._task_of(run_id, path)
        if task is None:
            return StreamChunk(content="", agent_role=agent, run_id=run_id, path=path)
        task_id, agent_id = self._ids(task.index, agent) if run_id in self._own else ("", "")
        return StreamChunk(
            content="",
            task_index=task.index,
            task_name=task.name,
            task_id=task_id,
            agent_role=agent,
            agent_id=agent_id,
            run_id=run_id,
            path=path,
        )

    def _task_of(self, run_id: str, path: str) -> _Task | None:
        while path:
            task = self._tasks.get((run_id, Path(path)))
            if task is not None:
                return task
            path = path.rpartition("/")[0]
        return None


def text_of(chunks: Sequence[StreamChunk]) -> str:
    """Return the text of `chunks`, without that of attempts that a RESTART among them made void."""
    begun: dict[tuple[str, str], int] = {}
    for chunk in chunks:
        if chunk.chunk_type is StreamChunkType.RESTART:
            begun[chunk.run_id, chunk.path] = chunk.attempt
    return "".join(
        chunk.content
        for chunk in chunks
        if chunk.chunk_type is StreamChunkType.TEXT and chunk.attempt >= begun.get((chunk.run_id, chunk.path), 1)
    )
