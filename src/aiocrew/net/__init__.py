"""HTTP for everything that goes out: one pool of connections for each event loop.

Nothing is imported here: `client` brings aiohttp, which nobody pays for before the first call.
"""

from __future__ import annotations

__all__: list[str] = []
