"""What people write as tools: `BaseTool` to subclass, `Tool` around a function."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, cast

from pydantic import BaseModel, Field, model_validator

from aiocrew.aio.door import run_sync
from aiocrew.errors import BlueprintError, NotBuiltError, UsageError
from aiocrew.tools.arguments import Problem, check_values
from aiocrew.tools.calling import invoke
from aiocrew.tools.form import form_of, placeholder
from aiocrew.tools.signature import accepted_names, named_parameters
from aiocrew.types.blueprint import Blueprint

__all__ = ["BaseTool", "Tool", "accept_any_result", "as_tool", "as_tools"]


def accept_any_result(args: Any = None, result: Any = None) -> bool:
    """The default `cache_function`: every result may be reused within its run."""
    return True


class BaseTool(Blueprint):
    """A tool: subclass it, give it a name and a description, and write `_run`, or `async def _arun`.

    A synchronous `_run` has a thread of its own, an async one runs on the loop; where both are there, `_arun` is used.
    One tool may serve any number of runs at once: what it keeps in its own attributes is its own to guard.

    name: what the model calls it by; characters that providers refuse are replaced on the wire.
    description: what it is good for, as the model reads it; it stays as written.
    args_schema: a model of its arguments; without one it is derived from the method's annotations and docstring.
        A parameter without an annotation takes anything.
    cache_function: called with the arguments and the result; False keeps the result from being reused in the run.
    result_as_answer: a result ends the task and is its output.
    max_usage_count: how often it may run within one run of a crew.
    idempotent: False keeps a batch with a journal from running a call again that was cut off by the end of a process;
        its input then fails with InterruptedToolError.
    version: of the tool's code; results that a journal holds from another version are not used.
    """

    name: str
    description: str
    args_schema: type[BaseModel] | None = None
    cache_function: Callable[..., Any] = accept_any_result
    result_as_answer: bool = False
    max_usage_count: int | None = Field(default=None, ge=1)
    idempotent: bool = True
    version: str = ""

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "current_usage_count": (0,),
        "description_updated": (False,),
        "env_vars": ([],),
        "result_schema": (None,),
        "tool_failure_policy": (None,),
    }
    frames_to_caller: ClassVar[int] = Blueprint.frames_to_caller + 1  # __init__ below

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        # Not in a validator: pydantic would wrap a BlueprintError in an error of its own.
        form = form_of(self)
        if self.args_schema is None:
            vars(self)["args_schema"] = form.schema  # past __setattr__: the tool's author may have frozen it

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for method in ("_run", "_arun"):
            function = cls.__dict__.get(method)
            if isinstance(function, types.FunctionType):
                named_parameters(types.MethodType(function, cls), cls.__name__)
        for name in ("result_schema", "tool_failure_policy"):
            if name in cls.model_fields and cls.model_fields[name].default is not None:
                raise NotBuiltError(f"tool {cls.__name__}: aiocrew does not have {name!r} yet; leave it out")

    @model_validator(mode="before")
    @classmethod
    def _check_keywords(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        unknown = given.keys() - accepted_names(cls)
        for name in unknown & cls.not_built.keys():
            cls._refuse_unless_inert(name, given[name])
        if cls.model_config.get("extra") is not None:  # the tool's author said what becomes of them
            return {name: value for name, value in given.items() if name not in unknown & cls.not_built.keys()}
        for name in sorted(unknown - cls.not_built.keys()):
            cls._warn_unknown(name)
        return {name: value for name, value in given.items() if name not in unknown}

    @placeholder
    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work and return its result. May block: it has a thread of its own."""
        raise NotImplementedError

    @placeholder
    async def _arun(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work and return its result, on the event loop. May not block."""
        raise NotImplementedError

    def _generate_description(self) -> None:
        """Change nothing: the description stays as written. Tools written for CrewAI call this."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Return the tool's result, in the caller's thread. UsageError if the arguments do not fit.

        Arguments are checked and converted as in a run of a crew; the usage limit and the reuse of results belong to
        those and do not hold here.
        """
        form, values = form_of(self), self._checked(args, kwargs)
        if form.on_loop and not form.spare:
            return run_sync(lambda: invoke(self, form, values))
        result = getattr(self, form.spare or form.method)(**values)
        return run_sync(lambda: _finish(result)) if inspect.isawaitable(result) else result

    async def arun(self, *args: Any, **kwargs: Any) -> Any:
        """Return the tool's result without blocking the loop, as `run` does."""
        return await invoke(self, form_of(self), self._checked(args, kwargs))

    def _checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        form = form_of(self)
        names = [field for field, _ in form.parameters]
        if len(args) > len(names):
            raise UsageError(f"tool {self.name!r} takes {len(names)} arguments, {len(args)} were given")
        values = check_values(form, {**dict(zip(names, args, strict=False)), **kwargs})
        if isinstance(values, Problem):
            raise UsageError(values.text)
        return values


async def _finish(work: Awaitable[Any]) -> Any:
    return await work


class Tool(BaseTool):
    """A tool around a function, plain or async; `@tool` makes one."""

    func: Callable[..., Any]

    @placeholder
    def _run(self, *args: Any, **kwargs: Any) -> Any:
        return self.func(*args, **kwargs)


def as_tool(candidate: Any) -> BaseTool:
    """Return `candidate` if it is a tool, or a tool that does what one of LangChain's or CrewAI's does.

    BlueprintError says what to do with what is none.
    """
    if isinstance(candidate, BaseTool):
        return candidate
    from aiocrew.tools.foreign import foreign_fields  # only who has others' tools needs it

    if (fields := foreign_fields(candidate)) is not None:
        return Tool(**fields)
    if inspect.isclass(candidate) and issubclass(candidate, BaseTool):
        raise BlueprintError(f"{candidate.__name__} is a class of tools, not a tool: write {candidate.__name__}()")
    if inspect.isroutine(candidate):
        name = getattr(candidate, "__name__", repr(candidate))
        raise BlueprintError(f"the function {name!r} is no tool: decorate it with @tool (from aiocrew import tool)")
    raise BlueprintError(
        f"{candidate!r} is no tool: decorate a function with @tool, or subclass BaseTool (from aiocrew.tools)"
    )


def as_tools(given: Any) -> list[BaseTool]:
    """Return what was given as tools=, each as a tool; None is none of them. Raises BlueprintError."""
    if given is None:
        return []
    if not isinstance(given, list | tuple | set | frozenset):
        raise BlueprintError(f"tools takes a list of tools, not {given!r}: write tools=[...]")
    return [as_tool(item) for item in cast("list[Any]", given)]
