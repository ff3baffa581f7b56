"""A tool whose psycopg pool has few connections."""

from __future__ import annotations

import psycopg_pool

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main(url: str, connections: int) -> None:
    async with psycopg_pool.AsyncConnectionPool(url, min_size=1, max_size=connections, open=False) as pool:

        @tool("Look up")
        async def look_up(topic: str) -> str:
            """Look a topic up."""
            async with pool.connection() as connection:  # HERE: connection-pool
                cursor = await connection.execute("SELECT 'old' FROM pg_sleep(0.08)")
                return str(await cursor.fetchone())

        await crew(tools=[look_up]).kickoff_for_each_async(inputs(5))
