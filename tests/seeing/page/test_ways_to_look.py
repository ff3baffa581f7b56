"""What a reader does with the page: fingers, marking a stretch of time, links, copies, the address, paper."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aiocrew.seeing.page import save_page
from aiocrew.seeing.report import Cause
from aiocrew.types import events as kinds
from aiocrew.types.messages import Request, User
from aiocrew.types.paths import Path as StepPath
from aiocrew.types.usage import Usage
from tests.browser import Browser, Seen
from tests.seeing.page.scenes import WALL_S, many_runs, one_call, report_on

PIECES = "[...document.querySelectorAll('#details pre')].at(-1).textContent"


def written(tmp_path: Path, *given: Any, **named: Any) -> str:
    save_page(tmp_path / "lanes.html", *given, **named)
    return (tmp_path / "lanes.html").as_uri()


def at(kind: Any, at_s: float, path: str, *details: Any) -> kinds.Event:
    return kind("r", StepPath(path), at_s, at_s + WALL_S, *details)


def two_calls_at_once() -> list[kinds.Event]:
    """Return the events of two tasks from 10 to 12 and from 11 to 12 s, and of a third, from 13 to 14 s, that waits."""
    events = [at(kinds.CrewKickoffStarted, 10.0, "run", "crew", None)]
    for number, (from_s, to_s) in enumerate([(10.0, 12.0), (11.0, 12.0), (13.0, 14.0)]):
        task, call = f"run/task-{number}", f"run/task-{number}/turn-0/model"
        waits = (StepPath("run/task-0"),) if number == 2 else ()
        events += [
            at(kinds.TaskStarted, from_s, task, f"Task {number}", "Writer", waits),
            at(kinds.LLMCallStarted, from_s, call, "m", "Writer", Request((User("why?"),))),
            at(kinds.LLMCallSent, from_s, call, 1),
            at(kinds.LLMCallCompleted, to_s, call, "m", "Writer", "so", (), Usage(1, 1), "stop"),
            at(kinds.TaskCompleted, to_s, task, f"Task {number}", "Writer", "so"),
        ]
    events.append(at(kinds.CrewKickoffCompleted, 14.0, "run", "crew", "so"))
    return sorted(events, key=lambda event: event.at_s)


async def hand(seen: Seen) -> Callable[..., Awaitable[None]]:
    """Return what puts fingers on the page, moves and lifts them: the kind of event, and where which is."""
    session = await seen.page.context.new_cdp_session(seen.page)  # one: its end would lift them

    async def fingers(kind: str, points: dict[int, tuple[float, float]]) -> None:
        touches = [{"x": x, "y": y, "id": finger} for finger, (x, y) in points.items()]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    return fingers


async def on_chart(seen: Seen, *points: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the points of the canvas as points of the window."""
    box = await seen.page.locator("#chart").bounding_box()
    assert box
    return [(box["x"] + x, box["y"] + y) for x, y in points]


def time_at(view: dict[str, Any], x: float, right: float) -> float:
    return view["from"] + (x - view["gutter"]) / (right - view["gutter"]) * (view["to"] - view["from"])


async def test_two_fingers_keep_what_they_are_on_and_one_that_stays_goes_on_from_there(
    browser: Browser, tmp_path: Path
) -> None:
    address = written(tmp_path, many_runs(3))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        fingers = await hand(seen)
        views = [await seen.lanes("view()")]
        first, second, apart_first, apart_second, moved = await on_chart(
            seen, (400, 300), (600, 320), (350, 300), (750, 320), (380, 300)
        )
        await fingers("touchStart", {0: first})
        await fingers("touchStart", {0: first, 1: second})
        await fingers("touchMove", {0: apart_first, 1: apart_second})
        await seen.until(f"aiocrewLanes.view().from !== {views[0]['from']}")
        views.append(await seen.lanes("view()"))
        await fingers("touchEnd", {1: apart_second})
        views.append(await seen.lanes("view()"))
        await fingers("touchMove", {0: moved})
        await seen.until(f"aiocrewLanes.view().from !== {views[-1]['from']}")  # a browser tells of it with a frame
        views.append(await seen.lanes("view()"))
        await fingers("touchEnd", {})
        return views, await seen.page.evaluate("document.getElementById('chart').clientWidth"), await seen.all_faults()

    (before, pinched, lifted, dragged), right, faults = await browser.run(work, has_touch=True)
    assert (pinched["to"] - pinched["from"]) * 2 == pytest.approx(before["to"] - before["from"], rel=0.02)
    assert time_at(pinched, 550, right) == pytest.approx(time_at(before, 500, right), abs=1e-3)
    assert lifted["from"] == pytest.approx(pinched["from"])
    assert time_at(dragged, 380, right) == pytest.approx(time_at(pinched, 350, right), abs=1e-3)
    assert faults == []


async def test_fingers_one_above_the_other_make_lanes_higher(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(100))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        fingers = await hand(seen)
        view, low = await seen.lanes("view()"), await seen.lanes("lanes()")
        near, far, further = await on_chart(seen, (500, 300), (510, 400), (510, 500))
        await fingers("touchStart", {0: near})
        await fingers("touchStart", {0: near, 1: far})
        await fingers("touchMove", {0: near, 1: further})
        await seen.until(f"aiocrewLanes.lanes()[0].height !== {low[0]['height']}")
        high = await seen.lanes("lanes()")
        await fingers("touchEnd", {})
        return view, low[0]["height"], high[0]["height"], await seen.lanes("view()")

    before, low, high, after = await browser.run(work, has_touch=True)
    assert high == pytest.approx(low * 2, rel=0.05)
    assert (before["from"], before["to"]) == (after["from"], after["to"])


async def test_dragging_above_the_lanes_marks_a_stretch_and_tells_its_overlap(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, two_calls_at_once())

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        bars = await seen.lanes("bars()")
        left, right = await on_chart(seen, (bars[0]["x"], 40), (bars[0]["x"] + bars[0]["width"], 40))
        await seen.page.mouse.move(*left)
        await seen.page.mouse.down()
        await seen.page.mouse.move(*right, steps=3)
        await seen.page.mouse.up()
        told = await seen.page.inner_text("#stretch")
        await seen.page.click("#stretch-zoom")
        view = await seen.lanes("view()")
        await seen.page.focus("#chart")
        await seen.page.keyboard.press("Escape")
        return told, view, await seen.page.is_visible("#stretch"), await seen.all_faults()

    told, view, still, faults = await browser.run(work)
    assert told.startswith("Marked: 2.0")
    assert "Overlap\n1.50" in told
    assert (view["from"], view["to"]) == (pytest.approx(9.96, abs=0.02), pytest.approx(12.04, abs=0.02))
    assert (still, faults) == (False, [])


async def test_keys_mark_what_is_selected_and_go_to_failed_runs(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(60))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.focus("#chart")
        failed = []
        for key in ("f", "f", "f"):
            await seen.page.keyboard.press(key)
            failed.append(await seen.lanes("selected()"))
        await seen.page.click("#figures button")
        failed.append(await seen.lanes("selected()"))
        await seen.page.keyboard.press("m")
        return failed, await seen.page.inner_text("#stretch h2"), await seen.page.inner_text("#spoken")

    failed, marked, spoken = await browser.run(work)
    runs = [int(bar["run"], 16) for bar in failed]
    assert sorted(runs[:2]) == [11, 48]
    assert runs[2:] == runs[:2]
    assert {bar["path"] for bar in failed} == {"run/task-2/turn-0/model"}
    assert marked.startswith("Marked: ")
    assert spoken.startswith("marked ")


async def test_the_address_keeps_what_is_shown(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, two_calls_at_once())

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "m", "+", "+"):
            await seen.page.keyboard.press(key)
        await seen.page.fill("#search", "why?")
        await seen.until("location.hash.includes('find=') && location.hash.includes('at=')")
        kept = [await seen.lanes("view()"), await seen.lanes("selected()"), await seen.page.inner_text("#stretch")]
        await seen.page.reload()
        await seen.until("window.aiocrewLanes && aiocrewLanes.ready")
        again = [await seen.lanes("view()"), await seen.lanes("selected()"), await seen.page.inner_text("#stretch")]
        return kept, again, await seen.page.inner_text("#hits"), await seen.all_faults()

    kept, again, hits, faults = await browser.run(work)
    assert again[0] == pytest.approx(kept[0], abs=1e-4)
    assert again[1:] == kept[1:]
    assert (hits, faults) == ("3 hits", [])


@pytest.mark.parametrize(
    "nonsense", ["view=1_0&at=x_y", "view=NaN_1&top=-5&sort=__proto__", "find=%E0%A4%A&at=___&marked=_"]
)
async def test_an_address_that_makes_no_sense_shows_everything(browser: Browser, tmp_path: Path, nonsense: str) -> None:
    address = written(tmp_path, two_calls_at_once())

    async def work(seen: Seen) -> Any:
        await seen.open(f"{address}#{nonsense}")
        return await seen.lanes("view()"), await seen.lanes("selected()"), await seen.all_faults()

    view, selected, faults = await browser.run(work)
    assert view["from"] < 10.0 < 14.0 < view["to"]
    assert (selected, faults) == (None, [])


async def test_details_lead_to_what_a_task_waited_for(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, two_calls_at_once())

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        row = next(lane for lane in await seen.lanes("lanes()") if lane["label"] == "Task 2")
        (name,) = await on_chart(seen, (60, row["y"] + 8))
        await seen.page.mouse.click(*name)
        await seen.page.click("#details dt:text-is('Waited for') + dd button")
        return await seen.lanes("selected()"), await seen.all_faults()

    selected, faults = await browser.run(work)
    assert (selected["path"], selected["kind"]) == ("run/task-0", "task")
    assert faults == []


async def test_a_prompt_can_be_copied_as_it_is_shown(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, one_call("say \u202eit\u202c", "said"))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            await seen.page.keyboard.press(key)
        copies = []
        for name in ("details details[open] .copy", "details h3 .copy"):
            await seen.page.click(f"#{name}")
            await seen.until("document.getElementById('spoken').textContent === 'Copied'")
            copies.append(await seen.page.evaluate("navigator.clipboard.readText()"))
            await seen.page.evaluate("document.getElementById('spoken').textContent = ''")
        return copies, await seen.all_faults()

    (text, prompt), faults = await browser.run(work)
    assert text == "say ⟨202E⟩it⟨202C⟩"
    assert '"role": "system"' in prompt
    assert faults == []


async def test_the_border_of_the_names_can_be_dragged(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(3))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        widths = [(await seen.lanes("view()"))["gutter"]]
        border, wider = await on_chart(seen, (216, 200), (300, 200))
        await seen.page.mouse.move(*border)
        await seen.page.mouse.down()
        await seen.page.mouse.move(*wider, steps=2)
        await seen.page.mouse.up()
        widths.append((await seen.lanes("view()"))["gutter"])
        await seen.page.mouse.dblclick(*wider)
        widths.append((await seen.lanes("view()"))["gutter"])
        await seen.page.keyboard.press("<")
        return [*widths, (await seen.lanes("view()"))["gutter"]]

    assert await browser.run(work) == [216, 300, 216, 192]


async def test_a_click_on_a_culprits_number_shows_it(browser: Browser, tmp_path: Path) -> None:
    report = report_on((Cause.AWAITED_IN_TURN, 1000.5, 1001.0, ""), (Cause.BLOCKED_LOOP, 1001.2, 1001.3, ""))
    address = written(tmp_path, many_runs(2), report)

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        view = await seen.lanes("view()")
        right = await seen.page.evaluate("document.getElementById('chart').clientWidth")
        x = view["gutter"] + (1001.2 - view["from"]) / (view["to"] - view["from"]) * (right - view["gutter"])
        (number,) = await on_chart(seen, (x + 8, 22 + 58 + 9))
        await seen.page.mouse.click(*number)
        return await seen.page.inner_text(".culprit[aria-current=true] .head")

    assert "blocked-loop" in await browser.run(work)


async def test_what_an_attempt_said_before_it_failed_is_void(browser: Browser, tmp_path: Path) -> None:
    call = "run/task-0/turn-0/model"
    events = [
        at(kinds.CrewKickoffStarted, 10.0, "run", "crew", None),
        at(kinds.LLMCallStarted, 10.0, call, "m", "Writer", Request((User("why?"),))),
        at(kinds.LLMCallSent, 10.0, call, 1),
        at(kinds.LLMStreamChunk, 10.5, call, "I thi"),
        at(kinds.LLMCallRetried, 11.0, call, "m", 1, 0.5, "the connection broke"),
        at(kinds.LLMCallSent, 11.5, call, 2),
        at(kinds.LLMFirstToken, 12.0, call, 2),
        at(kinds.LLMStreamChunk, 12.0, call, "Because", 2),
    ]
    address = written(tmp_path, events)

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        (bar,) = await seen.lanes("bars()")
        (place,) = await on_chart(seen, (bar["x"] + 5, bar["y"] + 5))
        await seen.page.mouse.click(*place)
        return await seen.page.evaluate(PIECES), await seen.page.inner_text("#details .facts")

    said, facts = await browser.run(work)
    assert said == "Because"
    assert "First token\nafter 2.00 s" in facts


async def test_on_paper_the_page_is_light_and_whole(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, one_call("p" * 3000, "r"))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
            await seen.page.keyboard.press(key)
        await seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        await seen.page.emulate_media(media="print")
        theme = await seen.page.get_attribute("html", "data-theme")
        hidden = await seen.page.evaluate(
            "[...document.querySelectorAll('#panel, pre')].filter((e) => e.scrollHeight > e.clientHeight + 1).length"
        )
        tools = await seen.page.is_visible(".tools")
        await seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
        return theme, hidden, tools, await seen.page.get_attribute("html", "data-theme")

    assert await browser.run(work, color_scheme="dark") == ("light", 0, False, "dark")


async def test_the_figures_stand_on_one_line(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(2))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        return await seen.page.evaluate(
            "[...document.querySelectorAll('.figures dt')].map((e) => Math.round(e.getBoundingClientRect().bottom))"
        )

    bottoms = await browser.run(work)
    assert len(bottoms) > 3
    assert len(set(bottoms)) == 1


@pytest.mark.parametrize("width", [1024, 390])
async def test_tools_take_few_lines_and_nothing_is_wider_than_the_window(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    address = written(tmp_path, many_runs(50))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        tools = await seen.page.evaluate("document.querySelector('.tools').clientHeight")
        return tools, await seen.page.evaluate("document.documentElement.scrollWidth")

    tools, wide = await browser.run(work, viewport={"width": width, "height": 800})
    assert tools <= (40 if width > 760 else 80)
    assert wide == width
