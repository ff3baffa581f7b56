"""The page that takes its events from a stream while the runs go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from aiocrew.seeing.page import event_json, render_page
from aiocrew.seeing.recorder import reading
from aiocrew.types import events as kinds
from aiocrew.types.events import Event
from aiocrew.types.messages import Request, System, User
from aiocrew.types.paths import Path
from tests.browser import Browser, Seen
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel
from tests.seeing.page.scenes import WALL_S, many_runs

MODEL = Path("run/task-0/turn-0/model")
REQUEST = Request((System("be brief"), User("what?")))
REPLY = "[...document.querySelectorAll('#details pre')].at(-1)?.textContent"
DONE = "aiocrewLanes.bars().filter((bar) => bar.state === 'ok').length"


class Stream:
    """An endpoint that sends all events from the first to everyone who connects, as a server would."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.more = asyncio.Condition()
        self.connected = 0
        self.breaks = asyncio.Event()
        self.ended = False
        self.embedded: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    async def told(self, *events: Event) -> None:
        self.events.extend(events)
        async with self.more:
            self.more.notify_all()

    async def break_off(self) -> None:
        self.breaks.set()
        await self.told()

    async def end(self) -> None:
        self.ended = True
        await self.told()

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text=render_page(self.embedded, title="live", live="/events"), content_type="text/html")

    async def send(self, request: web.Request) -> web.StreamResponse:
        self.connected += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 20\n\n")
        sent = 0
        while not self.breaks.is_set():
            until = len(self.events)
            for at in range(sent, until, 500):
                some = self.events[at : min(at + 500, until)]
                await response.write("".join(f"data: {event_json(event)}\n\n" for event in some).encode())
            sent = until
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


def our_loop() -> Callable[[Coroutine[Any, Any, None]], Awaitable[None]]:
    """Return what carries out a coroutine here, whichever loop asks for it."""
    here = asyncio.get_running_loop()
    return lambda act: asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act, here))


def call_begins(at_s: float = 1.0) -> list[Event]:
    return [kinds.LLMCallStarted("r", MODEL, at_s, WALL_S, "m", "Analyst", REQUEST)]


def piece(text: str, at_s: float) -> Event:
    return kinds.LLMStreamChunk("r", MODEL, at_s, WALL_S, text)


async def select_the_call(seen: Seen) -> None:
    await seen.until("aiocrewLanes.bars().length === 1")
    await seen.page.focus("#chart")
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        await seen.page.keyboard.press(key)
    await seen.page.wait_for_selector("#details h2")


async def test_bars_appear_while_runs_go_on_and_a_broken_stream_repeats_nothing(browser: Browser) -> None:
    stream, model = Stream(), ScriptedModel("one", "two", "three", delay_s=0.02)
    on_our_loop = our_loop()

    async def kick_off() -> None:
        with reading(stream):
            await one_task_crew(model, name="crew").kickoff_async({"topic": "tea"})
        await stream.told()

    async def work(seen: Seen) -> tuple[list[int], list[str]]:
        await seen.open(address)
        counts = [await seen.lanes("bars().length")]
        for number in (1, 2):
            await on_our_loop(kick_off())
            await seen.until(f"{DONE} === {number}")
            counts.append(await seen.lanes("bars().length"))
        await seen.page.wait_for_selector("#live[data-state=live]")
        await on_our_loop(stream.break_off())
        await on_our_loop(kick_off())
        await seen.until(f"{DONE} === 3")
        counts.append(await seen.lanes("bars().length"))
        await on_our_loop(stream.end())
        await seen.page.wait_for_selector("#live[data-state=ended]")
        await seen.until("/runs\\s*3\\s/.test(document.getElementById('figures').innerText)")
        return counts, await seen.all_faults()

    async with serving(stream) as address:
        counts, faults = await browser.run(work)
    assert counts == [0, 1, 2, 3]
    assert stream.connected == 2
    assert [fault for fault in faults if "ERR_INCOMPLETE_CHUNKED" not in fault] == []


async def test_a_stream_that_repeats_what_the_page_holds_doubles_nothing(browser: Browser) -> None:
    stream = Stream()
    stream.embedded = stream.events = many_runs(4, turns=2)

    async def work(seen: Seen) -> tuple[int, int, str]:
        await seen.open(address)
        before = await seen.lanes("bars().length")
        await seen.page.wait_for_selector("#live[data-state=ended]")
        return before, await seen.lanes("bars().length"), await seen.page.inner_text("#figures")

    stream.ended = True
    async with serving(stream) as address:
        before, after, figures = await browser.run(work)
    calls = sum(isinstance(event, kinds.LLMCallCompleted | kinds.ToolUsageFinished) for event in stream.events)
    assert before == after
    assert f"calls\n{calls}" in figures.replace(" ", "")


async def test_pieces_of_one_moment_are_all_shown_and_none_twice_after_a_break(browser: Browser) -> None:
    stream = Stream()
    stream.events = [*call_begins(), *(piece(text, 2.0) for text in ("one ", "two ", "two "))]
    on_our_loop = our_loop()

    async def work(seen: Seen) -> list[str]:
        await seen.open(address)
        await select_the_call(seen)
        await seen.until(f"{REPLY} === 'one two two '")
        await on_our_loop(stream.break_off())
        await on_our_loop(stream.told(piece("three", 2.0)))
        await seen.until(f"{REPLY} === 'one two two three'")
        return await seen.all_faults()

    async with serving(stream) as address:
        faults = await browser.run(work)
    assert stream.connected == 2
    assert [fault for fault in faults if "ERR_INCOMPLETE_CHUNKED" not in fault] == []


async def test_what_one_reads_stays_unfolded_and_focused_while_the_reply_comes(browser: Browser) -> None:
    stream = Stream()
    stream.events = [*call_begins(), piece("one", 2.0)]
    on_our_loop = our_loop()

    async def work(seen: Seen) -> tuple[bool, str]:
        await seen.open(address)
        await select_the_call(seen)
        await seen.page.click("#details summary >> nth=0")
        await seen.page.focus("#details button")
        await on_our_loop(stream.told(piece(" two", 3.0)))
        await seen.until(f"{REPLY} === 'one two'")
        is_open = await seen.page.evaluate("document.querySelector('#details details').open")
        return is_open, await seen.page.evaluate("document.activeElement.textContent")

    async with serving(stream) as address:
        assert await browser.run(work) == (True, "Close")


def tool_calls(run: int, number: int = 500) -> list[Event]:
    """Return the events of a run of so many tool calls, a millisecond each; runs of 500 follow each other."""
    run_id, start_s = f"run {run}", 1.0 + run / 2
    events: list[Event] = [kinds.CrewKickoffStarted(run_id, Path("run"), start_s, WALL_S + start_s, run_id, None)]
    for call in range(number):
        path, at_s = Path(f"run/task-0/turn-{call}/tool-0"), start_s + call / 1000
        events.append(kinds.ToolUsageStarted(run_id, path, at_s, WALL_S + at_s, "look", "Analyst", "{}"))
        events.append(kinds.ToolUsageFinished(run_id, path, at_s + 0.001, WALL_S + at_s, "look", "Analyst", "found"))
    end_s = start_s + number / 1000
    return [*events, kinds.CrewKickoffCompleted(run_id, Path("run"), end_s, WALL_S + end_s, run_id, "done")]


async def test_a_page_that_follows_for_hours_keeps_the_newest_and_counts_all(browser: Browser) -> None:
    """What is still open stays too; and a stream that begins anew does not bring back what went."""
    stream = Stream()
    stream.events = call_begins(0.5) + [event for run in range(30) for event in tool_calls(run)]
    on_our_loop = our_loop()

    async def look(seen: Seen) -> tuple[int, list[str], str]:
        lanes = [lane["label"] for lane in await seen.lanes("lanes()") if lane["type"] != "row"]
        return await seen.lanes("bars().length"), lanes, await seen.page.inner_text("#figures")

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        calls_are = "/calls\\s*{}/.test(document.getElementById('figures').innerText)"
        await seen.until(calls_are.format("15,000"))  # all are counted
        first = await look(seen)
        await on_our_loop(stream.break_off())
        await on_our_loop(stream.told(*tool_calls(30, 5)))
        await seen.until(calls_are.format("15,005"))
        return first, await look(seen)

    async with serving(stream) as address:
        (bars, lanes, figures), (bars_again, lanes_again, figures_again) = await browser.run(work)
    assert 9_000 < bars <= 12_000
    assert lanes[0] == "run r"
    assert lanes[-1] == "run 29"
    assert "run 0" not in lanes
    assert "shown: the last" in figures
    assert "runs\n31" in figures
    assert bars_again == bars + 5
    assert lanes_again == [*lanes, "run 30"]
    assert "runs\n32" in figures_again


async def test_a_view_that_ends_with_the_present_moves_on_with_it(browser: Browser) -> None:
    stream = Stream()
    started = many_runs(2)
    stream.embedded = started[: len(started) // 2]
    on_our_loop = our_loop()

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.focus("#chart")
        for key in ("+", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
            await seen.page.keyboard.press(key)
        before = await seen.lanes("view()")
        await on_our_loop(stream.told(*started[len(started) // 2 :]))
        await seen.until(f"aiocrewLanes.view().now > {before['now']}")
        return before, await seen.lanes("view()"), await seen.all_faults()

    async with serving(stream) as address:
        before, after, faults = await browser.run(work)
    assert before["from"] < before["now"] < before["to"]
    assert after["from"] - before["from"] == pytest.approx(after["now"] - before["now"], abs=0.2)
    assert after["from"] > before["from"]
    assert faults == []
