"""Puts the events of an account's runs into lines, and writes them; only the desk's thread calls it.

What is said of an event is pure: the event, and what is known of its run, give lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, TextIO, TypeAlias

from aiocrew.console import telling_calls, telling_runs, telling_tasks
from aiocrew.console.lines import Line
from aiocrew.console.pages import page_of
from aiocrew.console.stories import RunNames, Story
from aiocrew.console.wording import counted, said
from aiocrew.types import events
from aiocrew.types.events import CrewKickoffStarted, Event, FlowStarted, LiteAgentExecutionStarted

__all__ = ["TOLD", "Narrator", "lines_about", "matching"]

_PLACEHOLDER = re.compile(r"\\\{[^\W\d]\w*\\\}")
_MOST_STORIES = 10_000
"""Beyond that many, the run that began first is forgotten: the end of one that was cut off is never told."""
_NAMES = RunNames()


class Narrator:
    """The runs of one account, and how far each of them is."""

    def __init__(self, only: Collection[str] | None) -> None:
        self._only = None if only is None else [matching(role) for role in only]
        self._stories: dict[str, Story] = {}

    def write(self, event: Event, stream: TextIO, left_out: int, *, ends: bool = False) -> None:
        """Write what there is to say of `event`, which `ends` its run; and that `left_out` before it were not read."""
        if left_out:
            lost = f"{counted(left_out, 'event')} left out here: more came than could be written"
            page_of(stream).write(_NAMES.of(""), (said("⧗", "warning", lost),))
        lines = self._lines(event, ends)
        if lines:
            page_of(stream).write(_NAMES.of(event.run_id), lines)

    def _lines(self, event: Event, ends: bool) -> tuple[Line, ...]:
        match event:
            case CrewKickoffStarted(crew=name, inputs=inputs) | FlowStarted(flow=name, inputs=inputs):
                _NAMES.begin(event.run_id, name, event.outer, inputs)
            case LiteAgentExecutionStarted(agent=name):
                _NAMES.begin(event.run_id, name, event.outer)
            case _:
                pass
        if ends:
            story = self._stories.pop(event.run_id, None) or Story()
        else:
            story = self._stories.setdefault(event.run_id, Story())
            if len(self._stories) > _MOST_STORIES:
                del self._stories[next(iter(self._stories))]
        lines = lines_about(story, event)
        return lines if self._only is None or _is_of(event, story, self._only) else ()


def _is_of(event: Event, story: Story, roles: list[re.Pattern[str]]) -> bool:
    agent = getattr(event, "agent", "") or story.agent_at(event.path)
    return any(role.fullmatch(agent) for role in roles)


def matching(role: str) -> re.Pattern[str]:
    """Return what matches `role` with its placeholders filled in."""
    return re.compile(_PLACEHOLDER.sub(".*", re.escape(role.strip())), re.DOTALL)


Tells: TypeAlias = Callable[[Story, Any], tuple[Line, ...]]

TOLD: Mapping[type[Any], Tells] = MappingProxyType(
    {
        events.CrewKickoffStarted: telling_runs.crew_started,
        events.CrewKickoffCompleted: telling_runs.crew_done,
        events.CrewKickoffFailed: telling_runs.crew_failed,
        events.LiteAgentExecutionStarted: telling_runs.agent_started,
        events.LiteAgentExecutionCompleted: telling_runs.agent_done,
        events.LiteAgentExecutionError: telling_runs.agent_failed,
        events.FlowStarted: telling_runs.flow_started,
        events.FlowFinished: telling_runs.flow_done,
        events.FlowFailed: telling_runs.flow_failed,
        events.MethodExecutionStarted: telling_runs.method_started,
        events.MethodExecutionFinished: telling_runs.method_done,
        events.MethodExecutionFailed: telling_runs.method_failed,
        events.BatchHeld: telling_runs.batch_held,
        events.LoopBlocked: telling_runs.loop_blocked,
        events.TaskStarted: telling_tasks.task_started,
        events.TaskCompleted: telling_tasks.task_done,
        events.TaskFailed: telling_tasks.task_failed,
        events.TaskSkipped: telling_tasks.task_skipped,
        events.AgentExecutionStarted: telling_tasks.agent_at_work,
        events.ReplyRepaired: telling_tasks.reply_repaired,
        events.LLMGuardrailCompleted: telling_tasks.guardrail_judged,
        events.HumanFeedbackRequested: telling_tasks.human_asked,
        events.HumanFeedbackReceived: telling_tasks.human_said,
        events.DelegationStarted: telling_tasks.work_handed_on,
        events.DelegationCompleted: telling_tasks.work_came_back,
        events.DelegationFailed: telling_tasks.work_failed,
        events.CallbackFailed: telling_tasks.callback_failed,
        events.ThreadAbandoned: telling_tasks.thread_abandoned,
        events.LLMCallStarted: telling_calls.model_asked,
        events.LLMCallQueued: telling_calls.call_waits,
        events.LLMCallSent: telling_calls.call_sent,
        events.LLMCallRetried: telling_calls.call_retried,
        events.LLMCallCompleted: telling_calls.model_replied,
        events.LLMCallFailed: telling_calls.call_failed,
        events.ToolUsageStarted: telling_calls.tool_called,
        events.ToolUsageFinished: telling_calls.tool_gave,
        events.ToolUsageError: telling_calls.tool_failed,
    }
)
"""What is said of each kind of event; what is read and not said only changes the story."""


def lines_about(story: Story, event: Event) -> tuple[Line, ...]:
    """Return what is to be said of `event`, and keep in `story` what later events need."""
    tells = TOLD.get(type(event))
    return () if tells is None else tells(story, event)
