"""The bare aiohttp loop that the engine is measured against: the same requests, and no work beyond them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Calls", "bare_session", "chain", "run_chains"]

DEFAULT_CAP = 100
"""aiohttp's own limit of connections; more at once need a connector without it."""


class Calls(msgspec.Struct, frozen=True):
    """What one crew sends: these bodies to this address, one after the other."""

    url: str
    bodies: tuple[bytes, ...]
    headers: dict[str, str]
    decode: bool = False
    """Also decode the reply's JSON."""


def bare_session(at_once: int) -> aiohttp.ClientSession:
    """Return a session as aiohttp makes it; its cap of 100 connections is lifted only where more are needed."""
    import aiohttp

    if at_once <= DEFAULT_CAP:
        return aiohttp.ClientSession()
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def chain(session: aiohttp.ClientSession, calls: Calls) -> None:
    """Make the calls of one crew."""
    for body in calls.bodies:
        async with session.post(calls.url, data=body, headers=calls.headers) as response:
            if calls.decode:
                await response.json()
            else:
                await response.read()


async def run_chains(session: aiohttp.ClientSession, calls: Calls, crews: int) -> None:
    """Make the calls of `crews` crews at once."""
    await asyncio.gather(*(chain(session, calls) for _ in range(crews)))


def calls_of(url: str, bodies: Sequence[str], *, decode: bool = False) -> Calls:
    """Return calls with a provider's usual headers."""
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    return Calls(url=url, bodies=tuple(body.encode() for body in bodies), headers=headers, decode=decode)
