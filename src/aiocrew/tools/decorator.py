"""`@tool`: a function becomes a tool."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast, overload

from aiocrew.errors import BlueprintError
from aiocrew.tools.base import Tool, accept_any_result
from aiocrew.tools.docstring import parse_docstring
from aiocrew.tools.signature import arguments_model

__all__ = ["tool"]


@overload
def tool(name: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    name: str | None = None,
    /,
    *,
    result_as_answer: bool = False,
    max_usage_count: int | None = None,
    cache_function: Callable[..., Any] = accept_any_result,
    idempotent: bool = True,
    version: str = "",
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    name: str | Callable[..., Any] | None = None,
    /,
    *,
    result_as_answer: bool = False,
    max_usage_count: int | None = None,
    cache_function: Callable[..., Any] = accept_any_result,
    idempotent: bool = True,
    version: str = "",
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a plain or async function: `@tool`, `@tool("Name")` or `@tool("Name", result_as_answer=True)`.

    The docstring is the description; what it says of single parameters goes into the schema of the arguments, with
    the annotations and defaults. A parameter without an annotation takes anything. BlueprintError, naming the tool,
    when there is no docstring, or the function cannot be called with named arguments.
    """
    # Annotations may name what is local to the function that the tool is defined in.
    local_names = sys._getframe(1).f_locals  # pyright: ignore[reportPrivateUsage]

    def decorate(function: Callable[..., Any]) -> Tool:
        given = name if isinstance(name, str) else None
        return _make(
            function,
            given,
            local_names,
            result_as_answer=result_as_answer,
            max_usage_count=max_usage_count,
            cache_function=cache_function,
            idempotent=idempotent,
            version=version,
        )

    return decorate(name) if callable(name) else decorate


def _make(function: Callable[..., Any], given: str | None, local_names: Mapping[str, Any], **options: Any) -> Tool:
    plain = function
    while isinstance(plain, partial):
        plain = cast("Callable[..., Any]", plain.func)
    name = given if given is not None else getattr(plain, "__name__", type(plain).__name__)
    if not name.strip() or name == "<lambda>":
        raise BlueprintError(f"the tool made of {function!r} needs a name: @tool('Name')")
    description = parse_docstring(getattr(plain, "__doc__", None)).text
    if not description:
        raise BlueprintError(
            f"tool {name!r} needs a docstring that says what it is good for: the model chooses by that"
        )
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        raise BlueprintError(f"tool {name!r} is a generator; a tool returns its result in one piece")
    schema = arguments_model(function, name, local_names)
    return Tool(name=name, description=description, func=function, args_schema=schema, **options)
