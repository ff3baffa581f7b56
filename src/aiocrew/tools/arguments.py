"""The arguments of a call: from the text that a model wrote to the values that a tool takes, or a correction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from pydantic import BaseModel, ValidationError

from aiocrew.tools.form import ToolForm
from aiocrew.tools.text import clip

__all__ = ["Arguments", "Problem", "check_values", "read_arguments", "usage"]

_SHOWN_CHARACTERS = 80
_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """Why arguments cannot be used, in words that tell the model what to do instead."""

    text: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments as JSON: `canonical` is the same text for the same arguments."""

    canonical: str


def read_arguments(text: str) -> Arguments | None:
    """Return the JSON object that `text` holds; None if there is none. Never raises.

    Harmless slips are forgiven: code fences, words around the object, Python's quotes and constants, trailing commas,
    raw line breaks in strings, JSON inside a JSON string. An empty text and null are no arguments.
    """
    if not text or text.isspace():
        return Arguments("{}")
    value = _decoded(text)
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, msgspec.UnsetType):
        start, end = text.find("{"), text.rfind("}")
        repaired = _repaired(text[start : end + 1]) if 0 <= start < end else None
        value = msgspec.UNSET if repaired is None else _decoded(repaired)
    if value is None:
        return Arguments("{}")
    if not isinstance(value, dict):
        return None
    try:
        return Arguments(msgspec.json.encode(value, order="sorted").decode())
    except (ValueError, TypeError, RecursionError):  # a lone surrogate, nesting without end
        return None


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return msgspec.UNSET


_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_]+)|(?P<comma>,\s*(?=[}\])]))|(?P<open>\()|(?P<close>\))"""
    r"""|(?P<plain>[{}\[\]:,]|[-+0-9.eE]+|\s+)""",
    re.DOTALL,
)
_WORDS = {"True": "true", "False": "false", "None": "null", "true": "true", "false": "false", "null": "null"}


def _repaired(text: str) -> str | None:
    """Return `text` with what Python and JSON write differently put into JSON; None for anything else."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        match token.lastgroup:
            case "string":
                parts.append(_json_string(token[0][1:-1]))
            case "word":
                parts.append(_WORDS.get(token[0], "?"))
            case "open":
                parts.append("[")
            case "close":
                parts.append("]")
            case "comma":
                pass
            case _:
                parts.append(token[0])
    return "".join(parts)


_ESCAPE = re.compile(
    r"""\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|.)|(["\x00-\x1f])""", re.DOTALL
)


def _json_string(body: str) -> str:
    return f'"{_ESCAPE.sub(_json_escape, body)}"'


def _json_escape(found: re.Match[str]) -> str:
    escaped, bare = found.groups()
    if bare is not None:
        return f"\\u{ord(bare):04x}"
    if escaped == "'":
        return "'"
    if escaped[0] in '"\\/bfnrt' or (escaped[0] == "u" and len(escaped) > 1):
        return found[0]
    if len(escaped) > 1:
        return _json_character(int(escaped[1:], 16))
    return rf"\\{escaped}" if escaped.isprintable() else rf"\\\u{ord(escaped):04x}"  # the backslash was meant


def _json_character(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else chr(code)


def check_values(form: ToolForm, given: Arguments | Mapping[str, Any]) -> dict[str, Any] | Problem:
    """Return the values to call the tool's function with: validated, converted, defaults filled in.

    Raises what a validator of the user's raises beside ValueError and AssertionError.
    """
    problems: list[str] = []
    arguments = msgspec.json.decode(given.canonical) if isinstance(given, Arguments) else given
    if form.known is not None:
        problems += [
            f"there is no argument {clip(repr(name), _SHOWN_CHARACTERS)}"
            for name in arguments
            if name not in form.known
        ]
    try:
        # As JSON, because a strict schema takes a date or an enum from JSON text, but not from a Python string.
        if isinstance(given, Arguments):
            model = form.schema.model_validate_json(given.canonical)
        else:
            model = form.schema.model_validate(dict(given))
    except ValidationError as error:
        problems = [*_said(error), *problems]
    else:
        if not problems:
            return _values(form, model)
    more = len(problems) - _SHOWN_PROBLEMS
    shown = "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
    return Problem(f"Wrong arguments for the tool {form.name!r}: {shown}. {usage(form)}")


def _values(form: ToolForm, model: BaseModel) -> dict[str, Any]:
    fields = model.__dict__
    values = {parameter: fields[field] for field, parameter in form.parameters}
    if form.takes_more and model.model_extra:
        values |= model.model_extra
    return values


def _said(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"])
        if item["type"] == "missing":
            yield f"{where!r} is missing"
        else:
            got = clip(repr(item["input"]), _SHOWN_CHARACTERS)
            yield f"{where!r}: {item['msg']} (got {got})" if where else f"{item['msg']} (got {got})"


def usage(form: ToolForm) -> str:
    """Return a sentence that says how the tool's arguments are to be written."""
    schema: dict[str, Any] = msgspec.json.decode(form.spec.parameters)
    required: list[str] = schema.get("required", [])
    named = [
        f"{name} ({_type_in_words(value)}, {'required' if name in required else 'optional'})"
        for name, value in schema["properties"].items()
    ]
    if not named:
        return "It takes no arguments: call it with {}."
    return f"Call it with one JSON object of these arguments: {', '.join(named)}."


def _type_in_words(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "anything"
    read = cast("dict[str, Any]", schema)
    if "enum" in read:
        return "one of " + ", ".join(repr(value) for value in read["enum"])
    if "const" in read:
        return repr(read["const"])
    if "anyOf" in read:
        return " or ".join(_type_in_words(choice) for choice in read["anyOf"])
    if "$ref" in read:
        return str(read["$ref"]).rpartition("/")[2]
    return str(read.get("type", "anything"))
