"""An outcome out of a journal, with the instances of which its record holds the fields."""

from __future__ import annotations

from aiocrew.batch.records import RecordedFields
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.task_rules import class_of_answer
from aiocrew.types.outputs import CrewOutput, Outcome

__all__ = ["with_instances"]


def with_instances(outcome: Outcome, crew: CrewBlueprint) -> Outcome:
    """Return `outcome` of a run of `crew`, its `pydantic` fields made anew by the classes of the tasks.

    Raises ValueError where a class does not take what was recorded.
    """
    if not isinstance(outcome, CrewOutput):
        return outcome
    of_crew = outcome.pydantic
    for task, output in zip(crew.tasks, outcome.tasks_output, strict=False):
        fields, doer = output.pydantic, crew.doer(task)
        cls = class_of_answer(task, None if doer is None else doer.llm)
        if isinstance(fields, RecordedFields) and cls is not None:
            # Past validation, which knows no classes: it is an instance already.
            vars(output)["pydantic"] = instance = fields.as_a(cls)
            if of_crew == fields:  # the output of the last task is the crew's
                vars(outcome)["pydantic"] = instance
    return outcome.of_tasks(crew.tasks)
