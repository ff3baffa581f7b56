"""Debian's Chromium, headless, one for all tests; a conftest that imports the fixture `browser` has it.

Playwright's asynchronous API lives on one event loop, and each test here has a loop of its own; so the browser lives on
a loop of its own too, in a thread, and a test hands its work there.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

from tests.servers.running import installed

__all__ = ["ARGUMENTS", "CHROMIUM", "Browser", "Seen", "browser"]

T = TypeVar("T")

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 60_000
READY = "window.aiocrewLanes && aiocrewLanes.ready"


class Seen:
    """A page, and everything that went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", self._note)
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    async def _dismiss(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def open(self, address: str) -> None:
        """Open a lanes page and wait until it has drawn."""
        # What a policy forbids is reported as an event too, also where the console keeps silent.
        await self.page.add_init_script(
            "window.violations = [];"
            "document.addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective));"
        )
        await self.page.goto(address)
        await self.until(READY)

    async def until(self, condition: str) -> None:
        """Wait until the JavaScript `condition` holds."""
        # Playwright's own wait_for_function evaluates its text inside the page, which the page's policy forbids.
        wait = f"(async () => {{ while (!({condition})) await new Promise(requestAnimationFrame); }})()"
        await asyncio.wait_for(self.page.evaluate(wait), TIMEOUT_MS / 1000)

    async def lanes(self, call: str) -> Any:
        """Return what `window.aiocrewLanes` says."""
        return await self.page.evaluate(f"aiocrewLanes.{call}")

    async def all_faults(self) -> list[str]:
        """Return every script error, console error, dialog and violation of the policy so far."""
        return self.faults + await self.page.evaluate("window.violations")


class Browser:
    """A running Chromium, on a loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, context_of: Callable[..., Awaitable[BrowserContext]]) -> None:
        self._loop = loop
        self._context_of = context_of

    async def run(self, work: Callable[[Seen], Awaitable[T]], **options: Any) -> T:
        """Return what `work` returns, given a fresh page. `options` are those of a browser's context."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._on_a_page(work, options), self._loop))

    async def _on_a_page(self, work: Callable[[Seen], Awaitable[T]], options: dict[str, Any]) -> T:
        given = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        context = await self._context_of(**given)
        try:
            return await work(Seen(await context.new_page()))
        finally:
            await context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one Chromium of the session; skips where there is none and none can be installed."""
    _have_chromium()
    started = threading.Event()
    failed: list[BaseException] = []
    found: list[Browser] = []
    ended: list[Callable[[], None]] = []

    async def live(folder: str) -> None:
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=ARGUMENTS, timeout=TIMEOUT_MS, env={**os.environ, "HOME": folder}
            )
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            found.append(Browser(loop, chromium.new_context))
            ended.append(lambda: loop.call_soon_threadsafe(stop.set))
            started.set()
            await stop.wait()
            await chromium.close()

    def in_thread() -> None:
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                asyncio.run(live(folder))
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=in_thread, name="chromium")
    thread.start()
    started.wait()
    if failed:
        raise failed[0]
    try:
        yield found[0]
    finally:
        ended[0]()
        thread.join()
    if failed:
        raise failed[0]


def _have_chromium() -> None:
    if installed("chromium", lambda: Path(CHROMIUM) if Path(CHROMIUM).exists() else None) is None:
        pytest.skip(f"the page's tests need {CHROMIUM}: install Debian's package chromium")
