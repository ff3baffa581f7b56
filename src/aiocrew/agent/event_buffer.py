"""What a reader of events has not read yet: bounded, however slow it is. No loop, no clock, no lock."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from io import StringIO
from typing import Final, TypeAlias

from msgspec.structs import replace

from aiocrew.types.events import (
    BEGINNINGS_OF_RUNS,
    ENDS_OF_RUNS,
    Event,
    EventsMissed,
    LLMStreamChunk,
)
from aiocrew.types.paths import ROOT, Path

__all__ = ["MOST_EVENTS", "MOST_TEXT", "EventBuffer"]

# A thousand runs that begin at once tell some seven events each before any reader has its turn.
MOST_EVENTS: Final = 10_000
MOST_TEXT: Final = 1 << 20
"""Characters of streamed replies."""

_Reply: TypeAlias = tuple[str, Path, int]
"""Which one: its run, its path, and the attempt; those of a later one make its pieces void."""

_OF_RUNS: Final = (*BEGINNINGS_OF_RUNS, *ENDS_OF_RUNS)
_OWN_ROOT = re.compile(r"(?:.*/)?run(?:-\d+)?(?=/|$)")
"""In the path of a run's event: the run itself, which is the innermost one."""

_PLAIN, _PIECE, _OF_INNER_RUN, _KEPT = range(4)
"""What goes first when there is no room; what is kept never goes."""


class _Entry:
    __slots__ = ("event", "joined", "length", "pieces", "rank")

    def __init__(self, event: Event, rank: int) -> None:
        self.event = event
        self.rank = rank
        self.pieces = 1
        """Of a streamed reply."""
        self.length = len(event.text) if type(event) is LLMStreamChunk else 0
        """The characters of all its pieces."""
        self.joined: StringIO | None = None
        """The text of all its pieces, where there are several. A list of them would be many times as large."""

    @property
    def text(self) -> str:
        if self.joined is not None:
            return self.joined.getvalue()
        return self.event.text if type(self.event) is LLMStreamChunk else ""

    def join(self, text: str, pieces: int = 1) -> None:
        if self.joined is None:
            first = self.text
            self.joined = StringIO()
            self.joined.write(first)
        self.joined.write(text)
        self.length += len(text)
        self.pieces += pieces


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
        "_root",
        "_run_id",
        "_text",
    )

    def __init__(
        self, most_events: int = MOST_EVENTS, most_text: int = MOST_TEXT, *, run_id: str | None = None
    ) -> None:
        """`run_id`: the run whose events they are; None is the first one that begins or ends."""
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
        self._run_id = run_id
        self._root: Path | None = None
        """The path of that run, as soon as an event tells it."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def text(self) -> int:
        """The characters of streamed replies in it."""
        return self._text

    def push(self, event: Event) -> None:
        """Add an event."""
        if self._root is None:
            self._learn_root(event)
        if type(event) is LLMStreamChunk:
            self._push_piece(event)
        elif isinstance(event, _OF_RUNS):
            self._put(_Entry(event, _KEPT if event.run_id == self._run_id else _OF_INNER_RUN))
        else:
            self._put(_Entry(event, _PLAIN))

    def _learn_root(self, event: Event) -> None:
        if self._run_id is None and isinstance(event, _OF_RUNS):
            self._run_id = event.run_id
        if event.run_id == self._run_id:
            found = _OWN_ROOT.match(event.path)
            self._root = Path(found[0]) if found else event.path

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
        self._text -= entry.length
        self._join_no_more(key, first)
        if entry.joined is None:
            return first
        return replace(first, text=entry.text)

    def _told(self) -> EventsMissed:
        missed = self._missed
        assert missed is not None
        self._missed, self._missed_at = None, -1
        run_id, path = self._run_id or "", self._root or ROOT
        return EventsMissed(run_id, path, missed.at_s, missed.wall_s, missed.count, missed.until_s)

    def _push_piece(self, piece: LLMStreamChunk) -> None:
        if self._joined is None and len(self._entries) >= self._most:
            self._join()
        key = None if self._joined is None else self._joined.get(_reply_of(piece))
        if key is None:
            key = self._put(_Entry(piece, _PIECE))
            if self._joined is not None:
                self._joined[_reply_of(piece)] = key
        else:
            self._entries[key].join(piece.text)
        self._text += len(piece.text)
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
            first = firsts.setdefault(_reply_of(entry.event), key)
            if first != key:
                self._entries[first].join(entry.text, entry.pieces)
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
        self._missed.count += entry.pieces
        self._missed.until_s = max(self._missed.until_s, entry.event.at_s)
        if entry.rank == _PIECE:
            self._text -= entry.length
            self._join_no_more(key, entry.event)

    def _join_no_more(self, key: int, piece: Event) -> None:
        reply = _reply_of(piece)
        if self._joined is not None and self._joined.get(reply) == key:
            del self._joined[reply]


def _reply_of(piece: Event) -> _Reply:
    return piece.run_id, piece.path, piece.attempt if type(piece) is LLMStreamChunk else 0
