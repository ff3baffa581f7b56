"""The page that takes its events from a stream while the runs go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from aiocrew.seeing.page import event_json, render_page
from aiocrew.seeing.recorder import reading
from aiocrew.types.events import Event
from tests.browser import Browser, Seen
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel

DONE = "aiocrewLanes.bars().filter((bar) => bar.state === 'ok').length"


class Stream:
    """An endpoint that sends all events from the first to everyone who connects, as a server would."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.more = asyncio.Condition()
        self.connected = 0
        self.breaks = asyncio.Event()
        self.ended = False

    def emit(self, event: Event) -> None:
        self.events.append(event)

    async def told(self) -> None:
        async with self.more:
            self.more.notify_all()

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=render_page([], title="live", live="/events"), content_type="text/html")

    async def send(self, request: web.Request) -> web.StreamResponse:
        self.connected += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 20\n\n")
        sent = 0
        while not self.breaks.is_set():
            for event in self.events[sent:]:
                await response.write(f"data: {event_json(event)}\n\n".encode())
            sent = len(self.events)
            if self.ended:
                await response.write(b"event: end\ndata: {}\n\n")
                break
            async with self.more:
                while len(self.events) == sent and not self.breaks.is_set() and not self.ended:
                    await self.more.wait()
        self.breaks.clear()
        return response


@asynccontextmanager
async def serving(stream: Stream) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", stream.page)
    app.router.add_get("/events", stream.send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        stream.ended = True
        await stream.told()
        await runner.cleanup()


async def test_bars_appear_while_runs_go_on_and_a_broken_stream_repeats_nothing(browser: Browser) -> None:
    stream, model = Stream(), ScriptedModel("one", "two", "three", delay_s=0.02)
    here = asyncio.get_running_loop()

    async def on_our_loop(act: object) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act, here))  # type: ignore[arg-type]

    async def kick_off() -> None:
        with reading(stream):
            await one_task_crew(model, name="crew").kickoff_async({"topic": "tea"})
        await stream.told()

    async def break_off() -> None:
        stream.breaks.set()
        await stream.told()

    async def end() -> None:
        stream.ended = True
        await stream.told()

    async def work(seen: Seen) -> tuple[list[int], list[str]]:
        await seen.open(address)
        counts = [await seen.lanes("bars().length")]
        for number in (1, 2):
            await on_our_loop(kick_off())
            await seen.until(f"{DONE} === {number}")
            counts.append(await seen.lanes("bars().length"))
        await seen.page.wait_for_selector("#live[data-state=live]")
        await on_our_loop(break_off())
        await on_our_loop(kick_off())
        await seen.until(f"{DONE} === 3")
        counts.append(await seen.lanes("bars().length"))
        await on_our_loop(end())
        await seen.page.wait_for_selector("#live[data-state=ended]")
        await seen.until("/runs\\s*3\\s/.test(document.getElementById('figures').innerText)")
        return counts, await seen.all_faults()

    async with serving(stream) as address:
        counts, faults = await browser.run(work)
    assert counts == [0, 1, 2, 3]
    assert stream.connected == 2
    assert [fault for fault in faults if "ERR_INCOMPLETE_CHUNKED" not in fault] == []
