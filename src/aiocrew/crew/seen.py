"""What stood in a crew's blueprints when somebody read them, and whether it still stands there.

Nobody tells of a change: lists change in place, and attributes can be set past any hook. So every run looks whether in
each field of each blueprint the very same stands as before: a third of what planning anew costs, and it misses nothing.
What only equals it will not do: an equal model is another one, and goes its own way from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import msgspec
from pydantic import BaseModel

from aiocrew.agent.agent import Agent
from aiocrew.agent.answer import class_of_model
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import AiocrewError
from aiocrew.models.lookup import ResolvedModel, resolve
from aiocrew.types.blueprint import Blueprint

__all__ = ["Seen", "look_at"]

_PUBLISHED = ("output", "tools_results", "usage_metrics")
"""Fields that runs write, and none reads; each blueprint has one of them."""


class _Fields(msgspec.Struct, frozen=True):
    """The fields of one blueprint, by their place in it."""

    values: list[Any]
    published: int

    def stand_in(self, part: Blueprint) -> bool:
        # A list of all values, which C makes and goes through: to ask for each by its name costs three times as much.
        now = [*part.__dict__.values()]
        if len(now) != len(self.values):
            return False
        now[self.published] = None
        return all(map(is_, now, self.values))


class _List(msgspec.Struct, frozen=True):
    items: list[Any]
    """The list itself, which stands in a field."""
    were: tuple[Any, ...]


class _Model(msgspec.Struct, frozen=True):
    llm: Any
    """What stands in llm=."""
    came_to: ResolvedModel
    form: type[BaseModel] | None
    """That of its answers, by its own response_format."""

    def stands(self) -> bool:
        # Its own fields change, too, and so does the environment.
        try:
            now, before = resolve(self.llm), self.came_to
        except AiocrewError:
            return False  # planning says so, where it comes to that model
        # Around a model of the user's own there is another record each time.
        is_same = now is before or (now.model is before.model and now == before)
        return is_same and class_of_model(self.llm) is self.form


class Seen(msgspec.Struct, frozen=True):
    """What stood in a crew's blueprints. The crew itself, which keeps this, is not in it: nothing goes in a circle."""

    of_crew: _Fields
    of_parts: tuple[tuple[Blueprint, _Fields], ...]
    lists: tuple[_List, ...]
    empty: tuple[list[Any], ...]
    """Lists of tools that were empty. Whoever has some is planned for each run."""
    models: tuple[_Model, ...]

    def stands_in(self, crew: CrewBlueprint) -> bool:
        """Return whether all of it is as it was."""
        if not self.of_crew.stand_in(crew):
            return False
        for part, fields in self.of_parts:
            if not fields.stand_in(part):
                return False
        for seen in self.lists:
            if len(seen.items) != len(seen.were) or not all(map(is_, seen.items, seen.were)):
                return False
        if any(self.empty):
            return False
        for model in self.models:  # noqa: SIM110 - a generator costs half as much again
            if not model.stands():
                return False
        return True


def look_at(crew: CrewBlueprint) -> Seen | None:
    """Return what stands in the blueprints of `crew`; None where no look at their fields would tell of all changes."""
    try:
        return _look_at(crew)
    except (AiocrewError, AttributeError, KeyError, StopIteration, TypeError):
        return None  # a field was deleted, or holds what it never may: planning says so, where it needs that field


def _look_at(crew: CrewBlueprint) -> Seen | None:
    # What a field refers to is looked at as it was read: another thread may change the field meanwhile.
    of_crew = dict(crew.__dict__)
    if not _is_sequential(of_crew):
        return None
    tasks: list[Task[Any]] = list(of_crew["tasks"])
    of_tasks = [dict(task.__dict__) for task in tasks]
    agents: list[Agent] = list({id(fields["agent"]): fields["agent"] for fields in of_tasks}.values())
    of_agents = [dict(agent.__dict__) for agent in agents]
    parts = [*tasks, *agents]
    if not all(_is_ours(type(part)) for part in (crew, *parts)):
        return None
    contexts = [fields["context"] for fields in of_tasks if fields["context"] is not None]
    return Seen(
        of_crew=_fields(of_crew),
        of_parts=tuple([(part, _fields(was)) for part, was in zip(parts, (*of_tasks, *of_agents), strict=True)]),
        lists=(_List(of_crew["tasks"], tuple(tasks)), *[_List(context, tuple(context)) for context in contexts]),
        empty=tuple([fields["tools"] for fields in (*of_tasks, *of_agents) if not fields["tools"]]),
        models=tuple([_Model(llm, resolve(llm), class_of_model(llm)) for llm in _llms(of_crew, of_agents)]),
    )


def _is_sequential(of_crew: dict[str, Any]) -> bool:
    """Return whether nobody leads the crew; a manager is checked, and maybe warned of, by each run."""
    no_manager = of_crew["manager_agent"] is None and of_crew["manager_llm"] is None
    return no_manager and of_crew["process"] == Process.sequential


def _is_ours(cls: type[Any]) -> bool:
    # A subclass of the user's may have properties and methods that say something else each time.
    return issubclass(cls, Blueprint) and cls.__module__.startswith("aiocrew.")


def _fields(was: dict[str, Any]) -> _Fields:
    values = list(was.values())
    published = next(place for place, name in enumerate(was) if name in _PUBLISHED)
    values[published] = None
    return _Fields(values, published)


def _llms(of_crew: dict[str, Any], of_agents: Sequence[dict[str, Any]]) -> list[Any]:
    converters = [fields["function_calling_llm"] for fields in (of_crew, *of_agents)]
    llms = [*[fields["llm"] for fields in of_agents], *[llm for llm in converters if llm is not None]]
    return list({id(llm): llm for llm in llms}.values())
