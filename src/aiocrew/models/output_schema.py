"""A pydantic class as a JSON schema, and as the strict schema that providers can hold a model to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from aiocrew.errors import BlueprintError
from aiocrew.models.json_values import as_fields, as_items, as_text

__all__ = ["schema_of", "strict_form"]

_KEPT = frozenset({"type", "enum", "const", "description"})
_IN_WORDS = (
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "examples",
)
"""Keywords that stand in the description of a strict schema: OpenAI takes some of them, its fine-tuned models and Azure
none, xAI others; what they say is checked when the answer is read anyway."""
_LEFT_OUT = frozenset({"title", "default", "discriminator", "$defs", "deprecated", "readOnly", "writeOnly"})

# The guide to structured outputs: 5,000 fields, 10 levels, 1,000 values of enums; Azure's: 100, 5, and refused are
# more than 500. Beyond the smaller ones a schema is sent without strict, which all of them take.
_MOST_FIELDS = 100
_DEEPEST = 5
_MOST_VALUES = 500
_MOST_CHARACTERS = 15_000
"""In the names of fields and the values of enums."""


class _Open(Exception):
    """The schema says something that strict ones cannot."""


class _Quiet(GenerateJsonSchema):
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Say nothing: a default that JSON cannot hold is left out of the schema."""


def schema_of(cls: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of `cls`, an object's, without titles.

    Raises BlueprintError where a field's type has no place in JSON, or the class is no object with named fields.
    """
    try:
        schema = cls.model_json_schema(schema_generator=_Quiet)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise BlueprintError(
            f"{cls.__name__} cannot be the form of an answer: a field of it has a type that cannot be described to a "
            f"model as JSON ({_first_line(error)}); use plain types, lists, dicts and pydantic classes"
        ) from error
    definitions = as_fields(schema.get("$defs"))
    if target := _target(schema):  # a class that refers to itself is a reference at the root
        schema = {**as_fields(definitions.get(target)), "$defs": definitions}
    if schema.get("type") != "object":
        raise BlueprintError(
            f"{cls.__name__} cannot be the form of an answer: it is no object with named fields; put what it holds "
            f"into a field, such as `items: list[...]`"
        )
    return cast("dict[str, Any]", _without_titles(schema))


def strict_form(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return an object's schema as strict modes want it, or None where it cannot be said so.

    Every field is required and no others are allowed. Limits of values stand in the descriptions.
    """
    definitions = as_fields(schema.get("$defs"))
    for inlined in (definitions, {}):  # a class that stands in many fields may be too much when it is written out
        try:
            strict = _strict(schema, inlined)
            if definitions:
                strict["$defs"] = {name: _strict(as_fields(value), inlined) for name, value in definitions.items()}
        except _Open:
            return None
        if _is_small(strict):
            return strict
    return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _target(schema: dict[str, Any]) -> str:
    return as_text(schema.get("$ref")).removeprefix("#/$defs/")


_NAMED = ("properties", "$defs", "patternProperties")
_VALUES = ("default", "const", "enum", "examples", "required")


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(item) for item in as_items(cast("Any", schema))]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in as_fields(cast("Any", schema)).items():
        if key in _VALUES:
            kept[key] = value
        elif key in _NAMED:
            kept[key] = {name: _without_titles(item) for name, item in as_fields(value).items()}
        elif key != "title":
            kept[key] = _without_titles(value)
    return kept


def _strict(schema: dict[str, Any], inlined: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as strict ones are. Of `inlined`, what a field refers to with a description is written out."""
    if target := _target(schema):
        if target not in inlined or "description" not in schema:
            return {"$ref": schema["$ref"]}  # which stands alone
        return _strict({**as_fields(inlined[target]), "description": schema["description"]}, {})
    strict = {key: value for key, value in schema.items() if key in _KEPT}
    if said := [f"{key}: {schema[key]}" for key in _IN_WORDS if key in schema]:
        strict["description"] = f"{as_text(schema.get('description'))} ({', '.join(said)})".strip()
    seen = {*_KEPT, *_IN_WORDS, *_LEFT_OUT}
    # Tagged unions come as oneOf, which is not taken; the tags tell the alternatives apart just as well.
    given = [as_fields(option) for key in ("anyOf", "oneOf") for option in as_items(schema.get(key))]
    options = [_strict(option, inlined) for option in given]
    if options:
        strict["anyOf"] = options
        seen |= {"anyOf", "oneOf"}
    if schema.get("type") == "object":
        strict |= _object(schema, inlined)
        seen |= {"properties", "required", "additionalProperties"}
    elif schema.get("type") == "array":
        strict["items"] = _strict(as_fields(schema.get("items")), inlined)
        seen |= {"items"}
    elif not options and "type" not in strict:  # such as values of several types
        raise _Open
    if schema.keys() - seen:
        raise _Open
    return strict


def _object(schema: dict[str, Any], inlined: dict[str, Any]) -> dict[str, Any]:
    properties = as_fields(schema.get("properties"))
    if not properties or schema.get("additionalProperties"):
        raise _Open
    return {
        "properties": {name: _strict(as_fields(value), inlined) for name, value in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _is_small(root: dict[str, Any]) -> bool:
    parts = [root, *as_fields(root.get("$defs")).values()]
    all_parts = [inner for part in parts for inner in _walk(as_fields(part))]
    names = [name for part in all_parts for name in as_fields(part.get("properties"))]
    values = [value for part in all_parts for value in as_items(part.get("enum"))]
    return (
        len(names) <= _MOST_FIELDS
        and len(values) <= _MOST_VALUES
        and sum(len(str(text)) for text in (*names, *values)) <= _MOST_CHARACTERS
        and _depth(root, as_fields(root.get("$defs")), frozenset()) <= _DEEPEST
    )


def _inner(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from map(as_fields, as_fields(schema.get("properties")).values())
    yield from map(as_fields, as_items(schema.get("anyOf")))
    if "items" in schema:
        yield as_fields(schema["items"])


def _walk(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in _inner(schema):
        yield from _walk(inner)


def _depth(schema: dict[str, Any], definitions: dict[str, Any], above: frozenset[str]) -> int:
    """Return how many objects stand in one another; one that refers to itself counts once."""
    target = _target(schema)
    if target in above:
        return 0
    if target:
        return _depth(as_fields(definitions.get(target)), definitions, above | {target})
    return (schema.get("type") == "object") + max(
        (_depth(inner, definitions, above) for inner in _inner(schema)), default=0
    )
