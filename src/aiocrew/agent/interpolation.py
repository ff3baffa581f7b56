"""Filling `{topic}` in what people wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiocrew.errors import MissingInputError

__all__ = ["interpolate", "placeholders"]

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


def interpolate(text: str, inputs: Mapping[str, Any] | None, owner: str, field: str) -> str:
    """Return `text` with each {identifier} replaced by its input, once: what an input holds is not read again.

    Braces around anything but an identifier (JSON) stay as they are; without inputs (None) all of them do.
    Raises MissingInputError, which names `owner`, `field` and variable.
    """
    if inputs is None or "{" not in text:
        return text

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name not in inputs:
            given = ", ".join(map(repr, inputs)) or "nothing"
            raise MissingInputError(
                f"{owner}: its {field} needs {match[0]}, but the inputs hold {given}. "
                f"Pass inputs={{{name!r}: ...}}, or write the text without the braces.",
                variable=name,
            )
        return str(inputs[name])

    return _PLACEHOLDER.sub(fill, text)


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in `text`, in order."""
    return _PLACEHOLDER.findall(text)
