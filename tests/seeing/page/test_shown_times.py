"""What the page makes of events that are awkward: clocks that differ, ends that never came, the same moment twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.seeing.page import save_page
from aiocrew.seeing.recorder import reading
from aiocrew.seeing.report import Cause
from aiocrew.types import events as kinds
from aiocrew.types.messages import Request, User
from aiocrew.types.paths import Path as StepPath
from aiocrew.types.usage import Usage
from tests.browser import Browser, Seen
from tests.crew.scenes import agent_with, task_for
from tests.seeing.page.scenes import WALL_S, one_call, report_on

MODEL = "run/task-0/turn-0/model"
REQUEST = Request((User("what?"),))


def at(kind: Any, at_s: float, path: str, *details: Any, run_id: str = "r", epoch_s: float = WALL_S) -> kinds.Event:
    return kind(run_id, StepPath(path), at_s, at_s + epoch_s, *details)


async def shown(browser: Browser, tmp_path: Path, *given: Any, **named: Any) -> dict[str, Any]:
    """Return the lanes, the bars and the texts of the page of `given`."""
    save_page(tmp_path / "lanes.html", *given, **named)

    async def work(seen: Seen) -> dict[str, Any]:
        await seen.open((tmp_path / "lanes.html").as_uri())
        assert await seen.all_faults() == []
        text = await seen.page.evaluate("document.body.innerText")
        return {"lanes": await seen.lanes("lanes()"), "bars": await seen.lanes("bars()"), "text": text}

    return await browser.run(work)


async def test_bars_lie_where_the_times_of_their_events_say(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, one_call("p", "r"))
    run, task = ((lane["y"], lane["height"]) for lane in page["lanes"])
    (bar,) = page["bars"]
    assert (bar["from"], bar["to"]) == pytest.approx((1.1, 2.0))
    # The whole is 1.1 s from 1.0 s on, with a margin of 1 % before and 2 % behind it; names take 216, the panel 372.
    scale = (1280 - 216 - 372) / (1.1 * 1.03)
    assert bar["x"] == pytest.approx(216 + scale * (0.1 + 0.011), abs=0.01)
    assert bar["width"] == pytest.approx(scale * 0.9, abs=0.01)
    assert sum(run) <= task[0] <= bar["y"] <= bar["y"] + bar["height"] <= sum(task)


async def test_a_cancelled_run_has_cancelled_tasks_not_failed_ones(browser: Browser, tmp_path: Path) -> None:
    agent, asked = agent_with("offline/60s"), asyncio.Event()

    class WaitsForACall:
        def __init__(self) -> None:
            self.events: list[kinds.Event] = []

        def emit(self, event: kinds.Event) -> None:
            self.events.append(event)
            if isinstance(event, kinds.LLMCallSent):
                asked.set()

    recorder = WaitsForACall()
    with reading(recorder):
        run = asyncio.ensure_future(Crew(agents=[agent], tasks=[task_for(agent, "Long")]).kickoff_async())
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    page = await shown(browser, tmp_path, recorder.events)
    assert [(lane["type"], lane["state"]) for lane in page["lanes"]] == [("run", "cancelled"), ("row", "cancelled")]
    assert [bar["state"] for bar in page["bars"]] == ["cancelled"]


async def test_what_a_run_leaves_open_ends_with_it(browser: Browser, tmp_path: Path) -> None:
    events = [
        at(kinds.CrewKickoffStarted, 1, "run", "crew", None),
        at(kinds.TaskStarted, 1, "run/task-0", "task", "Agent"),
        at(kinds.HumanFeedbackRequested, 2, "run/task-0/turn-0/human", "Agent", "is it good?"),
        at(kinds.CrewKickoffFailed, 3, "run", "crew", "cancelled", True),
        at(kinds.CrewKickoffStarted, 5, "run", "later", None, run_id="s"),
    ]
    page = await shown(browser, tmp_path, events)
    (bar,) = page["bars"]
    assert (bar["kind"], bar["state"], bar["to"]) == ("human", "cancelled", 3)
    assert [lane["state"] for lane in page["lanes"]] == ["cancelled", "cancelled", "open"]


async def test_two_attempts_at_one_moment_are_two(browser: Browser, tmp_path: Path) -> None:
    """As on virtual time, where a refusal takes none."""
    events = [
        at(kinds.LLMCallStarted, 1, MODEL, "m", "a", REQUEST),
        at(kinds.LLMCallQueued, 1, MODEL, "max_rpm=3", 1),
        at(kinds.LLMCallQueued, 1, MODEL, "Limits(2)", 1),
        at(kinds.LLMCallSent, 1, MODEL, 1),
        at(kinds.LLMCallRetried, 1, MODEL, "m", 1, 0.0, "overloaded"),
        at(kinds.LLMCallSent, 1, MODEL, 2),
        at(kinds.LLMCallCompleted, 2, MODEL, "m", "a", "yes", (), Usage(1, 1), "stop"),
    ]
    page = await shown(browser, tmp_path, [*events, *events])
    parts = [(part["kind"], part.get("limit")) for part in page["bars"][0]["parts"]]
    assert parts == [("wait", "max_rpm=3"), ("wait", "Limits(2)"), ("failed", None), ("delay", None), ("sent", None)]


async def test_runs_whose_clocks_differ_are_brought_to_one_by_wall_time(browser: Browser, tmp_path: Path) -> None:
    """Two machines, or virtual time beside real time: seconds since a start that is not the same."""
    events = [
        event
        for run_id, start_s, epoch_s in (("r", 90_000.0, WALL_S), ("s", 4.0, WALL_S + 90_000.0))
        for event in (
            at(kinds.CrewKickoffStarted, start_s, "run", run_id, None, run_id=run_id, epoch_s=epoch_s),
            at(kinds.LLMCallStarted, start_s, MODEL, "m", "a", REQUEST, run_id=run_id, epoch_s=epoch_s),
            at(kinds.LLMCallFailed, start_s + 2, MODEL, "m", "a", "no", run_id=run_id, epoch_s=epoch_s),
            at(kinds.CrewKickoffFailed, start_s + 2, "run", run_id, "no", run_id=run_id, epoch_s=epoch_s),
        )
    ]
    page = await shown(browser, tmp_path, events, report_on((Cause.AWAITED_IN_TURN, 90_000, 90_001, "r")))
    lasted = {bar["run"]: (bar["from"], bar["to"]) for bar in page["bars"]}
    assert lasted["s"][0] - lasted["r"][0] == pytest.approx(4)
    assert [end - start for start, end in lasted.values()] == pytest.approx([2, 2])


async def test_clocks_of_one_machine_that_were_set_a_little_stay_as_they_are(browser: Browser, tmp_path: Path) -> None:
    events = [
        at(kinds.CrewKickoffStarted, 1.0, "run", "one", None),
        at(kinds.CrewKickoffCompleted, 2.0, "run", "one", "done"),
        at(kinds.CrewKickoffStarted, 2.0, "run", "two", None, run_id="s", epoch_s=WALL_S + 0.4),
        at(kinds.LLMCallStarted, 2.0, MODEL, "m", "a", REQUEST, run_id="s"),
    ]
    page = await shown(browser, tmp_path, events)
    assert [bar["from"] for bar in page["bars"]] == [2.0]


async def test_what_a_stream_left_out_is_told(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, [*one_call("p", "r"), at(kinds.EventsMissed, 2.2, "run", 1234, 2.3)])
    assert "1,234" in page["text"][page["text"].index("events missed") :][:30]


async def test_names_are_cut_between_characters_and_figures_are_round(browser: Browser, tmp_path: Path) -> None:
    events = one_call("p", "r", name="n" * 159 + "\U0001f600 and more")
    page = await shown(browser, tmp_path, events, report_on((Cause.LIMIT, 1001.2, 1001.3, "")))
    assert page["lanes"][0]["label"].startswith("n" * 159 + "…")
    assert "100 ms lost" in page["text"]


async def test_letters_that_only_a_model_reads_are_shown_by_number(browser: Browser, tmp_path: Path) -> None:
    page = await shown(browser, tmp_path, one_call("p", "r", name="a\U000e0041b\ufff9c"))
    assert page["lanes"][1]["label"] == "a\u27e8E0041\u27e9b\u27e8FFF9\u27e9c"


async def test_the_policy_stops_scripts_styles_evaluation_and_requests(browser: Browser, tmp_path: Path) -> None:
    save_page(tmp_path / "lanes.html", one_call("p", "r"))

    async def work(seen: Seen) -> Any:
        await seen.open((tmp_path / "lanes.html").as_uri())
        outcome = await seen.page.evaluate(ATTACK)
        await seen.until("violations.length >= 5")
        return outcome, await seen.page.evaluate("[...new Set(violations)].sort()"), seen.requests

    outcome, violations, requests = await browser.run(work)
    assert outcome == {"script": False, "handler": False, "evaluated": False, "fetched": False}
    assert {"script-src-elem", "script-src-attr", "style-src-elem", "connect-src"} <= set(violations)
    assert [url for url in requests if "attack" in url] == []


ATTACK = """async () => {
  const made = (tag, fields) => document.body.appendChild(Object.assign(document.createElement(tag), fields));
  window.hit = false;
  made('script', { textContent: 'window.hit = true' });
  const script = window.hit;
  made('style', { textContent: 'body { background: url(http://127.0.0.1:9/attack) }' });
  made('button', {}).setAttribute('onclick', 'window.hit = true');
  document.body.lastChild.click();
  const handler = window.hit;
  // Later, since what the debugger's own protocol runs may evaluate.
  const evaluated = await new Promise((resolve) => setTimeout(() => {
    try { resolve(new Function('return true')()); } catch { resolve(false); }
  }));
  const fetched = await fetch('http://127.0.0.1:9/attack').then(() => true, () => false);
  return { script, handler, evaluated, fetched };
}"""
