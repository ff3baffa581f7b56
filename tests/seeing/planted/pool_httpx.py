"""A tool whose httpx client has few connections."""

from __future__ import annotations

import httpx

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main(url: str, connections: int) -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=connections), timeout=30) as client:

        @tool("Look up")
        async def look_up(topic: str) -> str:
            """Look a topic up."""
            answer = await client.get(url)  # HERE: connection-pool
            return answer.text

        await crew(tools=[look_up]).kickoff_for_each_async(inputs(5))
