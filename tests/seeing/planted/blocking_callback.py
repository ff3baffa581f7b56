"""A callback that blocks the loop which it runs on."""

from __future__ import annotations

import asyncio
import time

from tests.seeing.planted.parts import crew, inputs


async def note(output: object) -> None:
    time.sleep(0.15)  # HERE: blocking-callback


async def main() -> None:
    noted = crew(task_callback=note)
    await asyncio.gather(*(noted.kickoff_async(item) for item in inputs(6)))
