"""Where the account is written: one stream, its lines laid out as that stream can show them."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections.abc import Iterator
from typing import TextIO

from aiocrew.console.lines import ASCII_MARKS, Layout, Line, PlainLayout, RunName, is_notebook, may_be_coloured

__all__ = ["Page", "page_of"]

_MOST_PAGES = 4
_MOST_AT_ONCE = getattr(select, "PIPE_BUF", 4_096) // 4
"""Characters, of four bytes at most, that a pipe takes without waiting once it says that it takes any (POSIX, poll)."""


class Page:
    """One stream. What is written comes in one piece, or in lines where a pipe would not take more at once.

    Nothing is raised, whatever becomes of the stream. While a pipe or a terminal takes nothing this waits, without a
    lock of the stream's: a process that ends flushes its stderr, and would hang for ever.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._layout = _layout_for(stream)
        self._marks = _shows_marks(stream)
        self._gone = False
        self._within_a_line = False

    def write(self, name: RunName, lines: tuple[Line, ...]) -> None:
        """Write the lines of one event."""
        if not self._gone:
            text = self._layout.text(name, lines)
            self._put(f"\n{text}" if self._within_a_line else text)
            self._within_a_line = False

    def ask(self, text: str) -> None:
        """Write a question, which ends within a line: the answer is typed behind it."""
        self._put(text)
        self._within_a_line = True

    def answered(self) -> None:
        """The line of the question has ended: the terminal showed what was typed, and its end."""
        self._within_a_line = False

    def _put(self, text: str) -> None:
        if not self._marks:
            text = text.translate(ASCII_MARKS)
        try:
            text = _encodable(text, self.stream)
            room = _room_of(self.stream)
            for piece in (text,) if room is None else _pieces(text):
                if room is not None:
                    room.poll()
                self.stream.write(piece)
                self.stream.flush()
        except BrokenPipeError:
            self._gone = True  # nobody will read any more
        except Exception:
            pass  # user code: whatever stands in sys.stderr; and a disk may be full. No run fails for its account.


def _pieces(text: str) -> Iterator[str]:
    """Give `text` in pieces that a pipe takes at once, cut behind lines where they are not too long."""
    while len(text) > _MOST_AT_ONCE:
        end = text.rfind("\n", 0, _MOST_AT_ONCE) + 1 or _MOST_AT_ONCE
        yield text[:end]
        text = text[end:]
    yield text


def _room_of(stream: TextIO) -> select.poll | None:
    """Return what waits until `stream` takes a piece; None where nothing does, as of a file or on Windows."""
    if is_notebook(stream) or not hasattr(select, "poll"):
        return None
    room = select.poll()
    try:
        descriptor = stream.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        room.register(descriptor, select.POLLOUT)
    except (AttributeError, NotImplementedError, OSError, TypeError, ValueError):
        return None  # something of the user's own, or closed
    return room


def _layout_for(stream: TextIO) -> Layout:
    """Return rich's layout where it is installed and of use to `stream`, else the plain one. Loading takes 0.1 s."""
    if may_be_coloured(stream):
        try:
            from aiocrew.console.rich_page import rich_layout
        except ImportError:
            return PlainLayout()
        return rich_layout(stream) or PlainLayout()
    return PlainLayout()


def _shows_marks(stream: TextIO) -> bool:
    """Return whether `stream` can encode the marks."""
    text = "".join(map(chr, ASCII_MARKS))
    return _encodable(text, stream) == text


def _encodable(text: str, stream: TextIO) -> str:
    """Return `text` with escapes for what the encoding of `stream` does not have."""
    encoding = getattr(stream, "encoding", None)
    if not isinstance(encoding, str):
        return text
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except (LookupError, ValueError):  # a name of its own for what it does
        return text


_lock = threading.Lock()
_pages: list[Page] = []
"""Those of the streams written to last: a stream that stands in for stderr for a while comes and goes."""


def page_of(stream: TextIO) -> Page:
    """Return the page of `stream`. The first time for a terminal loads rich, so ask from a thread that may wait."""
    with _lock:
        for page in _pages:
            if page.stream is stream:
                return page
    page = Page(stream)
    with _lock:
        _pages.append(page)
        del _pages[:-_MOST_PAGES]
    return page
