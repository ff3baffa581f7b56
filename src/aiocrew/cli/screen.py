"""Where progress is shown: a table that is drawn anew on a terminal, lines on anything else; always on stderr."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aiocrew.aio.pool import start_thread
from aiocrew.cli.readers import Progress
from aiocrew.cli.words import shortened
from aiocrew.console.account import printable

__all__ = ["Lines", "can_redraw", "console_on", "progress_shown", "redrawn"]

_REDRAWN_A_SECOND = 8
_AROUND_THE_ROWS = 6
_LAST_LINES_S = 2.0


def console_on(*, stderr: bool = False) -> Console:
    """Return a console that takes texts as they are: nothing in a reply is markup."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


@contextmanager
def progress_shown(progress: Progress, title: str) -> Generator[None]:
    """Show `progress` while the block goes on; the terminal is as before afterwards."""
    console = console_on(stderr=True)
    if can_redraw():
        with redrawn(lambda: _table(progress, title, console.height - _AROUND_THE_ROWS)):
            yield
        return
    with Lines(sys.stderr) as lines:
        lines.write(f"{title}:")
        progress.told = lines.write
        yield


@contextmanager
def redrawn(picture: Callable[[], RenderableType]) -> Generator[None]:
    """Draw what `picture` gives while the block goes on, in a thread of its own; only where stderr is a terminal."""
    if not can_redraw():
        yield
        return
    console = console_on(stderr=True)
    with Live(console=console, get_renderable=picture, refresh_per_second=_REDRAWN_A_SECOND, transient=True):
        yield


def can_redraw() -> bool:
    """Return whether stderr is a terminal on which something can be drawn anew."""
    # Asked of the stream itself, too: rich takes a pipe for a terminal where FORCE_COLOR is set.
    return sys.stderr.isatty() and not console_on(stderr=True).is_dumb_terminal


def _table(progress: Progress, title: str, most_rows: int) -> Table:
    table = Table(title=printable(title), title_justify="left", expand=True)
    table.add_column("crew", ratio=2, no_wrap=True)
    table.add_column("now", ratio=4, no_wrap=True)
    table.add_column("calls", justify="right", min_width=5)
    table.add_column("tokens", justify="right", min_width=6)
    lines = list(progress.lines.values())
    shown = lines if len(lines) <= most_rows else [line for line in lines if not line.ended][: max(1, most_rows)]
    for line in shown:
        style = "dim" if line.ended else ""
        table.add_row(
            Text(printable(line.name)), Text(shortened(line.doing, 120)), str(line.calls), str(line.tokens), style=style
        )
    ended = sum(line.ended for line in lines)
    table.caption = f"{ended} of {len(lines)} crews done"
    return table


class Lines:
    """Writes lines in a thread of its own: whoever reads the pipe slowly holds up nobody."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._written = threading.Event()

    def __enter__(self) -> Lines:
        start_thread(self._work)
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._written.wait(_LAST_LINES_S)  # a reader who does not read may not keep the command from ending

    def write(self, line: str) -> None:
        self._queue.put(line)

    def _work(self) -> None:
        with suppress(OSError, ValueError):  # nobody reads any more
            for line in iter(self._queue.get, None):
                print(printable(line), file=self._stream, flush=True)
        self._written.set()
