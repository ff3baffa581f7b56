"""Calling back with something that the callback may change: a recording of the call has the change, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aiocrew.agent.callbacks import run_callback
from aiocrew.aio.functions import call_function, name_of
from aiocrew.types.context import RunContext
from aiocrew.types.outputs import CrewOutput, TaskOutput
from aiocrew.types.paths import Path

__all__ = ["call_with_inputs", "call_with_output"]


async def call_with_inputs(
    run: RunContext, path: Path, callback: Callable[..., Any], inputs: dict[str, Any] | None
) -> Any:
    """Return the inputs as the callback leaves them: what it returns, else what it was given, changed in place or not.

    Where there are none it is given an empty dict. Raises CallbackError.
    """
    return await run_callback(run, path, _OnInputs(callback), inputs)


async def call_with_output(
    run: RunContext, path: Path, callback: Callable[..., Any], output: TaskOutput | CrewOutput
) -> Any:
    """Return what the callback returns for `output`, which it may change in place; None where that is `output` itself.

    Raises CallbackError.
    """
    returned, changed = cast("tuple[Any, dict[str, Any]]", await run_callback(run, path, _OnOutput(callback), output))
    vars(output).update(changed)  # nothing new, unless a recording told of it
    return returned


class _Named:
    """Goes by the name of the user's callback, which is its `func`, as a partial's is."""

    def __init__(self, callback: Callable[..., Any]) -> None:
        self.func = callback
        self.__module__, _, self.__qualname__ = name_of(callback).partition(".")


class _OnInputs(_Named):
    async def __call__(self, inputs: dict[str, Any] | None) -> Any:
        given = {} if inputs is None else inputs
        returned = await call_function(self.func, given)
        return given or inputs if returned is None else returned


class _OnOutput(_Named):
    async def __call__(self, output: TaskOutput | CrewOutput) -> list[Any]:
        before = _content(output)
        returned = await call_function(self.func, output)
        after = _content(output)
        changed = {name: getattr(output, name) for name, value in after.items() if value != before[name]}
        # Of a task's callback nobody reads what it returns: then that need not be such as can be recorded.
        ignored = returned is output or isinstance(output, TaskOutput)
        return [None if ignored else returned, changed]


def _content(output: TaskOutput | CrewOutput) -> dict[str, Any]:
    # As what it is: the fields of an instance are those of its own class.
    return output.model_dump(warnings=False, serialize_as_any=True)
