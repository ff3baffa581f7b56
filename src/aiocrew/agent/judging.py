"""Who has to agree to an answer before it counts: guardrails, then a human."""

from __future__ import annotations

import reprlib
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec
from pydantic import BaseModel, Field

from aiocrew.agent.answer import Answer, AnswerRules, Guardrail, OutputRecord, fields_of, form_of_answer
from aiocrew.agent.callbacks import Reading, call_user
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment, Persona, feedback_words, rejection
from aiocrew.aio.functions import call_function
from aiocrew.console.terminal import TERMINAL
from aiocrew.errors import AgentError, BlueprintError, CallbackError, GuardrailError, UsageError
from aiocrew.models.answers import AnswerProblem, read_answer
from aiocrew.types.context import RunContext
from aiocrew.types.events import (
    HumanFeedbackReceived,
    HumanFeedbackRequested,
    LLMGuardrailCompleted,
    LLMGuardrailStarted,
)
from aiocrew.types.messages import User
from aiocrew.types.outputs import LiteAgentOutput, TaskOutput
from aiocrew.types.paths import Path, child
from aiocrew.types.ports import Question

__all__ = ["Asking", "Judge", "Judgement"]

Asking: TypeAlias = Callable[[AgentPlan, Assignment, Path], Awaitable[Answer]]
"""Has an agent work on something within the run: here, judge an answer."""


class Judgement(BaseModel):
    """Whether a text keeps to a rule."""

    valid: bool = Field(description="true if the text keeps to the rule")
    feedback: str = Field(default="", description="what must be changed where it does not; otherwise empty")


class _Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a guardrail's function said, as a record."""

    ok: bool
    reason: str = ""
    text: str | None = None
    """In place of the answer's text."""
    fields: dict[str, Any] | None = None
    """In place of what the answer holds."""
    malformed: bool = False
    """It returned something else than a verdict; the reason says what."""


_EXAMINER = Persona("a careful examiner", "Say whether a text keeps to a rule.", "You judge; you do not write.")


class Judge:
    """Asks, for one attempt at a task, whoever has to agree. It counts how often a guardrail objected."""

    def __init__(self, plan: AgentPlan, rules: AnswerRules, run: RunContext, ask: Asking) -> None:
        self._plan = plan
        self._rules = rules
        self._run = run
        self._ask = ask
        self._objections = [0] * len(rules.guardrails)

    async def hear(self, path: Path, answer: Answer) -> Answer | User:
        """Return the answer as it was accepted, or what its agent is to be told.

        Raises GuardrailError when a guardrail has no patience left, or cannot be asked because its model gives no
        verdict; CallbackError when one of them fails, BlueprintError when it returns no verdict.
        """
        for number, guardrail in enumerate(self._rules.guardrails):
            verdict = await self._guard(child(path, f"guardrail-{number}"), guardrail, answer)
            if not verdict.ok:
                return self._objection(number, guardrail, verdict.reason)
            answer = self._as_changed(guardrail, answer, verdict)
        if not self._rules.human_input:
            return answer
        feedback = await self._ask_human(child(path, "human"), answer)
        return feedback_words(feedback) if feedback else answer

    def _objection(self, number: int, guardrail: Guardrail, reason: str) -> User:
        if self._objections[number] >= guardrail.max_retries:
            raise GuardrailError(
                f"the guardrail {guardrail.name} rejected the answer {self._objections[number] + 1} times; "
                f"the last reason: {reason}",
                guardrail=guardrail.name,
                reason=reason,
            )
        self._objections[number] += 1
        return rejection(reason)

    async def _guard(self, path: Path, guardrail: Guardrail, answer: Answer) -> _Verdict:
        run, agent = self._run, self._plan.name
        run.tell(LLMGuardrailStarted, path, guardrail.name, agent)
        if isinstance(guardrail.judge, str):
            verdict = await self._by_model(path, guardrail, guardrail.judge, answer)
        else:
            verdict = await self._by_function(path, guardrail, guardrail.judge, answer)
        run.tell(LLMGuardrailCompleted, path, guardrail.name, agent, verdict.ok, verdict.reason)
        return verdict

    async def _by_function(
        self, path: Path, guardrail: Guardrail, function: Callable[..., Any], answer: Answer
    ) -> _Verdict:
        assert self._rules.output_of is not None, "whoever gives guardrails says what they are shown"
        # A copy: what a guardrail changes in place counts only where it accepts, and in a replay alike.
        value = None if answer.value is None else answer.value.model_copy(deep=True)
        output = self._rules.output_of(Answer(answer.text, value))

        async def judged() -> _Verdict:
            shown = _Shown(output.raw, _fields(output))
            return _read(shown, output, await call_function(function, output))

        what, name = f"guardrail {guardrail.name}", guardrail.name
        reading = Reading(name, answer.text if value is None else f"{answer.text}\n{value.model_dump_json()}")
        verdict = await call_user(self._run, path, what, name, judged, (), _Verdict, reading)
        if verdict.malformed:
            raise BlueprintError(f"the guardrail {guardrail.name} must return (bool, value), not {verdict.reason}")
        return verdict

    async def _by_model(self, path: Path, guardrail: Guardrail, rule: str, answer: Answer) -> _Verdict:
        assignment = Assignment(
            f"Does this text keep to the rule?\n\nThe rule: {rule}\n\nThe text:\n{answer.text}",
            "whether it does, and if not, what must be changed",
            rules=AnswerRules(form_of_answer(Judgement)),
        )
        try:
            judged = await self._ask(self._plan.helper(_EXAMINER), assignment, path)
        except AgentError as error:  # as it is, it would have the whole task done anew
            raise GuardrailError(
                f"nobody could judge by the guardrail {guardrail.name}: {error.message}",
                guardrail=guardrail.name,
                reason=error.message,
            ) from error
        judgement = cast("Judgement", judged.value)
        return _Verdict(judgement.valid, "" if judgement.valid else judgement.feedback or f"it must keep to: {rule}")

    def _as_changed(self, guardrail: Guardrail, answer: Answer, verdict: _Verdict) -> Answer:
        form, text = self._rules.form, verdict.text
        if form is None:
            return answer if text is None else Answer(text)
        if verdict.fields is not None:
            said = msgspec.json.encode(verdict.fields).decode()
        elif text is not None:
            said = text
        else:
            return answer
        value = read_answer(form.cls, said)
        if isinstance(value, AnswerProblem):
            raise CallbackError(
                f"guardrail {guardrail.name} gave something that is no {form.cls.__name__}: {value.text}",
                callback=guardrail.name,
            )
        return Answer(said if text is None else text, value)

    async def _ask_human(self, path: Path, answer: Answer) -> str:
        run, agent = self._run, self._plan.name
        run.tell(HumanFeedbackRequested, path, agent, answer.text)
        question = Question(run.crew, self._rules.task, agent, answer.text, run.run_id, path)
        feedback = (await self._feedback(path, question)).strip()
        run.tell(HumanFeedbackReceived, path, agent, feedback)
        return feedback

    async def _feedback(self, path: Path, question: Question) -> str:
        human, reading = self._run.human or TERMINAL, Reading("human", question.answer)
        try:
            said: Any = await call_user(
                self._run, path, "the human's port", "ask", human.ask, (question,), str, reading
            )
        except CallbackError as error:
            if human is TERMINAL and isinstance(error.__cause__, UsageError):
                raise error.__cause__ from None  # there is no terminal: nothing of the user's has failed
            raise
        if not isinstance(said, str):
            raise BlueprintError(f"ask() of the human's port must return a text, not {reprlib.repr(said)}")
        return said


class _Shown(NamedTuple):
    """What a guardrail was given."""

    text: str
    fields: dict[str, Any] | None


def _fields(output: OutputRecord) -> dict[str, Any] | None:
    """Return a copy of what an output holds, as JSON can say it; None for plain text."""
    if output.pydantic is not None:
        return fields_of(output.pydantic)
    return deepcopy(output.json_dict) if isinstance(output, TaskOutput) else None


def _read(shown: _Shown, output: OutputRecord, returned: Any) -> _Verdict:
    """Return what a guardrail said: (True, the answer or what takes its place), or (False, why not)."""
    if isinstance(returned, bool):
        return _Verdict(returned, "" if returned else "no reason was given")
    if not isinstance(returned, tuple | list) or len(cast("tuple[Any, ...]", returned)) != 2:
        return _Verdict(False, reprlib.repr(cast("object", returned)), malformed=True)
    ok, value = cast("tuple[Any, Any]", returned)
    if not ok:
        return _Verdict(False, "no reason was given" if value in (None, "") else str(value))
    if value is None or isinstance(value, bool):  # (True, True) says twice that it is right
        value = output  # it may have changed it in place
    if isinstance(value, TaskOutput | LiteAgentOutput):
        text, fields = value.raw, _fields(value)
        return _Verdict(
            True, text=None if text == shown.text else text, fields=None if fields == shown.fields else fields
        )
    if isinstance(value, BaseModel):
        return _Verdict(True, text=value.model_dump_json(by_alias=True, round_trip=True))
    if isinstance(value, dict | list):
        return _Verdict(True, text=msgspec.json.encode(cast("object", value)).decode())
    return _Verdict(True, text=str(value))
