"""What the engine needs to know of a tool, worked out once and again when the tool was changed."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from pydantic import BaseModel

from aiocrew.aio.functions import is_async
from aiocrew.errors import BlueprintError
from aiocrew.tools.signature import accepted_names, arguments_model, json_schema, named_parameters, takes_any_keyword
from aiocrew.types.messages import ToolSpec

__all__ = ["LONGEST_NAME", "ToolForm", "form_of", "name_choices", "placeholder", "wire_name"]

LONGEST_NAME = 64
"""Characters that every provider takes in a tool's name."""

F = TypeVar("F", bound=Callable[..., Any])


class _Described(Protocol):
    name: str
    description: str
    args_schema: type[BaseModel] | None


@dataclass(frozen=True, slots=True)
class ToolForm:
    """A tool as the engine sees it. It is kept on the tool, and holds nothing of the instance."""

    name: str
    description: str
    given_schema: type[BaseModel] | None
    func: Any
    spec: ToolSpec
    schema: type[BaseModel]
    parameters: tuple[tuple[str, str], ...]
    """The schema's fields, each with the parameter that takes its value."""
    known: frozenset[str] | None
    """The names that arguments may have; None where the schema itself says what becomes of others."""
    takes_more: bool
    """The function has `**kwargs`."""
    method: str
    """The attribute of the tool that does the work."""
    on_loop: bool
    spare: str
    """What does the work if `method` only says that it is not implemented; may be empty."""

    def fits(self, tool: _Described) -> bool:
        """Return whether `tool` is still what this was made from."""
        schema = tool.args_schema
        return (
            tool.name is self.name
            and (schema is self.schema or schema is self.given_schema)
            and tool.description is self.description
            and tool.__dict__.get("func") is self.func
        )


def placeholder(function: F) -> F:
    """Mark a method that stands for one that was not written."""
    function.is_placeholder = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def form_of(tool: _Described) -> ToolForm:
    """Return the tool's form. BlueprintError when it cannot work as it is written."""
    form: ToolForm | None = tool.__dict__.get("_aiocrew_form")
    if form is None or not form.fits(tool):
        form = tool.__dict__["_aiocrew_form"] = _make(tool)
    return form


def name_choices(tool: _Described, parameter: str, choices: Sequence[str]) -> None:
    """Have the model told that `parameter` is one of `choices`. What it writes is not held to that."""
    form = form_of(tool)
    schema = msgspec.json.decode(form.spec.parameters)
    told = schema["properties"][parameter]
    told.pop("default", None)
    told["enum"] = list(choices)
    schema["required"] = list(dict.fromkeys([*schema.get("required", ()), parameter]))
    spec = msgspec.structs.replace(form.spec, parameters=msgspec.Raw(msgspec.json.encode(schema)))
    tool.__dict__["_aiocrew_form"] = replace(form, spec=spec)


def wire_name(name: str) -> str:
    """Return `name` as every provider takes it: letters, digits, "_" and "-", at most 64, no digit in front.

    A name that is such a one stays as it is.
    """
    if re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    joined = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_-")
    if not joined or not joined[0].isalpha():
        joined = f"tool_{joined}" if joined else "tool"
    return joined[:LONGEST_NAME].rstrip("_-")


_DERIVED: WeakKeyDictionary[type[Any], type[BaseModel]] = WeakKeyDictionary()


def _make(tool: _Described) -> ToolForm:
    if not tool.name.strip():
        raise BlueprintError(f"a tool needs a name; this {type(tool).__name__} has an empty one")
    written = [method for method in ("_run", "_arun") if not hasattr(getattr(type(tool), method), "is_placeholder")]
    if not written and callable(tool.__dict__.get("func")):
        written = ["func"]
    if not written:
        raise BlueprintError(f"tool {tool.name!r} ({type(tool).__name__}) has neither `_run` nor `_arun`")
    schema = tool.args_schema or _derived_schema(tool, written[0])
    if not issubclass(schema, BaseModel):  # pyright: ignore[reportUnnecessaryIsInstance] - a default is not validated
        raise BlueprintError(
            f"tool {tool.name!r}: its args_schema {schema.__name__} is no class of pydantic's version 2; write it with "
            "`from pydantic import BaseModel`, not `pydantic.v1`"
        )
    parameters = _matched(getattr(tool, written[0]), schema, tool.name)
    method, spare = written[0], ""
    if written[0] != written[-1] and _is_nearest(tool, "_arun") and _takes(tool, "_arun", parameters):
        method, spare = "_arun", "_run"
    function = getattr(tool, method)
    return ToolForm(
        name=tool.name,
        description=tool.description,
        given_schema=tool.args_schema,
        func=tool.__dict__.get("func"),
        spec=ToolSpec(wire_name(tool.name), tool.description.strip(), json_schema(schema, tool.name)),
        schema=schema,
        parameters=parameters,
        known=None if schema.model_config.get("extra") else accepted_names(schema),
        takes_more=takes_any_keyword(function),
        method=method,
        on_loop=is_async(function),
        spare=spare,
    )


def _derived_schema(tool: _Described, method: str) -> type[BaseModel]:
    if method == "func":
        return arguments_model(getattr(tool, method), tool.name)
    schema = _DERIVED.get(type(tool))
    if schema is None:
        schema = _DERIVED[type(tool)] = arguments_model(getattr(tool, method), tool.name)
    return schema


def _matched(function: Callable[..., Any], schema: type[BaseModel], tool: str) -> tuple[tuple[str, str], ...]:
    """Return each field of `schema` with the function's parameter for it; BlueprintError where there is none."""
    taken = {parameter.name: parameter for parameter in named_parameters(function, tool)}
    takes_more = takes_any_keyword(function)
    pairs: list[tuple[str, str]] = []
    for field, info in schema.model_fields.items():
        parameter = next((name for name in (field, info.alias) if name in taken), field)
        if parameter not in taken and not takes_more:
            raise BlueprintError(f"tool {tool!r}: its args_schema has {field!r}, but its function does not take it")
        pairs.append((field, parameter or field))
    given = {parameter for _, parameter in pairs}
    for name, parameter in taken.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            raise BlueprintError(f"tool {tool!r}: its function needs {name!r}, but its args_schema does not have it")
    return tuple(pairs)


def _is_nearest(tool: _Described, method: str) -> bool:
    """Return whether no subclass of the class that wrote `method` has written the other one alone."""
    written = next(vars(kind) for kind in type(tool).__mro__ if "_run" in vars(kind) or "_arun" in vars(kind))
    return method in written


def _takes(tool: _Described, method: str, parameters: Iterable[tuple[str, str]]) -> bool:
    # `async def _arun(self): raise NotImplementedError` is a common way to say that there is none.
    try:
        inspect.signature(getattr(tool, method)).bind(**{parameter: None for _, parameter in parameters})
    except TypeError:
        return False
    return True
