"""The decorators that make a crew's parts of a class's methods; each method makes one object for one instance."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.project.marks import Kind, mark
from aiocrew.project.parts import agents_of, hooks_of, tasks_of
from aiocrew.project.state import Work, state_of

__all__ = [
    "after_kickoff",
    "agent",
    "before_kickoff",
    "cache_handler",
    "callback",
    "crew",
    "llm",
    "output_json",
    "output_pydantic",
    "task",
    "tool",
]

P = ParamSpec("P")
T = TypeVar("T")


def agent(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns an Agent: one for an instance, however often it is called."""
    return _once(method, "agent", lambda _, made: _checked(made, Agent, method))


def task(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a Task: one for an instance; it bears the method's name unless it has one."""

    def name(_: Any, made: T) -> T:
        written = cast("Task", _checked(made, Task, method))
        if not written.name:
            written.name = _name(method)
        return made

    return _once(method, "task", name)


def crew(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a Crew: one for an instance.

    Before it is called, `self.agents` and `self.tasks` are filled from the methods decorated with @agent and @task.
    The crew that it returns calls the methods decorated with @before_kickoff and @after_kickoff, too.
    """

    def hang_in(self: Any, made: T) -> T:
        built = cast("Crew", _checked(made, Crew, method))
        before, after = built.before_kickoff_callbacks, built.after_kickoff_callbacks
        built.before_kickoff_callbacks = [*before, *hooks_of(self, "before_kickoff", beside=before)]
        built.after_kickoff_callbacks = [*after, *hooks_of(self, "after_kickoff", beside=after)]
        return made

    return _once(method, "crew", hang_in, before=_fill)


def llm(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a model, which a configuration names in `llm:`; one for an instance."""
    return _once(method, "llm")


def tool(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a tool, which a configuration names in `tools:`; one for an instance.

    It is not `aiocrew.tool`, which makes a tool of a function.
    """
    return _once(method, "tool")


def callback(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a callback, which a configuration names; or one that takes arguments and is the callback.

    The latter may be async.
    """
    if len(_needed(method)) > 1:  # more than self
        mark(method, "callback")
        mark(method, "is the callback")
        return method
    return _once(method, "callback")


def cache_handler(method: Callable[P, T], /) -> Callable[P, T]:
    """A method that returns a cache handler, which a configuration names; one for an instance."""
    return _once(method, "cache_handler")


def output_pydantic(made: T, /) -> T:
    """A class inside the project's, or a method that returns a class, which a configuration names."""
    return _class_or_method(made, "output_pydantic")


def output_json(made: T, /) -> T:
    """A class inside the project's, or a method that returns a class, which a configuration names."""
    return _class_or_method(made, "output_json")


def before_kickoff(method: Callable[P, T], /) -> Callable[P, T]:
    """A method, plain or async, that is called with a run's inputs; what it returns takes their place."""
    mark(method, "before_kickoff")
    return method


def after_kickoff(method: Callable[P, T], /) -> Callable[P, T]:
    """A method, plain or async, that is called with the CrewOutput; what it returns takes its place."""
    mark(method, "after_kickoff")
    return method


def _once(
    method: Callable[P, T],
    kind: Kind,
    finish: Callable[[Any, T], T] | None = None,
    *,
    before: Callable[[Any], None] | None = None,
) -> Callable[P, T]:
    """Return `method` as one that works once for an instance and its arguments: `finish` sees what it made."""
    if inspect.iscoroutinefunction(method):
        raise BlueprintError(f"@{kind}: {_name(method)}() is async; it must return what it makes without awaiting")

    @wraps(method)
    def once(*args: P.args, **kwargs: P.kwargs) -> T:
        if not args:  # no method, so there is no instance to keep it for
            return method(*args, **kwargs)
        self = args[0]

        def make() -> T:
            if before is not None:
                before(self)
            made = method(*args, **kwargs)
            return made if finish is None else finish(self, made)

        return state_of(self).once(Work.of(once, args[1:], kwargs), make)

    mark(once, kind)
    return once


def _class_or_method(made: T, kind: Kind) -> T:
    if isinstance(made, type):
        mark(made, kind)
        return made
    return cast("T", _once(cast("Callable[..., Any]", made), kind))


def _fill(self: object) -> None:
    vars(self).update(agents=agents_of(self), tasks=tasks_of(self))


def _checked(made: T, expected: type, method: Callable[..., Any]) -> T:
    if isinstance(made, expected):
        return made
    what = "nothing: does it lack a return?" if made is None else f"a {type(made).__name__}"
    raise BlueprintError(f"{_name(method)}() must return {_a(expected.__name__)}; it returned {what}")


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _name(method: Callable[..., Any]) -> str:
    return getattr(method, "__name__", repr(method))


def _needed(method: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that must be given."""
    named = inspect.signature(method).parameters.values()
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in named if each.default is each.empty and each.kind not in unnamed]
