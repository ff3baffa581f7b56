"""How a batch shows its progress: a bar on a terminal, a line now and then on anything else."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aiocrew.aio.background import Background
from aiocrew.aio.runtime import local_runtime
from aiocrew.cli.batch_counts import BatchCounts
from aiocrew.cli.inputs import InputStream
from aiocrew.cli.screen import Lines, can_redraw, redrawn

__all__ = ["BatchScreen"]

_EVERY_S = 5.0
_STDOUT = 1


class BatchScreen:
    """Shows `counts` on stderr.

    quiet: only what `say` is given. results_on_stdout: then there is no bar where both are the same terminal.
    """

    def __init__(
        self, inputs: InputStream, counts: BatchCounts, lines: Lines, *, quiet: bool, results_on_stdout: bool
    ) -> None:
        self._inputs = inputs
        self._counts = counts
        self._lines = lines
        self._quiet = quiet
        mixed = results_on_stdout and os.isatty(_STDOUT)
        self._redraws = not quiet and not mixed and can_redraw()
        self._said = ""

    def say(self, words: str) -> None:
        """Show `words` from now on, whatever else is shown."""
        if self._redraws:
            self._said = words
        else:
            self._lines.write(words)

    @asynccontextmanager
    async def shown(self) -> AsyncGenerator[None]:
        """Show how the batch stands while the block goes on."""
        if self._redraws:
            with redrawn(self._picture):
                yield
            return
        if self._quiet:
            yield
            return
        telling = Background(self._tell())
        try:
            yield
        finally:
            await telling.stop()

    async def _tell(self) -> None:
        while True:
            await local_runtime().clock.sleep(_EVERY_S)
            self._lines.write(self._counts.state(time.perf_counter()))

    def _picture(self) -> RenderableType:
        counts, total = self._counts, self._inputs.total
        rows = Table.grid(expand=True)
        if total is not None:
            rows.add_row(ProgressBar(total=max(total, 1), completed=counts.done))
        rows.add_row(Text(counts.state(time.perf_counter())))
        if self._said:
            rows.add_row(Text(self._said))
        return rows
