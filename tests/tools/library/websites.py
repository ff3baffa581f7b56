"""A website on loopback, for the tools that read one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

__all__ = ["Website", "website"]


@dataclass
class Website:
    """What stands at each path, as HTML or a whole answer, and what was asked for."""

    pages: Mapping[str, str | web.Response]
    base: str = ""
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        page = self.pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return page if isinstance(page, web.Response) else web.Response(text=page, content_type="text/html")


@asynccontextmanager
async def website(pages: Mapping[str, str | web.Response]) -> AsyncIterator[Website]:
    site = Website(pages)
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        site.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()
