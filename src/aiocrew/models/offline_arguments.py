"""Values that keep to a JSON schema: how the offline model fills in arguments and answers in JSON. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from aiocrew.models.json_values import as_fields, as_items, as_text

__all__ = ["filled_in"]

_SHALLOW, _DEEPEST = 4, 12
"""Below the first nothing is made that may be left out; the second ends what refers to itself without end."""
_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00",
    "duration": "P1D",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uuid4": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
_BY_NAME = {"url": "https://example.com/", "link": "https://example.com/", "email": "someone@example.com"}


@dataclass(slots=True)
class _Source:
    """Where the values come from: the subject for texts, the numbers of the task in their order."""

    subject: str
    numbers: Iterator[float]
    definitions: Mapping[str, Any]
    complete: bool


def filled_in(schema: bytes | msgspec.Raw, *, subject: str, task: str, complete: bool = False) -> Any:
    """Return a value that `schema` allows, made of the task's own words and numbers.

    complete: with the fields that are not required, too.
    """
    root = as_fields(msgspec.json.decode(schema))
    numbers = (float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])", task))
    definitions = as_fields(root.get("$defs")) or as_fields(root.get("definitions"))
    return _value(root, "", _Source(subject or "the task", numbers, definitions, complete), 0)


def _value(schema: Mapping[str, Any], name: str, source: _Source, depth: int) -> Any:
    schema = _chosen(schema, source, depth)
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
            return _items(schema, name, source, depth)
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


def _items(schema: Mapping[str, Any], name: str, source: _Source, depth: int) -> list[Any]:
    forms = [as_fields(item) for item in as_items(schema.get("prefixItems"))]
    least = _int(schema.get("minItems")) or 0
    count = least if depth >= _SHALLOW or schema.get("maxItems") == 0 else max(1, least)
    forms += [as_fields(schema.get("items"))] * (count - len(forms))
    values = [_value(form, name, source, depth + 1) for form in forms] if depth < _DEEPEST else []
    return [_apart(value, n) for n, value in enumerate(values)] if schema.get("uniqueItems") else values


def _apart(value: Any, n: int) -> Any:
    """Return value number `n` of several that must differ."""
    if isinstance(value, str):
        return f"{value} {n}" if n else value
    return value + n if isinstance(value, float) or type(value) is int else value


def _chosen(schema: Mapping[str, Any], source: _Source, depth: int) -> Mapping[str, Any]:
    """Return the schema with its reference followed and the first alternative taken that is not null.

    Far down it is null, where that is one.
    """
    for _ in range(_DEEPEST):
        if reference := as_text(schema.get("$ref")):
            own = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**as_fields(source.definitions.get(reference.rpartition("/")[2])), **own}
            continue
        options = [as_fields(option) for key in ("anyOf", "oneOf", "allOf") for option in as_items(schema.get(key))]
        if depth >= _SHALLOW and {"type": "null"} in options:
            return {"type": "null"}
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
    if source.complete:
        required = list(properties)
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
    number = number if high is None else min(high, number)
    if low is not None and high is not None and low > high:  # more than 0 and less than 1
        low, high = _limit(schema, "minimum", "exclusiveMinimum", 0), _limit(schema, "maximum", "exclusiveMaximum", 0)
        return ((low or 0.0) + (high or 0.0)) / 2
    step = schema.get("multipleOf")
    if isinstance(step, (int, float)) and step > 0:
        number = math.floor(number / step) * step
        number += step if low is not None and number < low else 0
    return float(number)


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
