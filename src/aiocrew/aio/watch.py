"""A thread that watches event loops: when one does not answer, it looks at what that loop's thread does instead."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, TypeAlias

import msgspec

__all__ = ["LATE_S", "Blocked", "Frame", "LoopWatch", "Stack", "stack_of"]

_BEAT_S: Final = 0.02
"""How often a loop is to answer."""
LATE_S: Final = 0.02
"""An answer that is later than this is looked into."""
_LOOK_S: Final = 0.01
_LONGEST_SLEEP_S: Final = 0.1
_DEEPEST: Final = 80
_MOST_STACKS: Final = 200
_TICK_SHARE: Final = 0.01
"""What looking at a loop's tasks may cost of its thread's CPU."""
_OTHER_CLOCK_S: Final = 1.0
"""A loop whose time is that far from the system's is on virtual time: nothing on it is late."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One line of a stack."""

    file: str
    line: int
    function: str


Stack: TypeAlias = tuple[Frame, ...]
"""Frames, the innermost first."""


class Blocked(msgspec.Struct, frozen=True):
    """A stretch in which a loop did not answer, in seconds of its clock, and what was seen of its thread meanwhile."""

    from_s: float
    to_s: float
    stacks: tuple[Stack, ...]


class _Beat:
    """One loop's heart. What it has seen is appended by the watch's thread, and taken by the loop."""

    __slots__ = ("due_s", "handle", "ident", "is_real", "look_s", "loop", "seen")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ident = threading.get_ident()
        self.is_real = abs(loop.time() - time.monotonic()) < _OTHER_CLOCK_S
        self.due_s = time.monotonic() + _BEAT_S
        self.seen: list[Stack] = []
        self.look_s = 0.0
        """The CPU time of the last look."""
        self.handle: asyncio.TimerHandle | None = None


class LoopWatch:
    """Watches loops from `add` to `stop`.

    on_blocked: told, on the loop's own thread, of every stretch in which it did not answer.
    on_beat: called on each loop about every 20 ms, less often where it takes long. A loop on virtual time has no beat:
        its time would go from one to the next.
    """

    def __init__(
        self, on_blocked: Callable[[Blocked], None], on_beat: Callable[[asyncio.AbstractEventLoop], None]
    ) -> None:
        self._on_blocked = on_blocked
        self._on_beat = on_beat
        self._beats: dict[asyncio.AbstractEventLoop, _Beat] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch `loop`, which is the running one; once is enough."""
        if loop in self._beats or self._stopped.is_set():
            return
        with self._lock:
            for other in [known for known in self._beats if known.is_closed()]:
                del self._beats[other]
            beat = self._beats[loop] = _Beat(loop)
            if beat.is_real and self._thread is None:
                self._thread = threading.Thread(target=self._live, name="aiocrew-watch", daemon=True)
                self._thread.start()
        if beat.is_real:
            beat.handle = loop.call_later(_BEAT_S, self._answer, beat)

    def beats(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Return whether `loop` has a beat."""
        beat = self._beats.get(loop)
        return beat is not None and beat.is_real

    def stop(self) -> None:
        """Watch no more; a loop that does not answer now is told of as it is. The thread has ended."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            beats, self._beats = list(self._beats.values()), {}
        running = asyncio._get_running_loop()
        for beat in beats:
            if beat.handle is None or beat.loop.is_closed():
                continue
            if beat.loop is running or not beat.loop.is_running():
                beat.handle.cancel()
                self._tell(beat, time.monotonic())
            else:
                with suppress(RuntimeError):  # it was closed in this moment
                    beat.loop.call_soon_threadsafe(beat.handle.cancel)

    def _answer(self, beat: _Beat) -> None:
        self._tell(beat, time.monotonic())
        if self._stopped.is_set():
            return
        # What others on the machine take of its time is no cost of the look: it would be blind while it is needed most.
        began_s = time.thread_time()
        self._on_beat(beat.loop)
        last_s, beat.look_s = beat.look_s, time.thread_time() - began_s
        # One look that cost much may have had the garbage collector in it: that is no reason to be blind for seconds.
        pause_s = max(_BEAT_S, min(last_s, beat.look_s) / _TICK_SHARE)
        beat.due_s = time.monotonic() + pause_s
        beat.handle = beat.loop.call_later(pause_s, self._answer, beat)

    def _tell(self, beat: _Beat, now_s: float) -> None:
        seen, beat.seen = beat.seen, []
        if seen and now_s > beat.due_s:
            self._on_blocked(Blocked(beat.due_s, now_s, tuple(seen)))

    def _live(self) -> None:
        pause_s = _BEAT_S
        while not self._stopped.wait(pause_s):
            with self._lock:
                beats = [beat for beat in self._beats.values() if beat.is_real and not beat.loop.is_closed()]
            now_s = time.monotonic()
            for beat in beats:
                if not beat.loop.is_running():  # between two runs of a loop nobody waits for its answer
                    beat.due_s, beat.seen = now_s + _BEAT_S, []
            late = [beat for beat in beats if now_s > beat.due_s + LATE_S]
            frames = sys._current_frames() if late else {}  # pyright: ignore[reportPrivateUsage]
            for beat in late:
                frame = frames.get(beat.ident)
                if frame is not None and len(beat.seen) < _MOST_STACKS:
                    beat.seen.append(stack_of(frame))
            del frames
            pause_s = _LOOK_S if late else _until_late(beats, now_s)


def _until_late(beats: list[_Beat], now_s: float) -> float:
    """Return how long to sleep until one of `beats` would be late, if it does not answer until then."""
    first_s = min((beat.due_s for beat in beats), default=now_s + _BEAT_S) + LATE_S
    return min(max(first_s - now_s, _LOOK_S / 2), _LONGEST_SLEEP_S)


def stack_of(frame: FrameType | None) -> Stack:
    """Return what a thread executes at `frame`."""
    frames: list[Frame] = []
    while frame is not None and len(frames) < _DEEPEST:
        code = frame.f_code
        frames.append(Frame(code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name))
        frame = frame.f_back
    return tuple(frames)
