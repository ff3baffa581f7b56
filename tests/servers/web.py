"""A small web server on loopback, in a thread of its own, which takes its time to answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from aiohttp import web

__all__ = ["web_url"]

_LATENCY_S = 0.08


@pytest.fixture
def web_url() -> Iterator[str]:
    """Where a server is that answers every request after 80 ms."""
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    urls: list[str] = []
    started = threading.Event()

    async def live() -> None:
        app = web.Application()
        app.router.add_get("/", _answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        stop.append((asyncio.get_running_loop(), asyncio.Event()))
        started.set()
        await stop[0][1].wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=[live()], name="web-server")
    thread.start()
    assert started.wait(20)
    try:
        yield urls[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join()


async def _answer(request: web.Request) -> web.Response:
    await asyncio.sleep(_LATENCY_S)
    return web.Response(text="old")
