"""Tools that all want a thread of the default executor."""

from __future__ import annotations

import asyncio
import time

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


def slow_query(topic: str) -> str:
    time.sleep(0.1)
    return f"{topic} is old"


@tool("Look up")
async def look_up(topic: str) -> str:
    """Look a topic up."""
    return await asyncio.to_thread(slow_query, topic)  # HERE: full-thread-pool


async def main() -> None:
    researchers = crew(tools=[look_up])
    await researchers.kickoff_for_each_async(inputs(40))
