"""Puts the events of an account's runs into lines, and writes them; only the desk's thread calls it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TextIO

from aiocrew.console.kinds import ENDINGS
from aiocrew.console.lines import Line
from aiocrew.console.pages import page_of
from aiocrew.console.run_names import RunNames
from aiocrew.console.stories import Story
from aiocrew.console.telling import lines_about
from aiocrew.console.wording import counted, said
from aiocrew.types.events import CrewKickoffStarted, Event, FlowStarted, LiteAgentExecutionStarted

__all__ = ["Narrator", "matching"]

_PLACEHOLDER = re.compile(r"\\\{[^\W\d]\w*\\\}")
_NAMES = RunNames()


class Narrator:
    """The runs of one account, and how far each of them is."""

    def __init__(self, only: Collection[str] | None) -> None:
        self._only = None if only is None else [matching(role) for role in only]
        self._stories: dict[str, Story] = {}

    def write(self, event: Event, stream: TextIO, left_out: int) -> None:
        """Write what there is to say of `event`; and that `left_out` events before it were not read."""
        if left_out:
            lost = f"{counted(left_out, 'event')} left out here: more came than could be written"
            page_of(stream).write(_NAMES.of(""), (said("⧗", "warning", lost),))
        lines = self._lines(event)
        if lines:
            page_of(stream).write(_NAMES.of(event.run_id), lines)

    def _lines(self, event: Event) -> tuple[Line, ...]:
        match event:
            case CrewKickoffStarted(crew=name, inputs=inputs) | FlowStarted(flow=name, inputs=inputs):
                _NAMES.begin(event.run_id, name, event.outer, inputs)
            case LiteAgentExecutionStarted(agent=name):
                _NAMES.begin(event.run_id, name, event.outer)
            case _:
                pass
        if isinstance(event, ENDINGS):
            story = self._stories.pop(event.run_id, None) or Story()
        else:
            story = self._stories.setdefault(event.run_id, Story())
        lines = lines_about(story, event)
        return lines if self._only is None or _is_of(event, story, self._only) else ()


def _is_of(event: Event, story: Story, roles: list[re.Pattern[str]]) -> bool:
    agent = getattr(event, "agent", "") or story.agent_at(event.path)
    return any(role.fullmatch(agent) for role in roles)


def matching(role: str) -> re.Pattern[str]:
    """Return what matches `role` with its placeholders filled in."""
    return re.compile(_PLACEHOLDER.sub(".*", re.escape(role.strip())), re.DOTALL)
