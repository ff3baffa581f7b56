"""Events made by hand, in numbers that no test could wait for."""

from __future__ import annotations

import random
from collections.abc import Iterator

from aiocrew.seeing.report import Cause, Culprit, OverlapReport, Span
from aiocrew.types import events as kinds
from aiocrew.types.messages import Request, System, User
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

__all__ = ["WALL_S", "many_runs", "one_call", "report_on"]

WALL_S = 1_800_000_000.0
_BASE_S = 1000.0


def many_runs(runs: int, *, tasks: int = 3, turns: int = 1, seed: int = 1) -> list[kinds.Event]:
    """Return the events of runs that go on side by side; some wait, some retry, some fail."""
    chance = random.Random(seed)
    events = [event for number in range(runs) for event in _run(number, tasks, turns, chance)]
    return sorted(events, key=lambda event: event.at_s)


def _run(number: int, tasks: int, turns: int, chance: random.Random) -> Iterator[kinds.Event]:
    run_id, root = f"{number:032x}", Path("run")
    now_s = _BASE_S + number * 0.004 + chance.random()
    crew = ("research", "writing", "support")[number % 3]
    fails = number % 37 == 11

    def at(kind: type[kinds.Event], path: str, *details: object) -> kinds.Event:
        return kind(run_id, Path(path), now_s, now_s + WALL_S, *details)  # type: ignore[call-arg]

    yield at(kinds.CrewKickoffStarted, root, crew, {"topic": f"topic number {number}"})
    for task in range(tasks):
        agent = ("Analyst", "Writer", "Editor")[task % 3]
        place = f"run/task-{task}"
        yield at(kinds.TaskStarted, place, f"Task {task}", agent)
        for turn in range(turns):
            path = f"{place}/turn-{turn}/model"
            request = Request((System(f"You are the {agent}."), User(f"Run {number}, task {task}: question {turn}?")))
            yield at(kinds.LLMCallStarted, path, "openai/gpt-4o-mini", agent, request)
            if chance.random() < 0.3:
                yield at(kinds.LLMCallQueued, path, "Limits(max_in_flight=50) of openai/gpt-4o-mini", 1)
                now_s += chance.random() * 0.5
            yield at(kinds.LLMCallSent, path, 1)
            now_s += 0.05 + chance.random() * 0.4
            if chance.random() < 0.05:
                yield at(kinds.LLMCallRetried, path, "openai/gpt-4o-mini", 1, 0.2, "the model is overloaded")
                now_s += 0.2
                yield at(kinds.LLMCallSent, path, 2)
                now_s += 0.2
            if fails and task == tasks - 1 and turn == turns - 1:
                yield at(kinds.LLMCallFailed, path, "openai/gpt-4o-mini", agent, "BadRequestError('no')")
                yield at(kinds.TaskFailed, place, f"Task {task}", agent, "BadRequestError('no')")
                yield at(kinds.CrewKickoffFailed, root, crew, "BadRequestError('no')")
                return
            reply = f"Answer of run {number}, task {task}."
            usage = Usage(200, 50)
            yield at(kinds.LLMCallCompleted, path, "openai/gpt-4o-mini", agent, reply, (), usage, "stop", 0.0004)
            if turn + 1 < turns:
                tool = f"{place}/turn-{turn}/tool-0"
                yield at(kinds.ToolUsageStarted, tool, "search", agent, '{"query": "tea"}')
                now_s += 0.02 + chance.random() * 0.1
                yield at(kinds.ToolUsageFinished, tool, "search", agent, "Tea is a plant.")
        yield at(kinds.TaskCompleted, place, f"Task {task}", agent, "Done.")
    yield at(kinds.CrewKickoffCompleted, root, crew, "All done.")


def one_call(prompt: str, reply: str, *, name: str = "crew") -> list[kinds.Event]:
    """Return the events of one run whose one call says what is given."""

    def at(kind: type[kinds.Event], path: str, at_s: float, *details: object) -> kinds.Event:
        return kind("r1", Path(path), at_s, at_s + WALL_S, *details)  # type: ignore[call-arg]

    request = Request((System(prompt), User(prompt)))
    return [
        at(kinds.CrewKickoffStarted, "run", 1.0, name, {"topic": prompt}),
        at(kinds.TaskStarted, "run/task-0", 1.0, name, name),
        at(kinds.LLMCallStarted, "run/task-0/turn-0/model", 1.1, name, name, request),
        at(kinds.LLMCallSent, "run/task-0/turn-0/model", 1.2, 1),
        at(kinds.LLMCallCompleted, "run/task-0/turn-0/model", 2.0, name, name, reply, (), Usage(3, 4), "stop"),
        at(kinds.TaskCompleted, "run/task-0", 2.0, name, name, reply),
        at(kinds.CrewKickoffCompleted, "run", 2.1, name, reply),
    ]


def report_on(*culprits: tuple[Cause, float, float, str]) -> OverlapReport:
    """Return a report whose culprits were at work from when to when, in which run."""
    return OverlapReport(
        runs=2,
        calls=6,
        wall_s=4.0,
        ideal_s=2.0,
        overlap=1.5,
        peak=2,
        in_flight=((1000.0, 1),),
        culprits=tuple(
            Culprit(
                cause=cause,
                file="/srv/app.py",
                line=12 + number,
                function="handle",
                lost_s=to_s - from_s,
                times=1,
                what="synchronous code ran on the event loop",
                instead="await asyncio.sleep(...)",
                at=(Span(from_s, to_s, run_id),),
            )
            for number, (cause, from_s, to_s, run_id) in enumerate(culprits)
        ),
    )
