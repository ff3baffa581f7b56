"""A run of one agent without a crew: what Agent.kickoff and its like open."""

from __future__ import annotations

from collections.abc import Callable

from aiocrew.agent.loop import perform
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment
from aiocrew.agent.record import AgentAnswer
from aiocrew.agent.run_frame import RunFrame
from aiocrew.errors import Location
from aiocrew.tools.calls import ToolMemory
from aiocrew.types.context import RunContext, RunOptions
from aiocrew.types.events import LiteAgentExecutionCompleted, LiteAgentExecutionError, LiteAgentExecutionStarted
from aiocrew.types.paths import child
from aiocrew.types.ports import EventSink

__all__ = ["SoloRun"]


class SoloRun(RunFrame[AgentAnswer]):
    """The work of one agent on one assignment; it is carried out once."""

    __slots__ = ("_assignment", "_planned", "_role", "_sinks")

    def __init__(
        self,
        role: str,
        planned: Callable[[], AgentPlan],
        assignment: Assignment,
        options: RunOptions | None,
        sinks: tuple[EventSink, ...] = (),
    ) -> None:
        """`planned` gives the plan: it may fail, which then fails the run. Raises BlueprintError for bad options."""
        super().__init__(options)
        self._role = role
        self._planned = planned
        self._assignment = assignment
        self._sinks = sinks

    def _name(self) -> str:
        return self._role

    def _at(self) -> Location:
        return Location(agent=self._role)

    def _own_readers(self) -> tuple[EventSink, ...]:
        return self._sinks

    async def _work(self, run: RunContext) -> AgentAnswer:
        return await perform(self._planned(), self._assignment, run, child(run.root, "agent"), ToolMemory())

    def _tell_begun(self, run: RunContext, outer: str) -> None:
        run.tell(LiteAgentExecutionStarted, run.root, run.crew, outer)

    def _tell_completed(self, run: RunContext, result: AgentAnswer) -> None:
        run.tell(LiteAgentExecutionCompleted, run.root, run.crew, result.text)

    def _tell_failed(self, run: RunContext, error: str, cancelled: bool) -> None:
        run.tell(LiteAgentExecutionError, run.root, run.crew, error, cancelled)
