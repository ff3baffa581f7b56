"""Who has to agree to an answer before it counts: guardrails, then a human."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import msgspec
from pydantic import BaseModel, Field

from aiocrew.agent.answer import Answer, AnswerRules, Guardrail, OutputRecord, form_of_answer
from aiocrew.agent.callbacks import call_user
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment, Persona, feedback_words, rejection
from aiocrew.aio.functions import call_function
from aiocrew.console.terminal import TERMINAL
from aiocrew.errors import BlueprintError, CallbackError, GuardrailError
from aiocrew.models.answers import AnswerProblem, read_answer
from aiocrew.tools.toolbox import make_toolbox
from aiocrew.types.context import RunContext
from aiocrew.types.events import (
    GuardrailCompleted,
    GuardrailStarted,
    HumanFeedbackReceived,
    HumanFeedbackRequested,
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

        Raises GuardrailError when a guardrail has no patience left, CallbackError when one of them fails.
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
        run.emit(GuardrailStarted(run.run_id, path, run.now_s(), guardrail.name, agent))
        if isinstance(guardrail.judge, str):
            verdict = await self._by_model(path, guardrail.judge, answer)
        else:
            verdict = await self._by_function(path, guardrail, guardrail.judge, answer)
        run.emit(GuardrailCompleted(run.run_id, path, run.now_s(), guardrail.name, agent, verdict.ok, verdict.reason))
        return verdict

    async def _by_function(
        self, path: Path, guardrail: Guardrail, function: Callable[..., Any], answer: Answer
    ) -> _Verdict:
        assert self._rules.output_of is not None, "whoever gives guardrails says what they are shown"
        output = self._rules.output_of(answer)

        async def judged() -> _Verdict:
            return _read(guardrail.name, answer, output, await call_function(function, output))

        what = f"guardrail {guardrail.name}"
        return await call_user(self._run, path, what, guardrail.name, judged, (), _Verdict)

    async def _by_model(self, path: Path, rule: str, answer: Answer) -> _Verdict:
        plan = msgspec.structs.replace(
            self._plan,
            persona=Persona(
                "a careful examiner", "Say whether a text keeps to a rule.", "You judge; you do not write."
            ),
            toolbox=make_toolbox(()),
            step_callback=None,
        )
        assignment = Assignment(
            f"Does this text keep to the rule?\n\nThe rule: {rule}\n\nThe text:\n{answer.text}",
            "whether it does, and if not, what must be changed",
            rules=AnswerRules(form_of_answer(Judgement)),
        )
        judgement = cast("Judgement", (await self._ask(plan, assignment, path)).value)
        return _Verdict(judgement.valid, "" if judgement.valid else judgement.feedback or f"it must keep to: {rule}")

    def _as_changed(self, guardrail: Guardrail, answer: Answer, verdict: _Verdict) -> Answer:
        if verdict.text is None:
            return answer
        form = self._rules.form
        if form is None:
            return Answer(verdict.text)
        text = verdict.text if verdict.fields is None else msgspec.json.encode(verdict.fields).decode()
        value = read_answer(form.cls, text)
        if isinstance(value, AnswerProblem):
            raise CallbackError(
                f"guardrail {guardrail.name} gave something that is no {form.cls.__name__}: {value.text}",
                callback=guardrail.name,
            )
        return Answer(verdict.text, value)

    async def _ask_human(self, path: Path, answer: Answer) -> str:
        run, agent = self._run, self._plan.name
        run.emit(HumanFeedbackRequested(run.run_id, path, run.now_s(), agent, answer.text))
        question = Question(run.crew, self._rules.task, agent, answer.text, run.run_id, path)
        human = run.human or TERMINAL
        feedback = (await call_user(run, path, "the human's port", "ask", human.ask, (question,), str)).strip()
        run.emit(HumanFeedbackReceived(run.run_id, path, run.now_s(), agent, feedback))
        return feedback


def _read(name: str, answer: Answer, output: OutputRecord, returned: Any) -> _Verdict:
    """Return what a guardrail said: (True, the answer or what takes its place), or (False, why not)."""
    if isinstance(returned, bool):
        return _Verdict(returned, "" if returned else "no reason was given")
    if not isinstance(returned, tuple | list) or len(cast("tuple[Any, ...]", returned)) != 2:
        raise BlueprintError(f"the guardrail {name} must return (bool, value), not {cast('object', returned)!r}")
    ok, value = cast("tuple[Any, Any]", returned)
    if not ok:
        return _Verdict(False, "no reason was given" if value in (None, "") else str(value))
    if value is None or value is output:
        value = output if output.raw != answer.text else None  # it may have changed it in place
    if value is None:
        return _Verdict(True)
    if isinstance(value, TaskOutput | LiteAgentOutput):
        fields = value.to_dict()
        return _Verdict(True, text=value.raw, fields=fields if fields and value.raw == output.raw else None)
    if isinstance(value, BaseModel):
        return _Verdict(True, text=value.model_dump_json(), fields=value.model_dump(mode="json"))
    if isinstance(value, dict | list):
        return _Verdict(True, text=msgspec.json.encode(cast("object", value)).decode())
    return _Verdict(True, text=str(value))
