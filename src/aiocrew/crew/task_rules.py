"""What a task's answer must be, and the record that it becomes."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import BaseModel

from aiocrew.agent.answer import ANYTHING, Answer, AnswerForm, AnswerRules, Guardrail, class_of_model, form_of_answer
from aiocrew.aio.functions import call_function, name_of
from aiocrew.crew.task_blueprint import TaskBlueprint
from aiocrew.errors import UnusableReplyError
from aiocrew.types.outputs import OutputFormat, TaskOutput

__all__ = ["answer_of_task", "class_of_answer", "output_of_task", "rules_of_task", "takes_anything"]


def class_of_answer(task: TaskBlueprint[Any], llm: Any) -> type[BaseModel] | None:
    """Return the class that the answer of an agent with this model must be an instance of; None for plain text."""
    return task.output_pydantic or task.response_model or task.output_json or class_of_model(llm)


def takes_anything(task: TaskBlueprint[Any], llm: Any) -> bool:
    """Return whether whatever an agent with this model says is the answer, as it is for nearly every task."""
    asked = task.guardrail is not None or task.guardrails is not None or task.human_input
    return not asked and class_of_answer(task, llm) is None


def rules_of_task(task: TaskBlueprint[Any], role: str, llm: Any, description: str, expected_output: str) -> AnswerRules:
    """Return what the answer to `task` must be, when an agent in this role and with this model does it.

    Raises BlueprintError for a class that has no JSON schema.
    """
    if takes_anything(task, llm):
        return ANYTHING
    return AnswerRules(
        form=_form(task, llm, class_of_answer(task, llm)),
        guardrails=tuple(_guardrail(task, number, judge) for number, judge in enumerate(task.judges)),
        human_input=task.human_input,
        task=task.name or description,
        output_of=partial(output_of_task, task, role, description, expected_output),
    )


def _form(task: TaskBlueprint[Any], llm: Any, cls: type[BaseModel] | None) -> AnswerForm | None:
    if cls is None or task.converter_cls is None:
        return form_of_answer(cls)
    return form_of_answer(cls, partial(_convert, task.converter_cls, llm, cls))


def _convert(converter_cls: type[Any], llm: Any, cls: type[BaseModel], text: str) -> Any:
    return converter_cls(text=text, llm=llm, model=cls, instructions="").to_pydantic()


def _guardrail(task: TaskBlueprint[Any], number: int, judge: Any) -> Guardrail:
    name = f"{number} of task {task.label!r}" if isinstance(judge, str) else name_of(judge)
    return Guardrail(name, judge, task.guardrail_max_retries if task.max_retries is None else task.max_retries)


async def answer_of_task(task: TaskBlueprint[Any], llm: Any, text: str) -> Answer:
    """Return the answer that stands in `text`, which an agent gave outside of a crew.

    Raises UnusableReplyError where it does not have its form, and what a converter_cls raises.
    """
    form = _form(task, llm, class_of_answer(task, llm))
    if form is None:
        return Answer(text)
    if form.converter is not None:
        return Answer(text, await call_function(form.converter, text))
    from aiocrew.models.answers import AnswerProblem, read_answer  # most answers are text, and never need it

    value = read_answer(form.cls, text)
    if isinstance(value, AnswerProblem):
        raise UnusableReplyError(f"the answer to task {task.label!r} is no {form.cls.__name__}: {value.text}")
    return Answer(text, value)


def output_of_task(
    task: TaskBlueprint[Any], agent: str, description: str, expected_output: str, answer: Answer
) -> TaskOutput:
    """Return the record of an answer."""
    output = TaskOutput.of_answer(
        answer.text, description=description, expected_output=expected_output, agent=agent, name=task.name
    )
    if answer.value is None:
        return output
    # Set past validation: the instance is one already, and may be of a class that only looks alike.
    if task.output_json is not None:
        vars(output).update(json_dict=answer.value.model_dump(mode="json"), output_format=OutputFormat.JSON)
    else:
        vars(output).update(pydantic=answer.value, output_format=OutputFormat.PYDANTIC)
    return output
