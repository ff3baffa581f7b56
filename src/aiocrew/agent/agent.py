"""An agent, and the doors to runs of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.aio.blocking import run_blocking
from aiocrew.types.context import RunOptions
from aiocrew.types.messages import Message
from aiocrew.types.outputs import LiteAgentOutput

if TYPE_CHECKING:
    from aiocrew.agent.event_stream import EventStream
    from aiocrew.agent.prompt import Assignment

__all__ = ["Agent", "AnyTask"]


class AnyTask(Protocol):
    """A task, as an agent that is to do it by itself sees it."""

    @property
    def own_tools(self) -> list[Any]: ...

    def assignment(self, context: str | None, agent: AgentBlueprint) -> Assignment: ...


class Agent(AgentBlueprint):
    """Who works on a task. One agent may stand in any number of crews that run at once: runs keep no state in it.

    role, goal, backstory: who the model is to be; {placeholders} are filled from a run's inputs.
    llm: "provider/model", an LLM, an object with `async reply(request)`, with CrewAI's `call` or LangChain's `invoke`;
        None is the default model (OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini).
    tools: what it may call; a task's own tools take their place.
    max_iter: model replies before it must answer with what it has.
    max_execution_time: seconds for one task; when they are over the call in flight is ended.
    max_retry_limit: how often a task starts anew after a reply that corrections could not cure.
    max_rpm: model calls that it may make a minute, in all its runs together; retries count.
    step_callback: called after every tool call (AgentAction) and with the answer (AgentFinish); plain or async.
    allow_delegation: it may hand work, and questions, to the other agents of its crew.
    guardrail: for `kickoff` of the agent itself: a function (output) -> (bool, value), or a rule in words that a model
        judges by. What it rejects is answered anew, guardrail_max_retries times; then GuardrailError.
    function_calling_llm: brings answers into their form where `llm` does not manage to; a weaker model is enough.
    cache_handler: keeps results of tool calls beyond a run.
    system_template, prompt_template, response_template: for models that want their prompt written in another way, with
        "{{ .System }}", "{{ .Prompt }}" and "{{ .Response }}" in them. What stands behind the last ends a reply.
    cache: results of its tool calls may be reused within a run, where the crew's `cache` is on too.
    use_system_prompt: False puts what would be the system message into the user's.
    verbose: an account of what it does, on stderr.

    `tools_results` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    model_config = ConfigDict(defer_build=False)

    async def kickoff_async(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        response_format: type[BaseModel] | None = None,
        *,
        options: RunOptions | None = None,
    ) -> LiteAgentOutput:
        """Return what the agent answers, without a crew, to a text or to a conversation of {"role", "content"}.

        response_format: the class that `.pydantic` of the answer is to be an instance of.
        Raises one error that names the agent: see aiocrew.errors.
        """
        from aiocrew.agent.doors import answer_messages

        return await answer_messages(self, messages, response_format, options)

    akickoff = kickoff_async

    def stream(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        response_format: type[BaseModel] | None = None,
        *,
        options: RunOptions | None = None,
    ) -> EventStream[LiteAgentOutput]:
        """Return the events of a run of the agent without a crew, to iterate with `async for`; see EventStream."""
        from aiocrew.agent.event_stream import EventStream

        return EventStream(partial(self.kickoff_async, messages, response_format, options=options))

    def kickoff(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        response_format: type[BaseModel] | None = None,
        *,
        options: RunOptions | None = None,
    ) -> LiteAgentOutput:
        """Return what kickoff_async returns, for code that cannot await."""
        return run_blocking(
            "kickoff",
            lambda: self.kickoff_async(messages, response_format, options=options),
            instead="agent.kickoff_async",
        )

    async def aexecute_task(self, task: AnyTask, context: str | None = None, tools: Sequence[Any] | None = None) -> str:
        """Return what the agent answers to one task, without a crew; `tools` in place of the task's and its own."""
        from aiocrew.agent.doors import do_assignment

        return await do_assignment(self, task.assignment(context, self), tools or task.own_tools)

    def execute_task(self, task: AnyTask, context: str | None = None, tools: Sequence[Any] | None = None) -> str:
        """Return what aexecute_task returns, for code that cannot await."""
        return run_blocking(
            "execute_task", lambda: self.aexecute_task(task, context, tools), instead="agent.aexecute_task"
        )
