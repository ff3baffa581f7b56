"""A tool's result as the text that the model reads."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

__all__ = ["NO_RESULT", "clip", "sendable", "to_text"]

NO_RESULT = "(The tool returned nothing.)"


def to_text(result: Any) -> str:
    """Return `result` as text: a str as it is, records, dicts and lists as JSON, anything else as its str()."""
    if isinstance(result, str):
        return sendable(result)
    if result is None:
        return NO_RESULT
    if isinstance(result, BaseModel | dict | list | tuple):
        try:
            return to_json(result, fallback=str, bytes_mode="base64", inf_nan_mode="strings").decode()
        except (PydanticSerializationError, ValueError):  # a circle, keys that are no text
            pass
    return sendable(str(cast("object", result)))


def sendable(text: str) -> str:
    """Return `text` with what UTF-8 cannot carry (half of a surrogate pair) replaced."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def clip(text: str, longest: int) -> str:
    """Return `text`, cut to `longest` characters, its end marked where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
