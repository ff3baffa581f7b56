"""An async tool that sleeps without awaiting."""

from __future__ import annotations

import asyncio
import time

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


@tool("Look up")
async def look_up(topic: str) -> str:
    """Look a topic up."""
    time.sleep(0.15)  # HERE: blocked-loop
    return f"{topic} is old"


async def main() -> None:
    researchers = crew(tools=[look_up])
    await asyncio.gather(*(researchers.kickoff_async(item) for item in inputs(6)))
