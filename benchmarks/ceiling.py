"""What the loopback server itself can do, asked by a client that costs next to nothing."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from benchmarks.crews import BACKSTORY
from benchmarks.settings import Settings
from benchmarks.table import Row

__all__ = ["server_cost"]

CONNECTIONS = 50
CALLS_EACH = 200
REQUEST_BODY = (f'{{"model":"bench","messages":[{{"role":"user","content":"{BACKSTORY * 8}"}}]}}').encode()


class _Asker(asyncio.Protocol):
    """Sends the same request as soon as the answer to the last one is there."""

    def __init__(self, request: bytes, times: int, done: asyncio.Future[None]) -> None:
        self._request, self._left, self._done = request, times, done
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if not data.endswith(b"}"):
            return  # the server writes an answer at once; its last byte ends the JSON
        self._left -= 1
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self._done.set_result(None)


def server_cost(settings: Settings) -> list[Row]:
    """Return the server's CPU a call and its calls a second; it must stay far below what is measured with it."""
    server = settings.server
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(REQUEST_BODY)}\r\n\r\n".encode()

    async def burst() -> None:
        loop = asyncio.get_running_loop()
        ends = [loop.create_future() for _ in range(CONNECTIONS)]
        for end in ends:
            await loop.create_connection(
                lambda end=end: _Asker(head + REQUEST_BODY, CALLS_EACH, end), "127.0.0.1", server.port
            )
        await asyncio.gather(*ends)

    server.reset()
    began_s = time.perf_counter()
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        runner.run(burst())
    wall_s = time.perf_counter() - began_s
    seen = server.stats()
    return [
        Row(
            name="The server's own CPU a call",
            bare=seen["cpu_s"] / seen["requests"] * 1e6,
            unit="us",
            note=f"{seen['requests'] / wall_s:,.0f} calls a second from a client of one process",
        )
    ]
