"""A tool that holds a lock across its call."""

from __future__ import annotations

import asyncio

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main() -> None:
    lock = asyncio.Lock()

    @tool("Look up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        async with lock:  # HERE: held-lock
            await asyncio.sleep(0.15)
            return f"{topic} is old"

    researchers = crew(tools=[look_up])
    await researchers.kickoff_for_each_async(inputs(6))
