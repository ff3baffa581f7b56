"""A pydantic class as the response_format that a model must keep to. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from aiocrew.models.json_values import as_fields

__all__ = ["json_schema_format"]


def json_schema_format(cls: type[BaseModel]) -> dict[str, Any]:
    """Return the response_format for `cls`: strict, unless its schema has what strict schemas cannot say."""
    schema = cls.model_json_schema()
    strict = not _is_open(schema)
    return {
        "type": "json_schema",
        "json_schema": {"name": cls.__name__, "schema": _strict(schema) if strict else schema, "strict": strict},
    }


def _is_open(schema: Any) -> bool:
    """Return whether any object may have fields that the schema does not name (a dict, an Any)."""
    if isinstance(schema, list):
        return any(_is_open(item) for item in schema)  # pyright: ignore[reportUnknownVariableType]
    fields = as_fields(schema)
    if fields.get("type") == "object" and not (fields.get("properties") and not fields.get("additionalProperties")):
        return True
    return any(_is_open(value) for value in fields.values())


def _strict(schema: Any) -> Any:
    # developers.openai.com, structured outputs: every field is required, no others are allowed, no defaults, and a
    # $ref stands alone.
    if isinstance(schema, list):
        return [_strict(item) for item in schema]  # pyright: ignore[reportUnknownVariableType]
    known = as_fields(schema)
    if not known:
        return schema
    if "$ref" in known:
        return {"$ref": known["$ref"]}
    fields = {name: _strict(value) for name, value in known.items() if name != "default"}
    if known.get("type") == "object":
        properties = as_fields(known.get("properties"))
        fields["properties"] = {name: _strict(value) for name, value in properties.items()}
        fields |= {"required": list(properties), "additionalProperties": False}
    return fields
