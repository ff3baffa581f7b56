"""The public way to close a loop's connections, without aiohttp for those who never made a call."""

from __future__ import annotations

import sys

__all__ = ["aclose"]


async def aclose() -> None:
    """Close the running loop's connections; calls under way break off, and the next call opens new ones.

    There is no need for it where the loop itself is closed (asyncio.run, asyncio.Runner and servers do that): the
    connections go with it.
    """
    pool = sys.modules.get("aiocrew.net.pool")
    if pool is not None:  # else nothing was ever opened
        await pool.aclose()
