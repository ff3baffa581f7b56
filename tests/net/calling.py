"""Calls over the pool, as the tests make them."""

from __future__ import annotations

from aiocrew.net.client import Answer, Target
from tests.net.loopback import Provider

__all__ = ["BY_EACH_WAY", "address", "post"]

BY_EACH_WAY = ["localhost", "someone:secret@localhost"]
"""What is before the @ is for aiohttp's session to send; all else goes without it."""


async def post(url: str, body: bytes = b"{}", timeout_s: float | None = 20, **headers: str) -> Answer:
    return await Target(url, headers).post(body, timeout_s, TimeoutError)


def address(provider: Provider, host: str = "127.0.0.1", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{provider.port}/v1/chat/completions"
