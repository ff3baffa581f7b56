"""A task that is done only where the output before it asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiocrew.aio.door import run_sync
from aiocrew.aio.functions import call_function
from aiocrew.crew.task import Task
from aiocrew.crew.task_blueprint import T
from aiocrew.errors import BlueprintError
from aiocrew.types.outputs import TaskOutput

__all__ = ["ConditionalTask"]


class ConditionalTask(Task[T]):
    """A task that is done only if `condition(output)` holds; it can stand anywhere but in the first place.

    condition: a function (TaskOutput) -> bool, plain or async, asked when all earlier tasks have ended. It is given the
        output of the nearest earlier task that was done.

    A task that was skipped has an empty output in `tasks_output`, is no context of the tasks that follow, and is not
    the crew's output.
    """

    is_conditional = True

    condition: Callable[..., Any] | None = None

    def should_execute(self, context: TaskOutput) -> bool:
        """Return whether the condition holds for `context`, for code that asks outside of a run and cannot await."""
        condition = self.check_condition()
        return bool(run_sync(lambda: call_function(condition, context)))

    def check_condition(self) -> Callable[..., Any]:
        """Return the condition. Raises BlueprintError where there is none."""
        if self.condition is None:
            raise BlueprintError(
                f"task {self.label!r} is conditional and has no condition: give it condition=..., or make it a Task"
            )
        return self.condition
