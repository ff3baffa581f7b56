"""What a plain YAML scalar means, by the core schema of YAML 1.2.2 (section 10.3.2). Pure."""

from __future__ import annotations

import re

__all__ = ["plain_value", "tagged_value"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    text: value for word, value in (("true", True), ("false", False)) for text in (word, word.title(), word.upper())
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = frozenset({".nan", ".NaN", ".NAN"})


def plain_value(text: str) -> str | float | bool | None:
    """Return what a scalar without quotes and without a tag stands for; `yes`, `no`, `on` and `off` are texts.

    Raises ValueError for an integer of too many digits.
    """
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    number = _number(text)
    return text if number is None else number


def tagged_value(tag: str, text: str) -> str | float | bool | None:
    """Return what `text` stands for as a str, null, bool, int or float. Raises ValueError where it is none."""
    if tag == "str":
        return text
    value = plain_value(text)
    if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value).__name__ != {"null": "NoneType"}.get(tag, tag):
        raise ValueError(f"{text!r} is no {tag}")
    return value


def _number(text: str) -> float | None:
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return float("nan") if text in _NOT_A_NUMBER else None
