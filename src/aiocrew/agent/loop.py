"""The one loop that awaits: ask the model, do what follows, until there is an answer."""

from __future__ import annotations

from typing import assert_never

from aiocrew.agent import text_protocol
from aiocrew.agent.asking import ask
from aiocrew.agent.callbacks import run_callback
from aiocrew.agent.decide import CallTools, Finish, Refuse, Repair, Turn, next_step
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment, closing_words, correction, opening
from aiocrew.agent.record import AgentAction, AgentAnswer, AgentFinish
from aiocrew.aio.limits import time_limit
from aiocrew.errors import DeadlineExceededError, ModelRefusedError, UnusableReplyError
from aiocrew.tools.calls import CallResult, ToolMemory, ToolScope, run_calls
from aiocrew.types.context import RunContext
from aiocrew.types.events import ReplyRepaired
from aiocrew.types.messages import Assistant, Message, Reply, Request, ToolResult, User
from aiocrew.types.paths import Path, child

__all__ = ["perform"]

_HOPELESS = 3
"""So many replies in a row with one and the same fault, and no correction will help: each of them is paid for."""


async def perform(
    plan: AgentPlan, assignment: Assignment, run: RunContext, path: Path, memory: ToolMemory
) -> AgentAnswer:
    """Return what the agent answers to `assignment`.

    A reply that corrections could not cure starts the task anew, up to max_retry_limit times; tool calls that it had
    finished are not run again. Raises UnusableReplyError, ModelRefusedError, DeadlineExceededError, CallbackError, and
    what the model raises.
    """
    if plan.max_execution_time is None:
        return await _attempts(plan, assignment, run, path, memory)
    async with time_limit(plan.max_execution_time, lambda: _too_long(plan)):
        return await _attempts(plan, assignment, run, path, memory)


async def _attempts(
    plan: AgentPlan, assignment: Assignment, run: RunContext, path: Path, memory: ToolMemory
) -> AgentAnswer:
    ran: list[CallResult] = []
    for retry in range(plan.max_retry_limit):
        try:
            return await _Attempt(plan, run, path, retry, memory, ran).answer(assignment)
        except UnusableReplyError:
            memory.replay(path)
    return await _Attempt(plan, run, path, plan.max_retry_limit, memory, ran).answer(assignment)


def _too_long(plan: AgentPlan) -> DeadlineExceededError:
    seconds = plan.max_execution_time or 0.0
    return DeadlineExceededError(f"the task took longer than max_execution_time={seconds:g} s", limit_s=seconds)


class _Attempt:
    """One conversation of an agent with its model."""

    def __init__(
        self, plan: AgentPlan, run: RunContext, path: Path, retry: int, memory: ToolMemory, ran: list[CallResult]
    ) -> None:
        self._ran = ran
        self._plan = plan
        self._run = run
        self._task_path = path
        self._path = child(path, f"retry-{retry}") if retry else path
        self._memory = memory
        self._in_text = plan.model.tool_protocol == "text"
        self._transcript: list[Message] = []

    async def answer(self, assignment: Assignment) -> AgentAnswer:
        plan = self._plan
        text_tools = plan.toolbox.specs if self._in_text else ()
        self._transcript = opening(plan.persona, assignment, text_tools, use_system_prompt=plan.use_system_prompt)
        problem, repeated, number = "", 0, 0
        for number in range(plan.max_iter + 1):
            closing = number == plan.max_iter
            path = child(self._path, f"turn-{number}")
            request = self._request(closing)
            reply = await ask(plan, request, self._run, child(path, "model"))
            step = next_step(Turn(plan.toolbox, plan.model.tool_protocol, closing), reply)
            match step:
                case Finish(thought=thought, output=output):
                    return await self._finish(path, AgentFinish(thought, output, reply.text))
                case CallTools() as asked:
                    answer = await self._call_tools(path, reply, asked)
                    if answer is not None:
                        return await self._finish(path, AgentFinish(asked.thought, answer, reply.text))
                case Repair(problem=found):
                    problem, repeated = found, repeated + 1 if found == problem else 1
                    if repeated == _HOPELESS:
                        break
                    self._repair(path, reply, problem)
                case Refuse(refusal=refusal):
                    raise ModelRefusedError(f"{plan.model.name} declined to answer: {refusal}", refusal=refusal)
                case _:
                    assert_never(step)
        raise UnusableReplyError(
            f"{plan.model.name} gave no usable answer in {number + 1} replies; the last one: {problem}"
        )

    def _request(self, closing: bool) -> Request:
        if closing:
            self._transcript.append(closing_words())
        tools = () if self._in_text else self._plan.toolbox.specs
        return Request(tuple(self._transcript), tools, "none" if closing else "auto")

    def _repair(self, path: Path, reply: Reply, problem: str) -> None:
        run = self._run
        run.emit(ReplyRepaired(run.run_id, path, run.now_s(), self._plan.name, problem))
        if reply.text.strip():  # providers refuse an empty message in the transcript
            self._transcript.append(Assistant(reply.text, (), reply.opaque))
        self._transcript.append(correction(problem))

    async def _call_tools(self, path: Path, reply: Reply, asked: CallTools) -> str | None:
        """Carry out the calls; return the answer if one of them is it."""
        scope = ToolScope(self._run, path, self._plan.name, self._plan.cache, self._task_path)
        results = await run_calls(asked.calls, self._plan.toolbox, self._memory, scope)
        self._ran.extend(result for result in results if result.ran)
        if asked.in_text:
            self._transcript.append(Assistant(text_protocol.without_results(reply.text), (), reply.opaque))
            self._transcript.extend(User(text_protocol.observation(result.text)) for result in results)
        else:
            self._transcript.append(reply.message())
            self._transcript.extend(
                ToolResult(call.id, call.name, result.text) for call, result in zip(asked.calls, results, strict=True)
            )
        await self._tell_of_calls(path, reply, asked, results)
        return next((result.text for result in results if result.as_answer), None)

    async def _tell_of_calls(self, path: Path, reply: Reply, asked: CallTools, results: list[CallResult]) -> None:
        callback = self._plan.step_callback
        if callback is None:
            return
        for number, (call, result) in enumerate(zip(asked.calls, results, strict=True)):
            action = AgentAction(asked.thought, result.name, call.arguments, reply.text, result.text)
            await run_callback(self._run, child(path, f"step_callback-{number}"), callback, action)

    async def _finish(self, path: Path, finish: AgentFinish) -> AgentAnswer:
        if self._plan.step_callback is not None:
            await run_callback(self._run, child(path, "step_callback"), self._plan.step_callback, finish)
        results = [{"result": r.text, "tool_name": r.name, "tool_args": r.tool_args()} for r in self._ran]
        return AgentAnswer(finish.output, results)
