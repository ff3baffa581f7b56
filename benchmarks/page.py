"""How fast the lanes page moves: `python -m benchmarks.page`, or as a group of rows.

Ten thousand bars in Debian's Chromium, headless and without a graphics card, so what is measured is the worst that a
reader may have: every frame pans and zooms, from everything in view to a tenth and back.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from aiocrew.seeing.page import save_page
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row
from tests.browser import ARGUMENTS, CHROMIUM
from tests.seeing.page.scenes import many_runs

__all__ = ["frames", "main"]

FRAMES, LEAST_A_SECOND = 240, 30
SCENES = {"100 runs, 10,000 bars": (100, 5, 10), "1,000 runs, 10,000 bars": (1000, 10, 1)}


def frames(settings: Settings) -> list[Row]:
    """Measure how many frames a second a reader sees."""
    return asyncio.run(_rows(settings.fewer(FRAMES)))


async def _rows(number: int) -> list[Row]:
    rows: list[Row] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (runs, tasks, turns) in SCENES.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "lanes.html"
                save_page(path, many_runs(runs, tasks=tasks, turns=turns))
                page = await browser.new_page(viewport={"width": 1280, "height": 800})
                await page.goto(path.as_uri())
                await page.click("#panel-toggle")  # the lanes have the whole width
                rows.append(_row(name, path.stat().st_size, await page.evaluate(f"aiocrewLanes.frames({number})")))
                await page.close()
        await browser.close()
    return rows


def _row(name: str, size: int, measured: dict[str, Any]) -> Row:
    between, drawing = measured["between"], sorted(measured["drawing"])
    return Row(
        name=f"Lanes page, {name}",
        ours=1000 / statistics.mean(between),
        unit="frames/s",
        limit=Limit("ours", ">=", LEAST_A_SECOND),
        note=f"drawing takes {statistics.median(drawing):.1f} ms a frame, 19 of 20 take less than "
        f"{drawing[len(drawing) * 19 // 20]:.1f} ms; up to {max(measured['bars']):,} bars in view; "
        f"the file has {size / 1e6:.1f} MB",
    )


def main() -> int:
    """Print the rows; the status is 1 if there were fewer frames than a reader should have."""
    rows = asyncio.run(_rows(FRAMES))
    for row in rows:
        print(f"{row.name}: {row.ours:.0f} {row.unit} ({row.verdict}); {row.note}")
    return int(any(row.verdict != "ok" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
