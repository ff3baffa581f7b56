"""What all runs of a crew have in common: read from its blueprints once, and again when those have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from aiocrew.agent.agent import Agent
from aiocrew.agent.plan import AgentPlan
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.graph import Node, is_chain
from aiocrew.crew.seen import Seen, look_at
from aiocrew.crew.task import Task
from aiocrew.crew.task_rules import takes_anything
from aiocrew.crew.team import Team
from aiocrew.errors import BlueprintError
from aiocrew.types.paths import ROOT, Path, child

__all__ = ["CrewDraft", "TaskDraft", "draft_of"]


# Drafts live as long as their crews, and callbacks in them may lead back to those: the collector has to see them.
class TaskDraft(msgspec.Struct, frozen=True):
    """What all runs read of a task. Its texts are not filled in."""

    written: Task[Any]
    """The blueprint: a run publishes the output to it when it has ended."""
    doer: Agent
    path: Path
    """Of a run that is inside no other one."""
    label: str
    name: str | None
    description: str
    expected_output: str
    output_file: str | None
    create_directory: bool
    callback: Callable[..., Any] | None
    condition: Callable[..., Any] | None
    markdown: bool
    takes_anything: bool
    """Whatever the agent says is the answer; else the rules depend on the texts that are filled in."""
    agent: AgentPlan | None
    """Who does it; None where that has to be planned for each run: he has tools, texts to be filled in, co-workers."""


class CrewDraft(msgspec.Struct, frozen=True):
    """What all runs read of a crew, as long as its blueprints are what they were."""

    tasks: tuple[TaskDraft, ...]
    nodes: tuple[Node, ...]
    is_chain: bool
    """Each task has to wait for the one before it."""
    written: tuple[Task[Any], ...]
    """The blueprints behind `tasks`."""
    doers: tuple[tuple[Agent, tuple[int, ...]], ...]
    """The agents, each with the positions of its tasks."""
    is_whole: bool
    """No agent has to be planned for each run."""
    seen: Seen | None
    """What stood in the blueprints; None where the next run has to draft anew."""

    def holds(self, crew: CrewBlueprint) -> bool:
        """Return whether `crew`, whose draft this is, is still what this was made from."""
        return self.seen is not None and self.seen.stands_in(crew)


def draft_of(crew: CrewBlueprint) -> CrewDraft:
    """Return the draft of `crew` as it stands now: from its second run on the one before, where that holds.

    Raises BlueprintError for a crew that cannot run, and what planning its agents raises.
    """
    kept: CrewDraft | None = getattr(crew, "_draft", None)
    if kept is not None and kept.holds(crew):
        return kept
    # Many a crew runs once and is thrown away: to look at it would take twice the time of planning it.
    draft = _draft(crew, look_at(crew) if hasattr(crew, "_draft") else None)
    # Where a field changed meanwhile, in another thread, there is no telling which of the two was read.
    object.__setattr__(crew, "_draft", draft if draft.holds(crew) else None)
    return draft


def _draft(crew: CrewBlueprint, seen: Seen | None) -> CrewDraft:
    if not crew.tasks:
        raise BlueprintError(f"crew {crew.name!r} has no tasks")
    nodes = crew.graph()
    # What is not kept is planned for each run as a whole.
    team = None if seen is None else Team(crew, None)
    tasks = tuple([_draft_task(crew, team, task, number) for number, task in enumerate(crew.tasks)])
    positions: dict[int, list[int]] = {}
    for number, task in enumerate(tasks):
        positions.setdefault(id(task.doer), []).append(number)
    return CrewDraft(
        tasks=tasks,
        nodes=nodes,
        is_chain=is_chain(nodes),
        written=tuple(crew.tasks),
        doers=tuple([(tasks[numbers[0]].doer, tuple(numbers)) for numbers in positions.values()]),
        is_whole=all(task.agent is not None for task in tasks),
        seen=seen,
    )


def _draft_task(crew: CrewBlueprint, team: Team | None, task: Task[Any], number: int) -> TaskDraft:
    doer = crew.doer(task)
    assert doer is not None, "graph() saw to it"
    return TaskDraft(
        written=task,
        doer=doer,
        path=child(ROOT, f"task-{number}"),
        label=task.label,
        name=task.name,
        description=task.description,
        expected_output=task.expected_output,
        output_file=task.output_file,
        create_directory=task.create_directory,
        callback=task.callback or crew.task_callback,
        condition=cast("Any", task).condition if task.is_conditional else None,
        markdown=task.markdown,
        takes_anything=takes_anything(task, doer.llm),
        agent=None if team is None or not _is_for_all_runs(doer, task) else team.plan_for(doer, task),
    )


def _is_for_all_runs(doer: Agent, task: Task[Any]) -> bool:
    """Return whether the plan of the agent who does `task` is the same whatever the inputs are."""
    # A tool's settings may change, and nothing that is looked at shows it.
    if doer.tools or task.tools or doer.allow_delegation:
        return False
    # One pace serves all crews of an agent, each of which sets it to what max_rpm says by then.
    if doer.max_rpm is not None:
        return False
    return not any("{" in text for text in (doer.role, doer.goal, doer.backstory))
