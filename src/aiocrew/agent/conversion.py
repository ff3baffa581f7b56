"""Bringing an answer into its form by something else than the model that gave it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel, ValidationError

from aiocrew.agent.answer import Answer, AnswerForm, AnswerRules, fields_of
from aiocrew.agent.callbacks import Reading, call_user
from aiocrew.agent.decide import Finish, Repair
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.prompt import Assignment, Persona
from aiocrew.aio.functions import call_function
from aiocrew.errors import AgentError, CallbackError
from aiocrew.types.context import RunContext
from aiocrew.types.paths import Path

__all__ = ["by_class", "by_model"]

_Asking: TypeAlias = Callable[[AgentPlan, Assignment, Path], Awaitable[Answer]]

_CLERK = Persona("a careful clerk", "Put what a text says into a form.", "You add nothing and leave nothing out.")


async def by_model(ask: _Asking, plan: AgentPlan, form: AnswerForm, repair: Repair, path: Path) -> Finish | Repair:
    """Return the answer as the agent's function_calling_llm brings it into its form; `repair` where it cannot."""
    assignment = Assignment(f"Put this text into the form:\n\n{repair.said}", "", rules=AnswerRules(form))
    try:
        return Finish("", await ask(plan.helper(_CLERK, plan.converter), assignment, path))
    except AgentError:
        return repair


async def by_class(run: RunContext, path: Path, form: AnswerForm, text: str) -> Answer:
    """Return the answer as the task's converter_cls reads it. Raises CallbackError."""
    converter = form.converter
    assert converter is not None

    async def fields() -> dict[str, Any]:
        value = await call_function(converter, text)
        return fields_of(value) if isinstance(value, BaseModel) else value

    name = "converter_cls"
    found = await call_user(run, path, name, name, fields, (), dict[str, Any], Reading(name, text))
    try:
        # As JSON: a strict class takes dates and enums as texts there only.
        return Answer(text, form.cls.model_validate_json(msgspec.json.encode(found)))
    except ValidationError as error:
        raise CallbackError(
            f"converter_cls gave something that is no {form.cls.__name__}: {error}", callback=name
        ) from error
