"""Signals: a loop that notices each at once, and an orderly end, where the first drains and the second cancels."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import TracebackType

from aiocrew.aio.stoppable import Stoppable

__all__ = ["Drain", "waking"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def waking(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Let every signal wake `loop`, which is to run in this thread within the block.

    Python runs a signal's handler when the main thread next runs Python code. A loop that waits does so only if the
    signal breaks off that very wait. One that comes a moment before it, or that the system hands to another thread,
    would be noticed when the loop wakes for something else: Ctrl-C, say, after the reply of a slow model.
    """
    if threading.current_thread() is not threading.main_thread() or _is_seen_to():
        yield
        return
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        reads = _reads(loop, reading)
        try:
            if reads:
                signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
            yield
        finally:
            if reads:
                signal.set_wakeup_fd(-1)
                loop.remove_reader(reading)


def _is_seen_to() -> bool:
    """Return whether signals wake somebody already, an outer loop that may hold this one, or cannot wake this one."""
    try:
        before = signal.set_wakeup_fd(-1)
    except ValueError:  # within another program, whose main thread this interpreter's is not
        return True
    if before != -1:
        try:
            signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        except OSError:  # closed by now
            return False
    return before != -1


def _reads(loop: asyncio.AbstractEventLoop, reading: socket.socket) -> bool:
    try:
        loop.add_reader(reading, _drain, reading)
    except NotImplementedError:  # Windows' usual loop, which sees to it by itself
        return False
    return True


def _drain(reading: socket.socket) -> None:
    with suppress(BlockingIOError):
        reading.recv(4096)


class Drain:
    """`async with Drain(on_first) as drain`: a block in which SIGINT and SIGTERM end the work in two steps.

    The first signal of either kind calls `on_first()` on the loop, once; it may not raise, and the block goes on, so
    that what is under way can end. The second cancels what is awaited in the block, and the block swallows this
    cancellation (and no other): the code after the block goes on, with `drain.cut` True. A third signal has the effect
    that it would have without the block: then the handlers from before are back, as they are after the block.

    A signal that the process ignores stays ignored. Outside the main thread, and where the loop cannot handle signals
    (Windows), nothing is installed and signals act as ever. One Drain at a time: handlers that somebody gave to the
    loop itself are not restored.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._block = Stoppable()
        self._before: dict[signal.Signals, Callable[..., object] | int | None] = {}
        self.first: signal.Signals | None = None
        """The signal that began the end; None when none came. A shell's exit code for it is 128 + first."""

    @property
    def cut(self) -> bool:
        """Whether a second signal has cancelled the block."""
        return self._block.stopped

    async def __aenter__(self) -> Drain:
        await self._block.__aenter__()
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            self._install()
        return self

    def _install(self) -> None:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before == signal.SIG_IGN:
                continue
            try:
                self._loop.add_signal_handler(number, self._signalled, number)
            except (NotImplementedError, RuntimeError):
                return
            self._before[number] = before

    def _signalled(self, number: signal.Signals) -> None:
        if self.first is None:
            self.first = number
            self._on_first()
        else:
            self._restore()
            self._block.stop()

    def _restore(self) -> None:
        for number, before in self._before.items():
            self._loop.remove_signal_handler(number)
            if before is not None:  # what was not installed from Python cannot be put back
                signal.signal(number, before)
        self._before.clear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._restore()
        return await self._block.__aexit__(kind, error, traceback)
