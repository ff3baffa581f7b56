"""A tool whose pool of connections to Redis has few."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main(url: str, connections: int) -> None:
    client = Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=connections))

    @tool("Look up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        found = await client.blpop([f"facts about {topic}"], timeout=0.1)  # HERE: connection-pool
        return "old" if found is None else str(found)

    await crew(tools=[look_up]).kickoff_for_each_async(inputs(5))
    await client.aclose()
