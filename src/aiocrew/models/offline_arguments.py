"""Values that keep to a JSON schema: how the offline model fills in arguments and answers in JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aiocrew.models.json_values import as_fields, as_items, as_text

__all__ = ["filled_in"]

_DEEPEST = 6
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_BY_NAME = {"url": "https://example.com/", "link": "https://example.com/", "email": "someone@example.com"}


@dataclass(slots=True)
class _Source:
    """Where the values come from: the subject for texts, the numbers of the task in their order."""

    subject: str
    numbers: Iterator[float]
    definitions: Mapping[str, Any]
    used: list[str] = field(default_factory=list[str])


def filled_in(schema: bytes | msgspec.Raw, *, subject: str, task: str) -> Any:
    """Return a value that `schema` allows, made of the task's own words and numbers."""
    root = as_fields(msgspec.json.decode(schema))
    numbers = (float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])", task))
    definitions = as_fields(root.get("$defs")) or as_fields(root.get("definitions"))
    return _value(root, "", _Source(subject or "the task", numbers, definitions), 0)


def _value(schema: Mapping[str, Any], name: str, source: _Source, depth: int) -> Any:
    schema = _chosen(schema, source)
    for key in ("const", "default"):
        if key in schema and (depth or key == "const"):
            return schema[key]
    for key in ("enum", "examples"):
        if options := as_items(schema.get(key)):
            return options[0]
    kind = schema.get("type")
    kind = next((one for one in as_items(kind) if one != "null"), None) if isinstance(kind, list) else kind
    match kind or ("object" if "properties" in schema else "string"):
        case "object":
            return _object(schema, source, depth)
        case "array":
            count = max(1, _int(schema.get("minItems")) or 1) if depth < _DEEPEST else 0
            return [_value(as_fields(schema.get("items")), name, source, depth + 1) for _ in range(count)]
        case "integer":
            return int(_number(schema, source))
        case "number":
            number = _number(schema, source)
            return int(number) if number.is_integer() else number
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema, name, source)


def _chosen(schema: Mapping[str, Any], source: _Source) -> Mapping[str, Any]:
    """Return the schema with its reference followed and the first alternative taken that is not null."""
    for _ in range(_DEEPEST):
        if reference := as_text(schema.get("$ref")):
            own = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**as_fields(source.definitions.get(reference.rpartition("/")[2])), **own}
            continue
        options = [as_fields(option) for key in ("anyOf", "oneOf", "allOf") for option in as_items(schema.get(key))]
        options = [option for option in options if option.get("type") != "null"]
        if not options:
            break
        own = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf")}
        if own.get("default", ...) is None:
            del own["default"]
        schema = {**options[0], **own}
    return schema


def _object(schema: Mapping[str, Any], source: _Source, depth: int) -> dict[str, Any]:
    properties = {name: as_fields(value) for name, value in as_fields(schema.get("properties")).items()}
    required = [name for name in as_items(schema.get("required")) if name in properties]
    if not required and properties:
        required = [
            next((name for name, value in properties.items() if value.get("type") == "string"), next(iter(properties)))
        ]
    return {name: _value(properties[name], name, source, depth + 1) for name in required} if depth < _DEEPEST else {}


def _number(schema: Mapping[str, Any], source: _Source) -> float:
    whole = schema.get("type") == "integer"
    low, high = _limit(schema, "minimum", "exclusiveMinimum", 1), _limit(schema, "maximum", "exclusiveMaximum", -1)
    number = next(source.numbers, None)
    if number is None or (whole and not number.is_integer()):
        number = 3.0
    number = number if low is None else max(low, number)
    return number if high is None else min(high, number)


def _limit(schema: Mapping[str, Any], closed: str, opened: str, step: int) -> float | None:
    if isinstance(schema.get(closed), (int, float)):
        return float(schema[closed])
    return float(schema[opened]) + step if isinstance(schema.get(opened), (int, float)) else None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _text(schema: Mapping[str, Any], name: str, source: _Source) -> str:
    format_ = as_text(schema.get("format"))
    text = _FORMATS.get(format_) or _BY_NAME.get(name.lower()) or source.subject
    least, most = _int(schema.get("minLength")) or 0, _int(schema.get("maxLength"))
    text = (f"{text} " * (least // (len(text) + 1) + 1)).strip() if len(text) < least else text
    return text if most is None else text[:most]
