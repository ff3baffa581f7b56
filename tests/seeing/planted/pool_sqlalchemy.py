"""A tool whose SQLAlchemy engine has few connections."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def main(url: str, connections: int) -> None:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=connections, max_overflow=0
    )

    @tool("Look up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        async with engine.connect() as connection:  # HERE: connection-pool
            return str(await connection.scalar(text("SELECT 'old' FROM pg_sleep(0.08)")))

    await crew(tools=[look_up]).kickoff_for_each_async(inputs(5))
    await engine.dispose()
