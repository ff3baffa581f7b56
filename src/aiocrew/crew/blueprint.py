"""The blueprint of a crew: its agents, its tasks, and how they are led."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import md5
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast
from uuid import UUID, uuid4

from pydantic import ConfigDict, Field, field_validator, model_validator

from aiocrew.agent.absent import INSTEAD_OF_CREW_FIELDS
from aiocrew.agent.agent import Agent
from aiocrew.console.account import ConsoleAccount
from aiocrew.crew.config import with_parts_of_config
from aiocrew.crew.doors import warn_of_passed_doors
from aiocrew.crew.graph import Node, Shape, task_graph
from aiocrew.crew.manager import manager_with
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.models.foreign import adopted
from aiocrew.models.readiness import load_client
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.ports import EventSink
from aiocrew.types.terms import Pace
from aiocrew.types.usage import UsageMetrics

__all__ = ["CrewBlueprint"]

if TYPE_CHECKING:
    from aiocrew.crew.conditional import ConditionalTask

    AnyTask: TypeAlias = Task[Any]
else:
    AnyTask = Task  # pydantic would copy a Task into a Task[Any]

_OFF = (None, False)
_MANAGER = "_made_manager"


class CrewBlueprint(Blueprint):
    """What people write of a crew; Crew adds its doors and says what the fields mean."""

    # Nobody makes one: its subclass is what is validated.
    model_config = ConfigDict(defer_build=True, validate_by_name=True, validate_by_alias=True)

    # Slots: no part of what a crew is, so that copies have their own.
    __slots__ = ("_draft", "_pace")

    agents: list[Agent] = Field(default_factory=list[Agent])
    tasks: list[AnyTask] = Field(default_factory=list[AnyTask])
    process: Process = Process.sequential
    manager_llm: Any = None
    manager_agent: Agent | None = None
    function_calling_llm: Any = None
    verbose: bool = False
    step_callback: Callable[..., Any] | None = None
    task_callback: Callable[..., Any] | None = None
    before_kickoff_callbacks: list[Callable[..., Any]] = Field(default_factory=list[Callable[..., Any]])
    after_kickoff_callbacks: list[Callable[..., Any]] = Field(default_factory=list[Callable[..., Any]])
    cache: bool = False
    max_rpm: int | None = Field(default=None, ge=1)
    name: str = "crew"
    # Its keyword is CrewAI's; the attribute of that name is the door to a run's events as well.
    streams: bool = Field(default=False, alias="stream")
    config: dict[str, Any] | None = Field(default=None, exclude=True)
    usage_metrics: UsageMetrics | None = Field(default=None, exclude=True)

    instead: ClassVar[Mapping[str, str]] = INSTEAD_OF_CREW_FIELDS
    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "chat_llm": (None,),
        "checkpoint": _OFF,
        "checkpoint_inputs": (None,),
        "checkpoint_train": _OFF,
        "embedder": (None,),
        "execution_context": (None,),
        "execution_logs": (None, []),
        "knowledge": (None,),
        "knowledge_sources": (None, []),
        "long_term_memory": (None,),
        "entity_memory": (None,),
        "short_term_memory": (None,),
        "memory": _OFF,
        "output_log_file": _OFF,
        "planning": _OFF,
        "planning_llm": (None,),
        "prompt_file": (None,),
        "security_config": (None,),
        "share_crew": _OFF,
        "skills": (None,),
        "task_execution_output_json_files": (None,),
        "tool_failure_policy": (None,),
        "tracing": _OFF,
        "trained_agents_file": (None,),
    }

    @model_validator(mode="before")
    @classmethod
    def _take_config(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        if given.get("config") is not None:
            given = with_parts_of_config(given)
            given["config"] = _with_streams(given["config"])
        return _with_streams(given)

    @field_validator("streams", mode="before")
    @classmethod
    def _take_no_stream(cls, value: Any) -> Any:
        return False if value is None else value

    @field_validator("verbose", mode="before")
    @classmethod
    def _take_levels(cls, value: Any) -> Any:
        return bool(value) if isinstance(value, int) or value is None else value

    @field_validator("name", mode="before")
    @classmethod
    def _take_no_name(cls, value: Any) -> Any:
        return "crew" if value is None else value

    @field_validator("manager_llm", "function_calling_llm", mode="before")
    @classmethod
    def _take_llm(cls, value: Any) -> Any:
        return None if value is None else adopted(value)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.agents and not self.tasks:
            raise BlueprintError("a crew has no tasks and no agents: give it agents=[...] and tasks=[...]")
        self.graph()
        for part, base in [*((agent, Agent) for agent in self.everyone()), *((task, Task) for task in self.tasks)]:
            if type(part) is not base:
                warn_of_passed_doors(type(part), base)
        for llm in self.models():
            load_client(llm)
        return self

    def everyone(self) -> list[Agent]:
        """Return all agents: those of the crew, of its tasks, and its manager; some may stand there twice."""
        manager = [] if self.manager_agent is None else [self.manager_agent]
        return [*self.agents, *(task.agent for task in self.tasks if task.agent is not None), *manager]

    def models(self) -> list[Any]:
        """Return what stands in llm= of all agents, and beside them."""
        everyone = self.everyone()
        others = [self.manager_llm, self.function_calling_llm, *(agent.function_calling_llm for agent in everyone)]
        return [agent.llm for agent in everyone] + [llm for llm in others if llm is not None]

    def doer(self, task: Task[Any]) -> Agent | None:
        """Return who does `task`: its own agent, or the manager of a hierarchical crew."""
        return self._manager() if self.process == Process.hierarchical else task.agent

    def _manager(self) -> Agent:
        if self.manager_agent is not None:
            return self.manager_agent
        made: tuple[Any, Agent] | None = vars(self).get(_MANAGER)
        if made is None or made[0] is not self.manager_llm:
            made = vars(self)[_MANAGER] = (self.manager_llm, manager_with(self.manager_llm))
        return made[1]

    @cached_property
    def id(self) -> UUID:
        """An id of this blueprint, for people; no run reads it."""
        return uuid4()

    @property
    def key(self) -> str:
        """What tells crews apart by the texts of their agents and tasks, as CrewAI makes it."""
        keys = [*(agent.key for agent in self.agents), *(task.key for task in self.tasks)]
        return md5("|".join(keys).encode(), usedforsecurity=False).hexdigest()

    def pace(self) -> Pace | None:
        """Return what keeps to max_rpm, one and the same for all runs; None without it."""
        if self.max_rpm is None:
            return None
        # Here, because hardly anybody sets it, and what it needs takes a while to load.
        from aiocrew.admission.pace import pace_of

        return pace_of(self, self.max_rpm)

    def readers(self) -> tuple[EventSink, ...]:
        """Return the readers of events that the crew's own settings ask for."""
        if self.verbose:
            return (ConsoleAccount(),)
        roles = self._verbose_roles()
        return (ConsoleAccount(only=roles),) if roles else ()

    def _verbose_roles(self) -> list[str]:
        # Every run asks, so this is not one list of everyone, to be looked through afterwards.
        roles = [agent.role for agent in self.agents if agent.verbose]
        roles += [task.agent.role for task in self.tasks if task.agent is not None and task.agent.verbose]
        if self.manager_agent is not None and self.manager_agent.verbose:
            roles.append(self.manager_agent.role)
        return roles

    def graph(self) -> tuple[Node, ...]:
        """Return the graph of the tasks as they stand now.

        Raises BlueprintError for a task that nobody does, for a context or a condition that cannot be, and for a
        hierarchical crew without a manager.
        """
        led = self.process == Process.hierarchical
        if led:
            self._check_manager()
        positions = {id(task): position for position, task in enumerate(self.tasks)}
        shapes: list[Shape] = []
        for position, task in enumerate(self.tasks):
            if task.agent is None and not led:
                raise BlueprintError(f"task {task.label!r} has no agent: give it agent=...")
            if task.is_conditional:
                _check_conditional(task, position)
            shapes.append(Shape(task.async_execution, _context_of(task, positions), task.is_conditional))
        return task_graph(tuple(shapes))

    def _check_manager(self) -> None:
        manager = self.manager_agent
        if manager is None and self.manager_llm is None:
            raise BlueprintError("a hierarchical crew needs a manager: give it manager_llm=... or manager_agent=...")
        if manager is not None and any(agent is manager for agent in self.agents):
            raise BlueprintError(f"manager_agent {manager.role!r} must not stand in agents: it leads them")


def _with_streams(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords, `stream` under the name of its field."""
    if "stream" not in given:
        return dict(given)
    return {"streams": given["stream"], **{name: value for name, value in given.items() if name != "stream"}}


def _check_conditional(task: Task[Any], position: int) -> None:
    cast("ConditionalTask", task).check_condition()
    if not position:
        raise BlueprintError(f"task {task.label!r} is conditional and stands first: there is no output to judge by")
    if task.async_execution:
        raise BlueprintError(f"task {task.label!r} is conditional, so it cannot have async_execution")


def _context_of(task: Task[Any], positions: dict[int, int]) -> tuple[int, ...] | None:
    if task.context is None:
        return None
    own = positions[id(task)]
    for named in task.context:
        position = positions.get(id(named))
        if position is None:
            raise BlueprintError(
                f"task {task.label!r} has {named.label!r} in its context, which is no task of the crew: add it to tasks"
            )
        if position >= own:
            raise BlueprintError(
                f"task {task.label!r} has {named.label!r} in its context, which does not come before it: "
                "put that task earlier in the crew"
            )
    return tuple(positions[id(named)] for named in task.context)
