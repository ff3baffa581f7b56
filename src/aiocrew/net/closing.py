"""Closing connections, without bringing aiohttp to whoever opens none."""

from __future__ import annotations

__all__ = ["aclose"]


async def aclose() -> None:
    """Close the running loop's idle connections; a later call opens new ones.

    Not needed where the loop is closed: asyncio.run, asyncio.Runner and servers close them with it.
    """
    from aiocrew.net import pool  # brings aiohttp

    await pool.aclose()
