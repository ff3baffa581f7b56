"""A tool whose asyncpg pool has few connections."""

from __future__ import annotations

import asyncpg

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main(url: str, connections: int) -> None:
    async with asyncpg.create_pool(url, min_size=connections, max_size=connections) as pool:

        @tool("Look up")
        async def look_up(topic: str) -> str:
            """Look a topic up."""
            async with pool.acquire() as connection:  # HERE: connection-pool
                return str(await connection.fetchval("SELECT 'old' FROM pg_sleep(0.08)"))

        await crew(tools=[look_up]).kickoff_for_each_async(inputs(5))
