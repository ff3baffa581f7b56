"""The one loop that awaits: ask the model, do what follows, until there is an answer that all agree to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, assert_never

import msgspec

from aiocrew.agent import text_protocol
from aiocrew.agent.answer import Answer, AnswerForm, AnswerRules
from aiocrew.agent.asking import ask
from aiocrew.agent.callbacks import run_callback
from aiocrew.agent.decide import CallTools, Finish, NextStep, Refuse, Repair, Turn, next_step, shaped
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment, closing_words, correction, opening
from aiocrew.agent.record import AgentAction, AgentAnswer, AgentFinish
from aiocrew.aio.limits import time_limit
from aiocrew.errors import DeadlineExceededError, ModelRefusedError, UnusableReplyError
from aiocrew.tools.calls import CallResult, ToolMemory, ToolScope, run_calls
from aiocrew.types.context import RunContext
from aiocrew.types.events import (
    AgentExecutionCompleted,
    AgentExecutionError,
    AgentExecutionStarted,
    AgentTurnCompleted,
    AgentTurnStarted,
    ReplyRepaired,
)
from aiocrew.types.messages import Assistant, Message, Reply, Request, ToolResult, User
from aiocrew.types.paths import Path, child

if TYPE_CHECKING:
    from aiocrew.agent.judging import Judge

__all__ = ["perform"]

_HOPELESS = 3
"""So many replies in a row with one and the same fault, and no correction will help: each of them is paid for."""
_SHAPING = 3
"""Replies that a form may take beyond max_iter: an answer that is there already had better not be lost to its form."""


def perform(
    plan: AgentPlan, assignment: Assignment, run: RunContext, path: Path, memory: ToolMemory
) -> Coroutine[Any, Any, AgentAnswer]:
    """Give, awaited, what the agent answers to `assignment`: in the form of its rules, and agreed to by their judges.

    A reply that corrections could not cure starts the task anew, up to max_retry_limit times; tool calls that it had
    finished are not run again. Raises UnusableReplyError, ModelRefusedError, GuardrailError, DeadlineExceededError,
    CallbackError, and what the model raises.
    """
    # No coroutine of its own: each one in the chain is passed through whenever anything below it goes on.
    work = _attempts if plan.max_execution_time is None else _attempts_in_time
    return work(plan, assignment, run, path, memory)


async def _attempts_in_time(
    plan: AgentPlan, assignment: Assignment, run: RunContext, path: Path, memory: ToolMemory
) -> AgentAnswer:
    async with time_limit(plan.max_execution_time or 0.0, lambda: _too_long(plan)):
        return await _attempts(plan, assignment, run, path, memory)


async def _attempts(
    plan: AgentPlan, assignment: Assignment, run: RunContext, path: Path, memory: ToolMemory
) -> AgentAnswer:
    ran: list[CallResult] = []
    run.tell(AgentExecutionStarted, path, plan.name)
    try:
        for retry in range(plan.max_retry_limit):
            try:
                answer = await _Attempt(plan, run, path, retry, memory, ran).answer(assignment)
                break
            except UnusableReplyError:
                memory.replay(path)
        else:
            answer = await _Attempt(plan, run, path, plan.max_retry_limit, memory, ran).answer(assignment)
    except (Exception, asyncio.CancelledError) as error:
        cancelled = isinstance(error, asyncio.CancelledError)
        run.tell(AgentExecutionError, path, plan.name, repr(error), cancelled)
        raise
    run.tell(AgentExecutionCompleted, path, plan.name, answer.text)
    return answer


def _too_long(plan: AgentPlan) -> DeadlineExceededError:
    seconds = plan.max_execution_time or 0.0
    return DeadlineExceededError(f"the task took longer than max_execution_time={seconds:g} s", limit_s=seconds)


def _tells_form(plan: AgentPlan) -> bool:
    from aiocrew.models.answers import tells_form  # most answers are text, and never need it

    return tells_form(plan.model)


class _Done(msgspec.Struct, frozen=True, gc=False):
    """An answer that nobody has judged yet."""

    path: Path
    """Of its turn."""
    thought: str
    answer: Answer
    said: str
    """The whole reply that held it."""


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
        self._attempt = f" of attempt {retry + 1}" if retry else ""
        self._memory = memory
        self._in_text = plan.model.tool_protocol == "text"
        self._end = "" if plan.persona.templates is None else plan.persona.templates.end
        self._transcript: list[Message] = []
        self._form: AnswerForm | None = None
        self._turns = 0

    async def answer(self, assignment: Assignment) -> AgentAnswer:
        plan, rules = self._plan, assignment.rules
        self._form = form = None if rules.form is None else rules.form.beside(plan.toolbox.specs)
        self._transcript = opening(
            plan.persona,
            assignment,
            plan.toolbox.specs if self._in_text else (),
            use_system_prompt=plan.use_system_prompt,
            form=None if form is None or _tells_form(plan) else form.spec,
        )
        judge = self._judge(rules) if rules.is_judged else None
        while True:
            done = await self._next_answer()
            heard = done.answer if judge is None else await judge.hear(done.path, done.answer)
            if isinstance(heard, Answer):
                if plan.step_callback is not None:
                    await self._tell_of_answer(done, heard, plan.step_callback)
                results = [result.published() for result in self._ran]
                return AgentAnswer(heard.text, results, heard.value, self._transcript)
            if done.answer.text.strip():  # providers refuse an empty message
                self._transcript.append(Assistant(done.answer.text))
            self._tell(heard)

    def _judge(self, rules: AnswerRules) -> Judge:
        from aiocrew.agent.judging import Judge  # few tasks need it

        return Judge(self._plan, rules, self._run, self._have_done)

    async def _next_answer(self) -> _Done:
        """Return the model's next answer; the transcript holds what was said until then."""
        plan, first = self._plan, self._turns
        problem, repeated = "", 0
        for number in range(first, first + plan.max_iter + (_SHAPING if self._form else 1)):
            closing = number >= first + plan.max_iter
            if number == first + plan.max_iter:
                self._tell(closing_words())
            self._turns = number + 1
            path = child(self._path, f"turn-{number}")
            self._run.tell(AgentTurnStarted, path, plan.name, number)
            reply = await ask(plan, self._request(closing=closing), self._run, child(path, "model"))
            if self._end:
                reply = msgspec.structs.replace(reply, text=reply.text.partition(self._end)[0])
            step = next_step(Turn(plan.toolbox, plan.model.tool_protocol, closing, self._form), reply)
            if isinstance(step, Finish) and self._form is None:
                self._tell_turn(path, number, "answer")
                return _Done(path, step.thought, step.answer, reply.text)  # nearly every answer
            match await self._carried_out(path, reply, step):
                case Finish(thought=thought, answer=answer):
                    self._tell_turn(path, number, "answer")
                    return _Done(path, thought, answer, reply.text)
                case Repair(problem=found) as repair:
                    self._tell_turn(path, number, "correction")
                    problem, repeated = found, repeated + 1 if found == problem else 1
                    if repeated == _HOPELESS:
                        break
                    self._repair(path, reply, repair)
                case None:
                    self._tell_turn(path, number, "tools")
        raise UnusableReplyError(
            f"{plan.model.name} gave no usable answer in {self._turns} replies{self._attempt}; the last one: {problem}"
        )

    def _tell_turn(self, path: Path, number: int, led_to: Literal["answer", "tools", "correction"]) -> None:
        self._run.tell(AgentTurnCompleted, path, self._plan.name, number, led_to)

    async def _carried_out(self, path: Path, reply: Reply, step: NextStep) -> Finish | Repair | None:
        """Do what follows a reply; return what ends the turns or has to be repaired, if it does."""
        match step:
            case CallTools():
                result = await self._call_tools(path, reply, step)
                # A result that is to be the answer may lack its form: then the model, which reads it, puts it into it.
                given = None if result is None else shaped(self._form, step.thought, result)
                return await self._converted(path, given) if isinstance(given, Finish) else None
            case Finish():
                return await self._converted(path, step)
            case Repair(said=said) if said and self._form and self._plan.converter:
                from aiocrew.agent.conversion import by_model  # few agents need it

                return await by_model(self._have_done, self._plan, self._form, step, child(path, "conversion"))
            case Repair():
                return step
            case Refuse(refusal=refusal):
                raise ModelRefusedError(f"{self._plan.model.name} declined to answer: {refusal}", refusal=refusal)
            case _:
                assert_never(step)

    async def _converted(self, path: Path, finish: Finish) -> Finish:
        if self._form is None or self._form.converter is None:
            return finish
        from aiocrew.agent.conversion import by_class  # few tasks need it

        answer = await by_class(self._run, child(path, "conversion"), self._form, finish.answer.text)
        return Finish(finish.thought, answer)

    def _request(self, *, closing: bool) -> Request:
        form = self._form
        return Request(
            tuple(self._transcript),
            () if self._in_text else self._plan.toolbox.specs,
            "none" if closing else "auto",
            None if form is None or form.converter is not None or self._in_text else form.spec,
        )

    async def _have_done(self, plan: AgentPlan, assignment: Assignment, path: Path) -> Answer:
        """Return what another conversation within this task gives: a judgement, a conversion."""
        answer = await perform(plan, assignment, self._run, path, self._memory)
        return Answer(answer.text, answer.value)

    def _repair(self, path: Path, reply: Reply, repair: Repair) -> None:
        run = self._run
        run.tell(ReplyRepaired, path, self._plan.name, repair.problem)
        said = repair.said or reply.text
        if said.strip():
            # A call that is the answer stands as text: nobody gives it a result.
            self._transcript.append(Assistant(said, (), {} if reply.calls else reply.opaque))
        self._tell(correction(repair.problem, self._form.spec if repair.said and self._form else None))

    def _tell(self, told: User) -> None:
        """Let the model hear it; templates of many models refuse a user who speaks twice in a row."""
        last = self._transcript[-1]
        if isinstance(last, User):
            self._transcript[-1] = User(f"{last.text}\n\n{told.text}")
        else:
            self._transcript.append(told)

    async def _call_tools(self, path: Path, reply: Reply, asked: CallTools) -> str | None:
        """Carry out the calls; return the answer if one of them is it."""
        plan = self._plan
        scope = ToolScope(self._run, path, plan.name, plan.cache, self._task_path, plan.kept)
        results = await run_calls(asked.calls, plan.toolbox, self._memory, scope)
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

    async def _tell_of_answer(self, done: _Done, answer: Answer, callback: Callable[..., Any]) -> None:
        finish = AgentFinish(done.thought, answer.text, done.said)
        await run_callback(self._run, child(done.path, "step_callback"), callback, finish)
