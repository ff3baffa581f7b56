"""What an answer must be: its form, who has to agree to it, and how it is shown to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel

from aiocrew.aio.functions import name_of
from aiocrew.errors import BlueprintError
from aiocrew.types.messages import AnswerSpec, ToolSpec
from aiocrew.types.outputs import LiteAgentOutput, TaskOutput

__all__ = [
    "ANYTHING",
    "Answer",
    "AnswerForm",
    "AnswerRules",
    "Guardrail",
    "OutputRecord",
    "check_guardrail",
    "class_of_model",
    "fields_of",
    "form_of_answer",
]

OutputRecord: TypeAlias = TaskOutput | LiteAgentOutput


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What an agent gave: the text, and what it holds where a form was asked for."""

    text: str
    value: BaseModel | None = None


class AnswerForm(msgspec.Struct, frozen=True, gc=False):
    """The class that an answer must be an instance of."""

    cls: type[BaseModel]
    spec: AnswerSpec
    converter: Callable[[str], Any] | None = None
    """The user's own way from the text to the instance."""

    def beside(self, tools: Sequence[ToolSpec]) -> AnswerForm:
        """Return this form under a name that none of `tools` has: a call in its name is the answer."""
        from aiocrew.models.answers import named_apart  # as below

        spec = named_apart(self.spec, tools)
        return self if spec is self.spec else msgspec.structs.replace(self, spec=spec)


class Guardrail(msgspec.Struct, frozen=True, gc=False):
    """Who has to agree to an answer: a function, or a rule in words that a model judges by."""

    name: str
    judge: Callable[..., Any] | str
    max_retries: int


def check_guardrail(judge: Any) -> None:
    """Raise BlueprintError for a function that cannot be called with an output alone."""
    if not callable(judge):
        return
    try:
        signature = inspect.signature(judge)
    except (TypeError, ValueError):  # some of C's have none
        return
    try:
        signature.bind(object())
    except TypeError as error:
        raise BlueprintError(f"a guardrail takes one argument, an output; {name_of(judge)} does not: {error}") from None


class AnswerRules(msgspec.Struct, frozen=True, gc=False):
    """What an answer must be."""

    form: AnswerForm | None = None
    guardrails: tuple[Guardrail, ...] = ()
    human_input: bool = False
    task: str = ""
    """What the human and messages call the task."""
    output_of: Callable[[Answer], OutputRecord] | None = None
    """Makes the record that guardrails are shown; None where there are none."""

    @property
    def is_judged(self) -> bool:
        """Whether anybody has to agree."""
        return bool(self.guardrails) or self.human_input


ANYTHING = AnswerRules()
"""Whatever the model says is the answer."""


def class_of_model(llm: Any) -> type[BaseModel] | None:
    """Return the class that the answers of an LLM are instances of by its own response_format; None without one."""
    cls = getattr(llm, "response_format", None)
    return cls if isinstance(cls, type) and issubclass(cls, BaseModel) else None


def fields_of(value: BaseModel) -> dict[str, Any]:
    """Return what an instance holds as JSON can say it, so that its class takes it back."""
    return value.model_dump(mode="json", by_alias=True, round_trip=True)


def form_of_answer(cls: type[BaseModel] | None, converter: Callable[[str], Any] | None = None) -> AnswerForm | None:
    """Return the form for instances of `cls`; BlueprintError where that is no model, or has no JSON schema."""
    given: Any = cls
    if cls is None:
        return None
    from aiocrew.models.answers import answer_spec  # most answers are text: then it need not load

    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise BlueprintError(f"the form of an answer must be a class of pydantic's BaseModel, not {cls!r}")
    return AnswerForm(cls, answer_spec(cls), converter)
