"""Chunks of a run that nobody has taken yet: none is lost, and few wait. No loop, no clock, no lock."""

from __future__ import annotations

from collections import deque
from io import StringIO
from typing import TypeAlias

from aiocrew.agent.chunks import ChunkMaker, StreamChunk, StreamChunkType
from aiocrew.agent.event_buffer import MOST_EVENTS
from aiocrew.types.events import Event
from aiocrew.types.paths import Path

__all__ = ["ChunkBuffer"]

_Reply: TypeAlias = tuple[str, Path]
"""Which one: its run and its path."""


class _Waiting:
    __slots__ = ("chunk", "more", "reply")

    def __init__(self, chunk: StreamChunk, reply: _Reply) -> None:
        self.chunk = chunk
        self.reply = reply
        self.more: StringIO | None = None
        """Text that came after the chunk's own."""


class ChunkBuffer:
    """Chunks in the order in which they came.

    When `most` wait, what else comes of a reply is joined to its last piece that waits. So there may be `most` of them,
    and a few more for each attempt at a reply and each call of a tool. Their text has no limit: it is what a
    StreamingOutput keeps.
    """

    # It makes chunks at once, and does not keep events for later: those hold whole prompts.
    __slots__ = ("_last", "_maker", "_most", "_waiting")

    def __init__(self, maker: ChunkMaker, most: int = MOST_EVENTS) -> None:
        self._maker = maker
        self._most = most
        self._waiting: deque[_Waiting] = deque()
        self._last: dict[_Reply, _Waiting] = {}
        """The last piece of each reply that waits."""

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, event: Event) -> None:
        """Add the chunks that `event` brings."""
        for chunk in self._maker.chunks_of(event):
            self._add(chunk, (event.run_id, event.path))

    def _add(self, chunk: StreamChunk, reply: _Reply) -> None:
        is_text = chunk.chunk_type is StreamChunkType.TEXT
        last = self._last.get(reply)
        if is_text and last is not None and len(self._waiting) >= self._most:
            if last.more is None:
                last.more = StringIO()
            last.more.write(chunk.content)
            return
        waiting = _Waiting(chunk, reply)
        self._waiting.append(waiting)
        if is_text:
            self._last[reply] = waiting
        else:
            self._last.pop(reply, None)  # text does not pass a call

    def pop(self) -> StreamChunk | None:
        """Return the oldest chunk and forget it; None when there is none."""
        if not self._waiting:
            return None
        waiting = self._waiting.popleft()
        if self._last.get(waiting.reply) is waiting:
            del self._last[waiting.reply]
        if waiting.more is None:
            return waiting.chunk
        return waiting.chunk.model_copy(update={"content": waiting.chunk.content + waiting.more.getvalue()})
