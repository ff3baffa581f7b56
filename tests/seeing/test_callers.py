"""On whose behalf a line was carried out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiocrew.aio.watch import Frame
from aiocrew.seeing import wording
from aiocrew.seeing.blame import Blame, Caller, blame_for_block
from aiocrew.seeing.causes.callers import callers_in_words
from aiocrew.seeing.report import Cause, Span
from aiocrew.seeing.timeline import CallSpan, RunSpan, TaskSpan, Timeline
from aiocrew.types.paths import ROOT, Path
from aiocrew.types.places import PACKAGE

LOOP = (Frame(asyncio.events.__file__, 80, "_run"), Frame("/app/main.py", 99, "<module>"))
HELPER = Frame("/app/numbers.py", 3, "crunch")


def ours(name: str) -> Frame:
    return Frame(PACKAGE + name, 1, "f")


def user(function: str, line: int = 7) -> Frame:
    return Frame("/app/tools.py", line, function)


def timeline(*calls: CallSpan, labels: tuple[str, ...] = ("research",), written_at: str = "") -> Timeline:
    tasks = {
        Path(f"run/task-{n}"): TaskSpan(Path(f"run/task-{n}"), label, 0.0, (), (), written_at, 1.0)
        for n, label in enumerate(labels)
    }
    run = RunSpan("r", "crew", ROOT, "", None, 0.0, 1.0, calls={call.path: call for call in calls}, tasks=tasks)
    return Timeline({"r": run}, (), ())


def call(kind: Any, name: str, path: str = "run/task-0/x") -> CallSpan:
    return CallSpan(kind, Path(path), name, 0.0, 0.0, 1.0, ended=True)


def told(kind: str, function: str, timeline: Timeline) -> str:
    blame = Blame(Cause.BLOCKED_LOOP, HELPER, "", Caller(kind, user(function)))
    return callers_in_words([(blame, Span(0.2, 0.4))], timeline)


@pytest.mark.parametrize(
    ("outer", "caller"),
    [
        ((user("look_up"), ours("tools/calling.py"), ours("agent/loop.py")), Caller("tool", user("look_up"))),
        ((user("note"), ours("aio/functions.py"), ours("agent/callbacks.py")), Caller("callback", user("note"))),
        ((user("guard"), ours("agent/judging.py"), ours("agent/callbacks.py")), Caller("guardrail", user("guard"))),
        ((user("go"), ours("flow/run.py")), Caller("method", user("go"))),
        ((ours("tools/calling.py"), user("go"), ours("flow/run.py")), Caller("tool", HELPER)),
        ((user("reply"), ours("models/foreign_calls.py"), user("go"), ours("flow/run.py")), None),
        ((user("handler"),), None),
        ((user("emit"), ours("types/context.py"), user("go"), ours("flow/run.py")), None),
    ],
)
def test_the_function_that_aiocrew_called_is_known_by_the_stack(
    outer: tuple[Frame, ...], caller: Caller | None
) -> None:
    blame = blame_for_block((HELPER, *outer, *LOOP))
    assert blame is not None
    assert (blame.frame, blame.caller) == (HELPER, caller)


def test_a_tool_is_told_by_its_name_where_one_alone_was_called() -> None:
    assert told("tool", "_arun", timeline(call("tool", "Look up"))) == "the tool 'Look up'"


def test_of_several_tools_the_one_with_the_functions_name_is_told() -> None:
    both = timeline(call("tool", "Look up", "run/task-0/a"), call("tool", "Ask", "run/task-0/b"))
    assert told("tool", "look_up", both) == "the tool 'Look up'"
    assert told("tool", "_arun", both) == "a tool's function _arun"


def test_a_callback_is_told_with_its_task_where_it_is_of_one() -> None:
    noted = call("callback", "app.note", "run/task-0/callback")
    assert told("callback", "note", timeline(noted)) == "the callback note of the task 'research'"
    other = call("callback", "app.note", "run/task-1/callback")
    assert told("callback", "note", timeline(noted, other, labels=("bees", "ants"))) == "the callback note"
    placed = timeline(noted, other, labels=("bees", "ants"), written_at="/app/crew.py:12")
    assert told("callback", "note", placed) == "the callback note of the task in crew.py:12"


def test_a_line_that_was_called_by_many_names_three() -> None:
    blocks = [
        (Blame(Cause.BLOCKED_LOOP, HELPER, "", Caller("method", user(f"step_{n}"))), Span(n, n + 1)) for n in range(5)
    ]
    assert callers_in_words(blocks, timeline()) == (
        "the flow's method step_0, the flow's method step_1, the flow's method step_2 and 2 more"
    )


def test_nothing_is_told_where_one_caller_is_unknown() -> None:
    blocks = [
        (Blame(Cause.BLOCKED_LOOP, HELPER, "", Caller("method", user("step"))), Span(0, 1)),
        (Blame(Cause.BLOCKED_LOOP, HELPER, ""), Span(1, 2)),
    ]
    assert callers_in_words(blocks, timeline()) == ""


def test_a_line_of_the_tool_itself_stands_in_it_and_a_helpers_is_called_by_it() -> None:
    helper = Blame(Cause.BLOCKED_LOOP, HELPER, "", Caller("tool", user("look_up")))
    itself = Blame(Cause.BLOCKED_LOOP, user("look_up"), "", Caller("tool", user("look_up")))
    assert wording.blocked(helper.cause, helper, "the tool 'Ask'").endswith("going on, called by the tool 'Ask'")
    assert wording.blocked(itself.cause, itself, "the tool 'Ask'").endswith("going on, in the tool 'Ask'")
    assert "make the tool a plain `def`" in wording.instead_of_blocking(helper.cause, helper)
