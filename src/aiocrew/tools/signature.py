"""A function's signature as a pydantic model of its arguments, and a model as a JSON schema."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Annotated, Any, cast
from weakref import WeakKeyDictionary

import msgspec
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    PydanticUserError,
    create_model,
)
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from aiocrew.errors import BlueprintError
from aiocrew.tools.docstring import parse_docstring

__all__ = ["accepted_names", "arguments_model", "json_schema", "named_parameters", "takes_any_keyword"]

_EMPTY = inspect.Parameter.empty
_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD


def named_parameters(function: Callable[..., Any], tool: str) -> list[inspect.Parameter]:
    """Return the parameters that can be given by name.

    Raises BlueprintError, naming `tool`, where one can be given by position only, or there is no signature.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise BlueprintError(f"tool {tool!r}: {function!r} has no signature that can be read") from error
    if takes_any_keyword(function):  # `*args, **kwargs` takes whatever there is, by name
        parameters = [parameter for parameter in parameters if parameter.kind is not _VAR_POSITIONAL]
    for parameter in parameters:
        if parameter.kind in (_POSITIONAL_ONLY, _VAR_POSITIONAL):
            raise BlueprintError(
                f"tool {tool!r}: parameter {parameter} can be given by position only, but a model gives its "
                "arguments by name; make it an ordinary parameter"
            )
    return [parameter for parameter in parameters if parameter.kind is not _VAR_KEYWORD]


def takes_any_keyword(function: Callable[..., Any]) -> bool:
    """Return whether `function` has `**kwargs`."""
    return any(parameter.kind is _VAR_KEYWORD for parameter in inspect.signature(function).parameters.values())


def arguments_model(
    function: Callable[..., Any], tool: str, local_names: Mapping[str, Any] | None = None
) -> type[BaseModel]:
    """Return a model of the arguments that `function` takes by name.

    A parameter without an annotation has the type of its default if that is a str, int, float or bool, and takes
    anything otherwise. What the docstring says of a parameter is its description, unless its Field has one.
    `local_names` are names beside the function's globals that annotations may use.
    Raises BlueprintError, naming `tool`, for a signature or an annotation that cannot be used.
    """
    inner = _plain(function)
    described = parse_docstring(getattr(inner, "__doc__", None)).parameters
    fields: dict[str, Any] = {}
    for parameter in named_parameters(function, tool):
        if parameter.name == "self":
            raise BlueprintError(f"tool {tool!r} takes `self`: use a function, a bound method or a BaseTool")
        annotation = _annotation(parameter, inner, tool, local_names)
        default = ... if parameter.default is _EMPTY else parameter.default
        name = _field_name(parameter.name)
        alias = None if name == parameter.name else parameter.name
        fields[name] = _field(annotation, default, described.get(parameter.name), alias)
    config = ConfigDict(
        arbitrary_types_allowed=True,
        coerce_numbers_to_str=True,  # models write a postcode as a number
        protected_namespaces=(),
    )
    if takes_any_keyword(function):
        config["extra"] = "allow"
    try:
        return create_model("Arguments", __config__=config, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError) as error:
        raise BlueprintError(f"tool {tool!r}: its parameters cannot be described: {error}") from error


def accepted_names(model: type[BaseModel]) -> frozenset[str]:
    """Return the names by which the model's fields can be given, aliases included."""
    names: set[str] = set()
    for field, info in model.model_fields.items():
        names.add(field)
        for alias in (info.alias, info.validation_alias):
            for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
                first = choice.path[0] if isinstance(choice, AliasPath) else choice
                if isinstance(first, str):
                    names.add(first)
    return frozenset(names)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that was written, below partials, decorators and bound methods."""
    while isinstance(function, partial):
        function = cast("Callable[..., Any]", function.func)
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = type(function).__call__
    function = inspect.unwrap(function)
    return getattr(function, "__func__", function)


def _annotation(
    parameter: inspect.Parameter, function: Callable[..., Any], tool: str, local_names: Mapping[str, Any] | None
) -> Any:
    if parameter.annotation is _EMPTY:
        return next((kind for kind in (str, int, float, bool) if type(parameter.default) is kind), Any)
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    namespace = getattr(function, "__globals__", {})
    try:
        hint = typing.get_type_hints(holder, namespace, dict(local_names or {}), include_extras=True)["it"]
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise BlueprintError(
            f"tool {tool!r}: the annotation {parameter.annotation!r} of parameter {parameter.name!r} cannot be "
            f"resolved ({error}); define what it names in the module, or give the tool an args_schema"
        ) from error
    # `limit: int = None` is what people write for "may be left out"; a model may then say null.
    return hint | None if parameter.default is None else hint


def _field_name(parameter: str) -> str:
    # pydantic has its own meaning for names with an underscore in front, and methods named copy, json, schema, ...
    taken = parameter.startswith("_") or hasattr(BaseModel, parameter)
    return f"{parameter.lstrip('_')}_argument" if taken else parameter


def _field(annotation: Any, default: Any, description: str | None, alias: str | None) -> tuple[Any, Any]:
    extra: dict[str, Any] = {} if alias is None else {"alias": alias}
    notes = [*getattr(annotation, "__metadata__", ()), default]
    if not any(isinstance(note, FieldInfo) and note.description for note in notes):
        description = next((note for note in notes[:-1] if isinstance(note, str)), description)
        extra["description"] = description
    return Annotated[annotation, Field(**extra)], default


class _Quiet(GenerateJsonSchema):
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Say nothing: a default that JSON cannot hold is left out of the schema, and the tool still gets it."""


_ENCODED: WeakKeyDictionary[type[BaseModel], msgspec.Raw] = WeakKeyDictionary()


def json_schema(model: type[BaseModel], tool: str) -> msgspec.Raw:
    """Return the model's JSON schema without titles, encoded once for each model.

    Raises BlueprintError, naming `tool`, where a field's type has no place in JSON, or the model is no object.
    """
    known = _ENCODED.get(model)
    if known is not None:
        return known
    try:
        schema = model.model_json_schema(schema_generator=_Quiet)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise BlueprintError(
            f"tool {tool!r}: an argument's type cannot be described to a model as JSON: {error}"
        ) from error
    if schema.get("type") != "object":
        raise BlueprintError(f"tool {tool!r}: args_schema {model.__name__} describes no object with named fields")
    schema.setdefault("properties", {})
    encoded = msgspec.Raw(msgspec.json.encode(_without_titles(schema)))
    _ENCODED[model] = encoded
    return encoded


_NAMED = ("properties", "$defs", "patternProperties", "dependentSchemas")
_VALUES = ("default", "const", "enum", "examples", "required")


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", schema).items():
        if key == "title":
            continue
        if key in _VALUES:
            kept[key] = value
        elif key in _NAMED and isinstance(value, dict):
            kept[key] = {name: _without_titles(item) for name, item in cast("dict[str, Any]", value).items()}
        else:
            kept[key] = _without_titles(value)
    return kept
