"""A tool whose HTTP client has too few connections."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from aiocrew import tool
from tests.seeing.planted.parts import crew, inputs


async def _answer(request: web.Request) -> web.Response:
    await asyncio.sleep(0.15)
    return web.Response(text="old")


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:

        @tool("Look up")
        async def look_up(topic: str) -> str:
            """Look a topic up."""
            async with session.get(url) as response:  # HERE: connection-pool
                return await response.text()

        await crew(tools=[look_up]).kickoff_for_each_async(inputs(6))
    await runner.cleanup()
