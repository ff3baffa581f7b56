"""A task that is done only where the output before it asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiocrew.aio.door import run_sync
from aiocrew.aio.functions import call_function
from aiocrew.crew.task import Task
from aiocrew.crew.task_blueprint import T
from aiocrew.types.outputs import TaskOutput

__all__ = ["ConditionalTask"]


class ConditionalTask(Task[T]):
    """A task that is done only if `condition(output)` holds; it can stand anywhere but in the first place.

    condition: a function (TaskOutput) -> bool, plain or async, asked when all earlier tasks have ended. It is given the
        output of the nearest earlier task that was done. None is always done.

    A task that was skipped has an empty output in `tasks_output`, is no context of the tasks that follow, and is not
    the crew's output.
    """

    is_conditional = True

    condition: Callable[..., Any] | None = None

    def should_execute(self, context: TaskOutput) -> bool:
        """Return whether the condition holds for `context`, for code that asks outside of a run and cannot await."""
        condition = self.condition
        return condition is None or bool(run_sync(lambda: call_function(condition, context)))
