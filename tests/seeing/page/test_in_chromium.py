"""The page as a browser shows it: geometry, keys, details, hostile texts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.seeing.page import save_page
from aiocrew.seeing.recorder import recording
from aiocrew.seeing.report import Cause
from aiocrew.testing import run_virtual
from aiocrew.tools.decorator import tool
from aiocrew.types import events as kinds
from aiocrew.types.paths import Path as StepPath
from tests.browser import Browser, Seen
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls
from tests.seeing.page.scenes import many_runs, one_call, report_on

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> &amp; {{script}} \u2028\u2029 "
    "\ud800 \x00\x1b[31m \u202etxet\u202c <!--"
)


@tool
async def look(q: str) -> str:
    """Look something up."""
    return f"found {q}"


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of fifty crews of three tasks that were really run, at once, on virtual time: no load shows in it."""

    async def run() -> list[kinds.Event]:
        agent = agent_with("offline/30ms")
        steps = [f"Step {number} on {{topic}}" for number in range(3)]
        crews = [Crew(agents=[agent], tasks=[task_for(agent, step) for step in steps]) for _ in range(50)]
        with recording() as events:
            await asyncio.gather(*(crew.kickoff_async({"topic": f"tea {n}"}) for n, crew in enumerate(crews)))
        return events

    page = tmp_path_factory.mktemp("fifty") / "lanes.html"
    save_page(page, run_virtual(run), title="fifty")
    return page


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(fifty: Path) -> Iterator[str]:
    """The same page, from a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Quiet(*given, directory=str(fifty.parent))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{fifty.name}"
        server.shutdown()
        thread.join()


def written(tmp_path: Path, *given: Any, **named: Any) -> str:
    save_page(tmp_path / "lanes.html", *given, **named)
    return (tmp_path / "lanes.html").as_uri()


async def faults_and_bars(seen: Seen, address: str) -> tuple[list[str], list[dict[str, Any]]]:
    await seen.open(address)
    return await seen.all_faults(), await seen.lanes("bars()")


def check_fifty(faults: list[str], bars: list[dict[str, Any]]) -> None:
    assert faults == []
    calls_made = [bar for bar in bars if bar["kind"] == "model"]
    assert len(calls_made) == 150
    assert len({bar["run"] for bar in calls_made}) == 50
    assert all(bar["width"] > 1 for bar in calls_made)
    first = [bar for bar in calls_made if "/task-0/" in bar["path"]]
    assert max(bar["x"] for bar in first) < min(bar["x"] + bar["width"] for bar in first), "all fifty at one x"
    lanes = sorted({(bar["y"], bar["height"]) for bar in calls_made})
    assert len(lanes) == 50
    assert all(above + height <= below for (above, height), (below, _) in pairwise(lanes)), "lanes lie below each other"


async def test_fifty_crews_of_three_tasks_show_150_bars_that_overlap_from_a_file(browser: Browser, fifty: Path) -> None:
    check_fifty(*await browser.run(lambda seen: faults_and_bars(seen, fifty.as_uri())))


async def test_the_same_page_from_a_server_asks_it_for_nothing_else(browser: Browser, served: str) -> None:
    async def work(seen: Seen) -> list[str]:
        check_fifty(*await faults_and_bars(seen, served))
        return seen.requests

    requests = await browser.run(work)
    assert [url for url in requests if not url.startswith("data:")] == [served]


async def test_bars_of_one_run_follow_each_other_in_its_lane(browser: Browser, fifty: Path) -> None:
    _, bars = await browser.run(lambda seen: faults_and_bars(seen, fifty.as_uri()))
    run = [bar for bar in bars if bar["run"] == bars[0]["run"]]
    assert [bar["path"].split("/")[1] for bar in run] == ["task-0", "task-1", "task-2"]
    assert all(a["x"] + a["width"] <= b["x"] + 0.01 for a, b in pairwise(run))


async def test_opening_a_lane_gives_each_task_a_row(browser: Browser, fifty: Path) -> None:
    async def work(seen: Seen) -> Any:
        await seen.open(fifty.as_uri())
        await seen.page.focus("#chart")
        await seen.page.keyboard.press("ArrowDown")
        await seen.page.keyboard.press("Space")
        return await seen.lanes("lanes()")

    lanes = await browser.run(work)
    assert [lane["type"] for lane in lanes[:5]] == ["run", "row", "row", "row", "closed"]
    assert [lane["label"] for lane in lanes[1:4]] == [f"Step {n} on tea 0" for n in range(3)]


async def test_keys_move_the_selection_and_open_the_details(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(2, turns=2))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        keys, selected = seen.page.keyboard, []
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowDown"):
            await keys.press(key)
            selected.append((await seen.lanes("selected()"))["path"])
        spoken = await seen.page.text_content("#spoken")
        await keys.press("Enter")
        focused = await seen.page.evaluate("document.activeElement.id")
        details = await seen.page.inner_text("#details")
        await keys.press("Escape")
        return selected, spoken, focused, details, await seen.lanes("selected()"), await seen.all_faults()

    selected, spoken, focused, details, left, faults = await browser.run(work)
    assert selected == [
        "run",
        "run/task-0/turn-0/model",
        "run/task-0/turn-0/tool-0",
        "run/task-0/turn-1/model",
        "run/task-0/turn-0/tool-0",
        "run/task-0/turn-1/model",
        "run/task-1/turn-0/model",
    ]
    assert spoken.startswith("model call: gpt-4o-mini, done, ")
    assert focused == "details"
    assert "Run 0, task 1: question 0?" in details
    assert "Answer of run 0, task 1." in details
    assert "200 in, 50 out" in details
    assert (left, faults) == (None, [])


async def test_keys_zoom_pan_fit_and_show_the_help(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(3))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        keys, views = seen.page.keyboard, [await seen.lanes("view()")]
        await seen.page.focus("#chart")
        for key in ("+", "Shift+ArrowRight", "-", "0"):
            await keys.press(key)
            views.append(await seen.lanes("view()"))
        await keys.press("?")
        shown = await seen.page.is_visible("#help kbd >> nth=0")
        await keys.press("Escape")
        return views, shown, await seen.page.is_visible("#help")

    views, shown, still = await browser.run(work)
    wide = [view["to"] - view["from"] for view in views]
    assert wide[1] < wide[0]
    assert views[2]["from"] > views[1]["from"]
    assert wide[2] == pytest.approx(wide[1])
    assert wide[3] > wide[2]
    assert views[4]["from"] == pytest.approx(views[0]["from"])
    assert (shown, still) == (True, False)


async def test_the_wheel_zooms_at_the_pointer_and_dragging_moves(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(3))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        box = await seen.page.locator("#chart").bounding_box()
        assert box
        bar = (await seen.lanes("bars()"))[0]
        await seen.page.mouse.move(box["x"] + bar["x"] + bar["width"], box["y"] + bar["y"] + 2)
        await seen.page.mouse.wheel(0, -300)
        await seen.until(f"aiocrewLanes.bars()[0].width > {bar['width'] * 1.5}")
        zoomed = (await seen.lanes("bars()"))[0]
        await seen.page.mouse.down()
        await seen.page.mouse.move(box["x"] + bar["x"] + bar["width"] - 60, box["y"] + bar["y"] + 2, steps=3)
        await seen.page.mouse.up()
        return bar, zoomed, (await seen.lanes("bars()"))[0]

    bar, zoomed, moved = await browser.run(work)
    assert zoomed["x"] + zoomed["width"] == pytest.approx(bar["x"] + bar["width"], abs=1)
    assert moved["x"] == pytest.approx(zoomed["x"] - 60, abs=1)


async def test_a_click_on_a_bar_shows_it_and_a_pointer_over_it_names_it(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(2), report_on())

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        box = await seen.page.locator("#chart").bounding_box()
        assert box
        bar = (await seen.lanes("bars()"))[2]
        point = (box["x"] + bar["x"] + bar["width"] / 2, box["y"] + bar["y"] + bar["height"] / 2)
        await seen.page.mouse.move(*point)
        tip = await seen.page.inner_text("#tip")
        await seen.page.mouse.click(*point)
        return bar, tip, await seen.lanes("selected()"), await seen.page.inner_text("#details h2")

    bar, tip, selected, title = await browser.run(work)
    assert tip.startswith("model call: gpt-4o-mini")
    assert (selected["run"], selected["path"]) == (bar["run"], bar["path"])
    assert title == "model call: gpt-4o-mini"


async def test_a_search_finds_prompts_and_replies_and_can_hide_all_other_runs(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(40))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        keys = seen.page.keyboard
        await keys.press("/")
        await keys.type("answer of RUN 17, task 1")
        await keys.press("Enter")
        hits, selected = await seen.page.inner_text("#hits"), await seen.lanes("selected()")
        await seen.page.fill("#search", "Run 23, task")
        await seen.page.check("#only-hits")
        lanes = await seen.lanes("lanes()")
        await seen.page.focus("#chart")
        walked = []
        for key in ("n", "n", "N"):
            await keys.press(key)
            walked.append((await seen.lanes("selected()"))["path"])
        return hits, selected, lanes, walked

    hits, selected, lanes, walked = await browser.run(work)
    assert hits == "1 of 1"
    assert selected == {"run": f"{17:032x}", "path": "run/task-1/turn-0/model", "kind": "model", "label": "gpt-4o-mini"}
    assert {lane["run"] for lane in lanes} == {f"{23:032x}"}
    assert walked == ["run/task-0/turn-0/model", "run/task-1/turn-0/model", "run/task-0/turn-0/model"]


async def test_whatever_runs_say_is_shown_as_text_and_does_nothing(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, one_call(HOSTILE + "x" * 1_000_000, HOSTILE, name=HOSTILE), title=HOSTILE)

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            await seen.page.keyboard.press(key)
        details = await seen.page.evaluate("document.getElementById('details').textContent")
        elements = await seen.page.evaluate("[document.querySelectorAll('img').length, document.scripts.length]")
        return details, elements, await seen.all_faults()

    details, elements, faults = await browser.run(work)
    assert "<img src=x onerror=alert(2)>" in details
    assert "</script><script>alert(1)</script>" in details
    assert "\u27e8202E\u27e9" in details
    assert "\u202e" not in details
    assert "characters left out" in details
    assert (elements, faults) == ([0, 2], [])


async def test_a_click_on_a_culprit_goes_to_where_it_happened(browser: Browser, tmp_path: Path) -> None:
    report = report_on((Cause.AWAITED_IN_TURN, 1000.5, 1001.0, f"{1:032x}"), (Cause.BLOCKED_LOOP, 1001.2, 1001.3, ""))
    address = written(tmp_path, many_runs(2), report)

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        text = await seen.page.inner_text("#culprits")
        await seen.page.click(".culprit >> nth=1")
        clicked = await seen.lanes("view()")
        await seen.page.focus("#chart")
        await seen.page.keyboard.press("c")
        return text, clicked, await seen.lanes("view()")

    text, clicked, next_one = await browser.run(work)
    assert all(word in text for word in ("awaited-in-turn", "blocked-loop", "/srv/app.py:13 handle", "500 ms lost"))
    assert clicked["from"] < 1001.2 < 1001.3 < clicked["to"]
    assert next_one["from"] < 1000.5 < 1001.0 < next_one["to"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_text_can_be_read_in_both_schemes(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    address = written(tmp_path, many_runs(2), report_on((Cause.LIMIT, 1000.5, 1001.0, "")))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        theme = await seen.page.get_attribute("html", "data-theme")
        colours = await seen.page.evaluate(COLOURS)
        await seen.page.click("#theme")
        return theme, colours, await seen.page.get_attribute("html", "data-theme")

    theme, colours, toggled = await browser.run(work, color_scheme=scheme)
    assert (theme, toggled) == (scheme, "light" if scheme == "dark" else "dark")
    inks = ["ink", "soft", "accent", "failed", "span-text"]
    on_bars = ["model", "stream", "tool", "guardrail", "callback", "human", "failed", "cancelled", "blocked", "delay"]
    pairs = [(ink, paper) for ink in inks for paper in ("paper", "raised", "stripe")]
    pairs += [("on-bar", bar) for bar in on_bars] + [("ink", "wait-paper"), ("ink", "wait-line"), ("paper", "mark")]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in weak.items() if value < 4.5} == {}


COLOURS = """() => {
  const style = getComputedStyle(document.documentElement);
  const names = [...style].filter((name) => name.startsWith("--"));
  return Object.fromEntries(names.map((name) => [name.slice(2), style.getPropertyValue(name).trim()]));
}"""


def contrast(one: str, other: str) -> float:
    """Return the ratio of WCAG 2.1, 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


async def test_of_a_thousand_runs_only_what_is_in_view_is_drawn(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, many_runs(1000))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        drawn, lanes = await seen.lanes("drawn"), await seen.lanes("lanes()")
        await seen.page.select_option("#sort", "failed")
        failed = await seen.lanes("lanes()")
        await seen.page.select_option("#group", "name")
        return drawn, lanes, failed, await seen.lanes("lanes()"), await seen.all_faults()

    drawn, lanes, failed, grouped, faults = await browser.run(work)
    assert len(lanes) == 1000
    assert drawn["rows"] < 250
    assert drawn["bars"] < 1000
    states = [lane["state"] for lane in failed]
    assert states == ["failed"] * states.count("failed") + ["ok"] * states.count("ok")
    groups = [lane["label"].split(" · ")[:2] for lane in grouped if lane["type"] == "group"]
    assert sorted(groups) == [["research", "334 runs"], ["support", "333 runs"], ["writing", "333 runs"]]
    assert faults == []


async def test_ten_thousand_bars_are_drawn_with_few_strokes_where_they_are_too_small(
    browser: Browser, tmp_path: Path
) -> None:
    address = written(tmp_path, many_runs(100, tasks=5, turns=10))

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        wide = await seen.lanes("drawn")
        frames = await seen.lanes("frames(12)")
        await seen.page.set_viewport_size({"width": 320, "height": 700})
        await seen.until("aiocrewLanes.drawn.merged > 1000")
        return await seen.lanes("bars().length"), wide, frames, await seen.lanes("drawn"), await seen.all_faults()

    bars, wide, frames, narrow, faults = await browser.run(work)
    assert bars == 9500
    assert wide["bars"] == 9500
    assert wide["calls"] < 16_000
    assert min(frames["bars"]) < 2000, "zoomed in, only what is in view is looked at"
    assert narrow["calls"] < narrow["bars"], "bars of less than two pixels become blocks"
    assert faults == []


async def test_what_goes_on_inside_is_shown_inside(browser: Browser, tmp_path: Path) -> None:
    """Nested runs, delegations, waits, retries, guardrails, a blocked loop."""
    address = written(tmp_path, inside())

    async def work(seen: Seen) -> Any:
        await seen.open(address)
        return await seen.lanes("lanes()"), await seen.lanes("bars()"), await seen.all_faults()

    lanes, bars, faults = await browser.run(work)
    assert [(lane["depth"], lane["label"]) for lane in lanes] == [
        (0, "event loop"),
        (0, "flow"),
        (1, "plan"),
        (2, "crew"),
        (3, "write"),
        (4, "Helper"),
    ]
    kinds_of = [(bar["kind"], bar["path"]) for bar in bars]
    assert ("delegation", "run/plan-0/run-0/task-0/turn-0/tool-0") in kinds_of
    assert [bar["kind"] for bar in bars if bar["run"] == ""] == ["blocked"]
    (call,) = [bar for bar in bars if bar["path"].endswith("task-0/turn-0/model")]
    assert [part["kind"] for part in call["parts"]] == ["wait", "failed", "delay", "sent"]
    (failed,) = [bar for bar in bars if bar["kind"] == "guardrail"]
    assert failed["state"] == "failed"
    assert faults == []


def inside() -> list[kinds.Event]:
    now_s = 10.0

    def at(kind: Any, run_id: str, path: str, *details: Any) -> kinds.Event:
        nonlocal now_s
        now_s += 0.1
        return kind(run_id, StepPath(path), now_s, now_s, *details)

    crew, task = "run/plan-0/run-0", "run/plan-0/run-0/task-0"
    model, work = f"{task}/turn-0/model", f"{task}/turn-0/tool-0"
    request = one_call("p", "r")[2].request  # type: ignore[union-attr]
    return [
        at(kinds.FlowStarted, "f", "run", "flow", None),
        at(kinds.MethodExecutionStarted, "f", "run/plan-0", "flow", "plan"),
        at(kinds.CrewKickoffStarted, "c", crew, "crew", None, "f"),
        at(kinds.TaskStarted, "c", task, "write", "Writer"),
        at(kinds.LLMCallStarted, "c", model, "m", "Writer", request),
        at(kinds.LLMCallQueued, "c", model, "max_rpm=3", 1),
        at(kinds.LLMCallSent, "c", model, 1),
        at(kinds.LLMCallRetried, "c", model, "m", 1, 0.1, "overloaded"),
        at(kinds.LLMCallSent, "c", model, 2),
        at(kinds.LLMFirstToken, "c", model),
        at(kinds.LLMCallCompleted, "c", model, "m", "Writer", "ok", (), one_call("p", "r")[4].usage, "stop"),  # type: ignore[union-attr]
        at(kinds.ToolUsageStarted, "c", work, "delegate", "Writer", "{}"),
        at(kinds.DelegationStarted, "c", work, "Writer", "Helper", "help"),
        at(kinds.AgentExecutionStarted, "c", f"{work}/coworker", "Helper"),
        at(kinds.LLMCallStarted, "c", f"{work}/coworker/turn-0/model", "m", "Helper", request),
        at(kinds.LLMCallFailed, "c", f"{work}/coworker/turn-0/model", "m", "Helper", "CancelledError()"),
        at(kinds.DelegationFailed, "c", work, "Writer", "Helper", "no"),
        at(kinds.ToolUsageError, "c", work, "delegate", "Writer", "no"),
        at(kinds.LLMGuardrailStarted, "c", f"{task}/turn-0/guardrail-0", "short", "Writer"),
        at(kinds.LLMGuardrailCompleted, "c", f"{task}/turn-0/guardrail-0", "short", "Writer", False, "too long"),
        at(kinds.LoopBlocked, "", "loop", 0.3, "/srv/app.py", 7, "handle"),
    ]


async def test_a_tool_that_was_used_shows_arguments_and_result(browser: Browser, tmp_path: Path) -> None:
    agent: Agent = agent_with(ScriptedModel(calls(("look", {"q": "tea"})), "Tea is a plant."), tools=[look])
    with recording() as events:
        await Crew(agents=[agent], tasks=[task_for(agent, "About tea")]).kickoff_async()
    address = written(tmp_path, events)

    async def work(seen: Seen) -> str:
        await seen.open(address)
        await seen.page.focus("#chart")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            await seen.page.keyboard.press(key)
        return await seen.page.inner_text("#details")

    details = await browser.run(work)
    assert "tool call: look" in details
    assert '"q": "tea"' in details
    assert "found tea" in details
