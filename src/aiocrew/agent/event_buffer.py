"""What a reader of events has not read yet: bounded, however slow it is. No loop, no clock, no lock."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, TypeAlias

from aiocrew.types.events import (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    Event,
    EventsMissed,
    FlowFailed,
    FlowFinished,
    FlowStarted,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    LiteAgentExecutionStarted,
    LLMStreamChunk,
)
from aiocrew.types.paths import Path

__all__ = ["MOST_EVENTS", "MOST_TEXT", "EventBuffer"]

MOST_EVENTS: Final = 1_000
MOST_TEXT: Final = 1 << 20
"""Characters of streamed replies."""

_Reply: TypeAlias = tuple[str, Path]
"""Which one: its run and its path."""

_ENDS_OF_RUNS: Final = (
    CrewKickoffStarted,
    CrewKickoffCompleted,
    CrewKickoffFailed,
    FlowStarted,
    FlowFinished,
    FlowFailed,
    LiteAgentExecutionStarted,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
)
_PLAIN, _PIECE, _OF_INNER_RUN, _KEPT = range(4)
"""What goes first when there is no room; what is kept never goes."""


class _Entry:
    __slots__ = ("event", "pieces", "rank", "text")

    def __init__(self, event: Event, rank: int) -> None:
        self.event = event
        self.rank = rank
        self.pieces: list[str] = []
        """Of a streamed reply."""
        self.text = 0
        """Their characters."""


class _Missed:
    __slots__ = ("at_s", "count", "until_s", "wall_s")

    def __init__(self, first: Event) -> None:
        self.at_s = self.until_s = first.at_s
        self.wall_s = first.wall_s
        self.count = 0


class EventBuffer:
    """Events in the order in which they came, `most_events` of them at most.

    When it is full, pieces of one and the same reply are joined, at the place of the first one, until it is half empty.
    Where that makes no room the oldest event goes, and an EventsMissed in its place counts those that went until it is
    read. Pieces go only where their text exceeds `most_text`, or where nothing else is left to go; the beginnings and
    ends of runs inside the run go after them, those of the run itself never.
    """

    __slots__ = (
        "_entries",
        "_joined",
        "_lines",
        "_missed",
        "_missed_at",
        "_most",
        "_most_text",
        "_next",
        "_of",
        "_text",
    )

    def __init__(self, most_events: int = MOST_EVENTS, most_text: int = MOST_TEXT) -> None:
        self._most = most_events
        self._most_text = most_text
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._next = 0
        self._lines: tuple[deque[int], ...] = (deque(), deque(), deque())
        """The keys of the entries by what goes first, oldest first."""
        self._joined: dict[_Reply, int] | None = None
        """While pieces are joined: to which entry those of a reply go."""
        self._text = 0
        self._missed: _Missed | None = None
        self._missed_at = -1
        """The key of the place where it is told."""
        self._of: _Reply | None = None
        """The run that was the first to begin."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def text(self) -> int:
        """The characters of streamed replies in it."""
        return self._text

    def push(self, event: Event) -> None:
        """Add an event."""
        if type(event) is LLMStreamChunk:
            self._push_piece(event)
        elif isinstance(event, _ENDS_OF_RUNS):
            if self._of is None:
                self._of = event.run_id, event.path
            self._put(_Entry(event, _KEPT if event.run_id == self._of[0] else _OF_INNER_RUN))
        else:
            self._put(_Entry(event, _PLAIN))

    def pop(self) -> Event | None:
        """Return the oldest event and forget it; None when there is none."""
        if not self._entries:
            return None
        key, entry = self._entries.popitem(last=False)
        if self._joined is not None and len(self._entries) <= self._most // 2:
            self._joined = None
        if key == self._missed_at:
            return self._told()
        if entry.rank != _KEPT:
            self._lines[entry.rank].popleft()  # each line has its keys in their order, so this is the one
        return self._whole(key, entry) if entry.rank == _PIECE else entry.event

    def _whole(self, key: int, entry: _Entry) -> Event:
        first = entry.event
        self._text -= entry.text
        self._join_no_more(key, first)
        if len(entry.pieces) == 1:
            return first
        return LLMStreamChunk(first.run_id, first.path, first.at_s, first.wall_s, "".join(entry.pieces))

    def _told(self) -> EventsMissed:
        missed = self._missed
        assert missed is not None
        self._missed, self._missed_at = None, -1
        run_id, path = self._of or ("", Path(""))
        return EventsMissed(run_id, path, missed.at_s, missed.wall_s, missed.count, missed.until_s)

    def _push_piece(self, piece: LLMStreamChunk) -> None:
        length = len(piece.text)
        if self._joined is None and len(self._entries) >= self._most:
            self._join()
        key = None if self._joined is None else self._joined.get((piece.run_id, piece.path))
        if key is None:
            entry = _Entry(piece, _PIECE)
            key = self._put(entry)
            if self._joined is not None:
                self._joined[piece.run_id, piece.path] = key
        else:
            entry = self._entries[key]
        entry.pieces.append(piece.text)
        entry.text += length
        self._text += length
        while self._text > self._most_text:
            self._drop(self._lines[_PIECE].popleft())

    def _put(self, entry: _Entry) -> int:
        if len(self._entries) >= self._most:
            self._make_room()
        key = self._next
        self._next += 1
        self._entries[key] = entry
        if entry.rank != _KEPT:
            self._lines[entry.rank].append(key)
        return key

    def _make_room(self) -> None:
        if self._joined is None:
            self._join()
        while len(self._entries) >= self._most:
            line = next(filter(None, self._lines), None)
            if line is None:
                return
            self._drop(line.popleft())

    def _join(self) -> None:
        firsts: dict[_Reply, int] = {}
        for key in self._lines[_PIECE]:
            entry = self._entries[key]
            reply = entry.event.run_id, entry.event.path
            first = firsts.setdefault(reply, key)
            if first != key:
                into = self._entries[first]
                into.pieces += entry.pieces
                into.text += entry.text
                del self._entries[key]
        self._lines[_PIECE].clear()
        self._lines[_PIECE].extend(firsts.values())
        self._joined = firsts

    def _drop(self, key: int) -> None:
        """Let the entry go, which stands in no line any more."""
        entry = self._entries[key]
        if self._missed is None:
            self._missed, self._missed_at = _Missed(entry.event), key  # its place is the one where that is told
        else:
            del self._entries[key]
        self._missed.count += len(entry.pieces) if entry.rank == _PIECE else 1
        self._missed.until_s = max(self._missed.until_s, entry.event.at_s)
        if entry.rank == _PIECE:
            self._text -= entry.text
            self._join_no_more(key, entry.event)

    def _join_no_more(self, key: int, piece: Event) -> None:
        reply = piece.run_id, piece.path
        if self._joined is not None and self._joined.get(reply) == key:
            del self._joined[reply]
