"""Tools that others wrote, LangChain's and CrewAI's, as what our tool around a function is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model

from aiocrew.aio.functions import call_function
from aiocrew.errors import BlueprintError
from aiocrew.models.foreign_base import nearest
from aiocrew.models.foreign_chat import awaits
from aiocrew.models.json_values import as_fields, as_items
from aiocrew.tools.signature import arguments_model

__all__ = ["foreign_fields"]


def foreign_fields(candidate: Any) -> dict[str, Any] | None:
    """Return the fields of a Tool that does what `candidate` does; None for what is no tool.

    A tool has a name, a description, and a method that does the work: `invoke` or `ainvoke`, which take the arguments
    as one dict, or `_run`, `_arun`, `func`, `coroutine`, `run` or `arun`, which take them by name. It is async where it
    truly awaits; else it has a thread of its own. Its schema stays what it is: a pydantic class of either version, a
    JSON schema, or what the function's signature says. Raises BlueprintError for a signature that cannot be used, and
    for a tool that needs what only LangChain's own agents give it.
    """
    if isinstance(candidate, type) or inspect.isroutine(candidate):
        return None
    name, description = getattr(candidate, "name", None), getattr(candidate, "description", None)
    if not isinstance(name, str) or not name.strip() or not isinstance(description, str):
        return None
    way = _way(candidate)
    if way is None:
        return None
    schema = _schema(candidate, name, way)
    fields: dict[str, Any] = {
        "name": name,
        "description": description,
        "args_schema": schema,
        "func": _function(candidate, way, schema),
        "result_as_answer": any(
            getattr(candidate, flag, None) is True for flag in ("result_as_answer", "return_direct")
        ),
    }
    cache_function, most = getattr(candidate, "cache_function", None), getattr(candidate, "max_usage_count", None)
    if callable(cache_function):
        fields["cache_function"] = cache_function
    if type(most) is int and most > 0:
        fields["max_usage_count"] = most
    return fields


@dataclass(frozen=True, slots=True)
class _Way:
    """How a tool is made to work."""

    method: str
    on_loop: bool = False
    spare: str = ""
    """What does the work where `method` raises NotImplementedError, as many an `_arun` does."""
    in_one: bool = False
    """It takes its arguments as one dict."""


def _way(tool: Any) -> _Way | None:
    if any(_has(tool, method) for method in ("invoke", "ainvoke")):
        spare = "invoke" if _has(tool, "invoke") else ""
        return _Way("ainvoke", True, spare, in_one=True) if _truly_awaits(tool) else _Way("invoke", in_one=True)
    for awaited, plain in (("_arun", "_run"), ("coroutine", "func"), ("arun", "run")):
        first = nearest(tool, (awaited, plain))
        if first == awaited:
            return _Way(awaited, True, plain if _has(tool, plain) else "")
        if first:
            return _Way(plain, inspect.iscoroutinefunction(getattr(tool, plain)))
    return None


def _has(tool: Any, method: str) -> bool:
    return callable(getattr(tool, method, None))


def _truly_awaits(tool: Any) -> bool:
    # LangChain's tools around functions run them on asyncio's default executor where they have no coroutine.
    by_function = _has(tool, "invoke") and hasattr(tool, "coroutine") and tool.coroutine is None
    return awaits(tool) and not by_function


def _function(tool: Any, way: _Way, schema: type[BaseModel]) -> Callable[..., Any]:
    names = _names(tool, way, schema)
    # `n: int = None` and `**kwargs` come with a default that a tool which checks its arguments itself would refuse.
    unsaid = {field for field, info in schema.model_fields.items() if way.in_one and info.default is None}

    def carry_out(method: str, values: Mapping[str, Any]) -> Any:
        # A value that was not given is the tool's own affair.
        given = {
            names.get(field, field): value
            for field, value in values.items()
            if value is not msgspec.UNSET and (value is not None or field not in unsaid)
        }
        function = getattr(tool, method)
        return function(given) if way.in_one else function(**given)

    def plain(**values: Any) -> Any:
        return _content(carry_out(way.method, values))

    async def awaited(**values: Any) -> Any:
        try:
            return _content(await carry_out(way.method, values))
        except NotImplementedError:
            if not way.spare:
                raise
        return _content(await call_function(carry_out, way.spare, values))

    return awaited if way.on_loop else plain


def _content(result: Any) -> Any:
    """Return what a tool says: of LangChain's message with a tool's result, its content."""
    return result.content if getattr(result, "type", None) == "tool" and hasattr(result, "content") else result


def _names(tool: Any, way: _Way, schema: type[BaseModel]) -> dict[str, str]:
    """Return under which names the values of the schema's fields are given on."""
    by_alias = way.in_one or issubclass(schema, _Described)
    taken = frozenset[str]() if by_alias else frozenset(inspect.signature(getattr(tool, way.method)).parameters)
    # The schema that LangChain shows a model has no aliases; the one that it checks by has.
    checked_by = getattr(tool, "args_schema", None) if way.in_one else None
    fields = {**schema.model_fields, **(checked_by.model_fields if _is_model(checked_by) else {})}
    return {
        field: alias
        for field in schema.model_fields
        if (alias := fields[field].alias) and (by_alias or (alias in taken and field not in taken))
    }


def _schema(tool: Any, name: str, way: _Way) -> type[BaseModel]:
    given: Any = getattr(tool, "args_schema", None)
    if given is not None:  # what LangChain injects by itself is no affair of the model
        shown = getattr(tool, "tool_call_schema", None) or given
        _check_injected(name, given, shown)
        given = shown
    if _is_model(given):
        return given
    if isinstance(given, dict):
        return _described(cast("dict[str, Any]", given))
    of_first_version = getattr(cast("Any", given), "schema", None)  # pydantic's
    if callable(of_first_version):
        return _described(as_fields(of_first_version()))
    listed = getattr(tool, "args", None)
    if isinstance(listed, dict):
        properties = cast("dict[str, Any]", listed)
        required = [field for field, value in properties.items() if "default" not in as_fields(value)]
        return _described({"properties": properties, "required": required})
    return arguments_model(getattr(tool, way.method), name)


def _is_model(thing: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(thing, type) and issubclass(thing, BaseModel)


def _check_injected(name: str, schema: Any, shown: Any) -> None:
    if not (_is_model(schema) and _is_model(shown)):
        return
    hidden = [
        repr(field)
        for field, info in schema.model_fields.items()
        if info.is_required() and field not in shown.model_fields
    ]
    if hidden:
        raise BlueprintError(
            f"tool {name!r} needs {', '.join(hidden)}, which its model is not shown and only LangChain's own agents "
            f"inject: give it a default, or write a @tool (from aiocrew) that calls it with a value"
        )


class _Described(BaseModel):
    """Arguments of which only a JSON schema is known: it is shown as it is, and the tool checks the values."""

    model_config = ConfigDict(populate_by_name=True)  # by position, as people call tools by hand

    described: ClassVar[dict[str, Any]] = {}

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"type": "object", "properties": {}, **cls.described}


class _DescribedAndMore(_Described):
    model_config = ConfigDict(extra="allow")


def _described(schema: Mapping[str, Any]) -> type[BaseModel]:
    required = as_items(schema.get("required"))
    # Names that pydantic has its own use for (schema, copy, _x) do as aliases.
    fields: dict[str, Any] = {
        f"argument_{number}": (Any, Field(... if name in required else msgspec.UNSET, alias=name))
        for number, name in enumerate(as_fields(schema.get("properties")))
    }
    base = _DescribedAndMore if schema.get("additionalProperties") else _Described
    model = create_model("Arguments", __base__=base, **fields)
    model.described = dict(schema)
    return model
