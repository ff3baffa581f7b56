"""Filling `{topic}` in what people wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aiocrew.errors import MissingInputError

__all__ = ["interpolate", "placeholders"]

_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")
_KEPT = 10_000  # longer texts are read anew, so that none of them is kept alive


def interpolate(text: str, inputs: Mapping[str, Any] | None, owner: tuple[str, str], field: str) -> str:
    """Return `text` with each {identifier} replaced by its input, once: what an input holds is not read again.

    Braces around anything but an identifier (JSON) stay as they are; without inputs (None) all of them do.
    Raises MissingInputError, which names `owner` (what it is, and its name), `field` and variable.
    """
    if inputs is None or "{" not in text:
        return text
    parts = _parts(text) if len(text) < _KEPT else _PLACEHOLDER.split(text)
    if len(parts) == 1:
        return text
    filled = list(parts)
    for place in range(1, len(parts), 2):
        try:
            filled[place] = str(inputs[parts[place]])
        except KeyError:
            raise _missing(parts[place], inputs, owner, field) from None
    return "".join(filled)


@lru_cache(maxsize=1024)
def _parts(text: str) -> list[str]:
    """Return a text's literal parts with the names between them; the same few texts are filled again and again."""
    return _PLACEHOLDER.split(text)


def _missing(name: str, inputs: Mapping[str, Any], owner: tuple[str, str], field: str) -> MissingInputError:
    what, name_of_it = owner
    given = ", ".join(map(repr, inputs)) or "nothing"
    return MissingInputError(
        f"{what} {name_of_it!r}: its {field} needs {{{name}}}, but the inputs hold {given}. "
        f"Pass inputs={{{name!r}: ...}}, or write the text without the braces.",
        variable=name,
    )


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in `text`, in order."""
    return _PLACEHOLDER.findall(text)
