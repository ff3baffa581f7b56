"""What the doors of a single agent do. Loaded when the first of them is opened: crews have no need of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from aiocrew.agent.answer import AnswerRules, Guardrail, class_of_model, form_of_answer
from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.agent.plan import plan_agent
from aiocrew.agent.prompt import Assignment
from aiocrew.agent.record import AgentAnswer
from aiocrew.agent.solo import SoloRun
from aiocrew.aio.functions import name_of
from aiocrew.console.account import ConsoleAccount
from aiocrew.errors import BlueprintError
from aiocrew.models.conversation import messages_from
from aiocrew.models.message_dicts import dicts_of_messages
from aiocrew.models.readiness import client_loaded
from aiocrew.types.context import RunOptions
from aiocrew.types.messages import Assistant, Message
from aiocrew.types.outputs import LiteAgentOutput

__all__ = ["answer_messages", "do_assignment"]


async def answer_messages(
    agent: AgentBlueprint,
    messages: str | Sequence[Message | Mapping[str, Any]],
    response_format: type[BaseModel] | None,
    options: RunOptions | None,
) -> LiteAgentOutput:
    """Return what `agent` answers to a conversation; see Agent.kickoff_async."""
    if not messages or not isinstance(messages, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BlueprintError(f"kickoff() needs a text or a list of messages, not {messages!r}")
    rules = AnswerRules(
        form=form_of_answer(response_format or class_of_model(agent.llm)),
        guardrails=_guardrails(agent),
        output_of=lambda answer: LiteAgentOutput(raw=answer.text, pydantic=answer.value, agent_role=agent.role),
    )
    run = _run(agent, Assignment("", "", rules=rules, talk=messages_from(messages)), agent.tools, options)
    answer = await _carried_out(agent, run)
    return LiteAgentOutput(
        raw=answer.text,
        pydantic=answer.value,
        agent_role=agent.role,
        usage_metrics=run.usage.model_dump(),
        messages=dicts_of_messages([*answer.transcript, Assistant(answer.text)]),
    ).costed(run.spending)


async def do_assignment(agent: AgentBlueprint, assignment: Assignment, tools: Sequence[Any]) -> str:
    """Return what `agent` answers to one task, without a crew."""
    return (await _carried_out(agent, _run(agent, assignment, tools or agent.tools, None))).text


def _run(agent: AgentBlueprint, assignment: Assignment, tools: Sequence[Any], options: RunOptions | None) -> SoloRun:
    planned = partial(plan_agent, agent, tools, None, step_callback=None, cache=False)
    return SoloRun(agent.role, planned, assignment, options, (ConsoleAccount(),) if agent.verbose else ())


async def _carried_out(agent: AgentBlueprint, run: SoloRun) -> AgentAnswer:
    await client_loaded(agent.llm)  # a crew has done that; a single agent is first needed on a loop that others use
    answer = await run.carry_out()
    vars(agent)["tools_results"] = answer.tool_results
    return answer


def _guardrails(agent: AgentBlueprint) -> tuple[Guardrail, ...]:
    judge = agent.guardrail
    if judge is None:
        return ()
    name = "of the agent" if isinstance(judge, str) else name_of(judge)
    return (Guardrail(name, judge, agent.guardrail_max_retries),)
