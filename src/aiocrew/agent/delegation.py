"""Handing work to co-workers: the two tools, within a run and by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, ClassVar, Self, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.agent.coworkers import Coworker, coworker_named
from aiocrew.agent.loop import perform
from aiocrew.agent.plan import AgentPlan, plan_agent
from aiocrew.agent.prompt import Assignment
from aiocrew.agent.solo import SoloRun
from aiocrew.errors import AgentError, AiocrewError, DeadlineExceededError
from aiocrew.tools.base import BaseTool
from aiocrew.tools.calls import ToolMemory
from aiocrew.tools.composite import CompositeTool, ToolScope, Worked
from aiocrew.tools.form import name_choices
from aiocrew.tools.toolbox import extended
from aiocrew.types.events import DelegationCompleted, DelegationFailed, DelegationStarted
from aiocrew.types.paths import Path, child

__all__ = ["AgentTools", "delegating"]

_ANSWER = "the complete answer for the colleague who asks, who knows nothing but what you write"


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="ignore")

    coworker: str = Field(default="", description="the role of the co-worker")
    context: str = Field(default="", description="all that the co-worker needs to know: it sees nothing else")

    @model_validator(mode="before")
    @classmethod
    def _take_other_spellings(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        spelled = next((name for name in ("co_worker", "co-worker", "coWorker") if name in given), None)
        return given if spelled is None else {"coworker": given[spelled], **given}

    @field_validator("coworker", "context", mode="before")
    @classmethod
    def _take_anything(cls, value: Any) -> Any:
        # Models write lists of one role, numbers, null.
        if isinstance(value, list | tuple):
            return ", ".join(str(item) for item in cast("list[Any]", value))
        return "" if value is None else str(value)


class _DelegateArguments(_Arguments):
    task: str = Field(description="what is to be done, as a whole")


class _AskArguments(_Arguments):
    question: str = Field(description="the question")


class _Delegation(CompositeTool, BaseTool):
    """What both tools do: find the co-worker, and have it work within the run."""

    subject: ClassVar[str]
    """The argument that says what is to be done."""

    _coworkers: tuple[Coworker, ...] = PrivateAttr(default=())

    def among(self, coworkers: Sequence[Coworker]) -> Self:
        """Return this tool for `coworkers`."""
        tool = self.model_copy()
        tool._coworkers = tuple(coworkers)
        return tool

    async def work_in(self, scope: ToolScope, memory: ToolMemory, path: Path, values: dict[str, Any]) -> Worked:
        coworker = coworker_named(self._coworkers, values["coworker"])
        if coworker is None:
            return Worked(_nobody(values["coworker"], self._coworkers), ok=False)
        run, me, work = scope.run, scope.agent, values[self.subject]
        run.tell(DelegationStarted, path, me, coworker.role, work)
        others = [other for other in self._coworkers if other is not coworker]
        plan = delegating(coworker.plan(), others if coworker.delegates else ())
        try:
            answer = await perform(plan, _assignment(work, values), run, child(path, "coworker"), memory)
        except (AiocrewError, asyncio.CancelledError) as error:
            run.tell(DelegationFailed, path, me, coworker.role, repr(error))
            if isinstance(error, AgentError | DeadlineExceededError):
                # Whoever asked can do without, or ask another one.
                return Worked(f"{coworker.role} could not do it: {error.message}", ok=False)
            raise
        run.tell(DelegationCompleted, path, me, coworker.role, answer.text)
        return Worked(answer.text)

    async def _arun(self, **values: Any) -> str:
        """Have the co-worker do it in a run of its own, where nobody's run is under way."""
        coworker = coworker_named(self._coworkers, values["coworker"])
        if coworker is None:
            return _nobody(values["coworker"], self._coworkers)
        assignment = _assignment(values[self.subject], values)
        return (await SoloRun(coworker.role, coworker.plan, assignment, None).carry_out()).text


class _Delegate(_Delegation):
    subject = "task"


class _Ask(_Delegation):
    subject = "question"


def _assignment(work: str, values: Mapping[str, Any]) -> Assignment:
    context: str = values["context"]
    return Assignment(work, _ANSWER, (context,) if context.strip() else ())


def _nobody(name: str, coworkers: Sequence[Coworker]) -> str:
    roles = "\n".join(f"- {coworker.role}" for coworker in coworkers)
    return f"There is no co-worker {name!r}, so nothing was done. Name one of these:\n{roles}"


@lru_cache(maxsize=256)
def _prototypes(roles: tuple[str, ...]) -> tuple[_Delegation, _Delegation]:
    """Return the two tools for co-workers of these roles, without the co-workers: what takes long to make."""
    whom = f"Your co-workers: {'; '.join(roles)}."
    delegate = _Delegate(
        name="Delegate work to coworker",
        description=f"Have a co-worker do a piece of work and give you the result. {whom}",
        args_schema=_DelegateArguments,
    )
    question = _Ask(
        name="Ask question to coworker",
        description=f"Ask a co-worker a question and get the answer. {whom}",
        args_schema=_AskArguments,
    )
    for tool in (delegate, question):
        name_choices(tool, "coworker", roles)
    return delegate, question


def _tools(coworkers: Sequence[Coworker]) -> list[BaseTool]:
    prototypes = _prototypes(tuple(coworker.role for coworker in coworkers))
    return [prototype.among(coworkers) for prototype in prototypes]


def delegating(plan: AgentPlan, coworkers: Iterable[Coworker]) -> AgentPlan:
    """Return `plan` with the tools to hand work to `coworkers`; unchanged where there are none.

    A co-worker that may hand work on can give it to those only who are not in the chain yet, so a chain ends.
    """
    others = tuple(coworkers)
    if not others:
        return plan
    return msgspec.structs.replace(plan, toolbox=extended(plan.toolbox, _tools(others)))


def _plan_alone(agent: AgentBlueprint) -> AgentPlan:
    # Without tools of this kind: two agents that have each other's would hand work to and fro without end.
    tools = [tool for tool in agent.tools if not isinstance(tool, _Delegation)]
    return plan_agent(agent, tools, None, step_callback=None, cache=False)


class AgentTools:
    """The two tools that hand work to `agents`, for use without a crew: `AgentTools(agents=[...]).tools()`."""

    def __init__(self, agents: Sequence[AgentBlueprint], **unused: Any) -> None:
        self._coworkers = [Coworker(agent.role, partial(_plan_alone, agent)) for agent in agents]

    def tools(self) -> list[BaseTool]:
        """Return "Delegate work to coworker" and "Ask question to coworker"."""
        return _tools(self._coworkers)
