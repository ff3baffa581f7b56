"""Whether one run uses what another one gave, as far as texts can tell. Pure.

In doubt it does: a finding that is none would cost more trust than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, cast

import msgspec

from aiocrew.seeing.timeline import RunSpan
from aiocrew.types.messages import Assistant

__all__ = ["RunTexts", "distinctive_words", "uses"]

_WINDOW: Final = 4
"""So many words in a row are no coincidence."""
_WORD: Final = re.compile(r"\w+")
_LONG_WORD: Final = 5
_SHORT: Final = 12
"""A text that is shorter has to stand between other words to count."""


class RunTexts:
    """The texts of a run: what it was asked and given, and what it gave."""

    def __init__(self, run: RunSpan) -> None:
        self._run = run

    @cached_property
    def given(self) -> str:
        """All that went in: inputs, prompts, what tools were asked."""
        parts = [_text(self._run.inputs)]
        for call in self._run.calls.values():
            if call.kind == "model" and call.request is not None:
                parts += [message.text for message in call.request.messages if not isinstance(message, Assistant)]
            elif call.kind == "tool":
                parts.append(call.said)
        return "\n".join(parts)

    @cached_property
    def gave(self) -> tuple[str, ...]:
        """All that came out: the outputs of its tasks and its own, each once."""
        outputs = (self._run.output, *(task.output for task in self._run.tasks.values()))
        return tuple(dict.fromkeys(output.strip() for output in outputs if output.strip()))

    @cached_property
    def given_lowered(self) -> str:
        return self.given.lower()

    @cached_property
    def given_windows(self) -> set[int]:
        """Every few words in a row of what went in, as hashes."""
        return _windows(self.given_lowered)

    @cached_property
    def new_windows(self) -> set[int]:
        """Those of what came out that had not gone in."""
        return {window for output in self.gave for window in _windows(output.lower())} - self.given_windows


def _windows(text: str) -> set[int]:
    words = _WORD.findall(text)
    return {hash(tuple(words[place : place + _WINDOW])) for place in range(len(words) - _WINDOW + 1)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return repr(value)


def uses(later: RunTexts, earlier: RunTexts) -> bool:
    """Return whether what `later` was given holds something of what `earlier` gave, and was not given itself."""
    if not later.given_windows.isdisjoint(earlier.new_windows):
        return True
    parts = (part for output in earlier.gave for part in _parts(output))
    return any(_holds(later, part, earlier.given) for part in parts)


def _parts(output: str) -> Iterable[str]:
    """Give the whole of an output, its lines, and its values where it is JSON."""
    yield output
    lines = [line.strip(" -*#>\t") for line in output.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if line)
    if output[0] in "{[":
        yield from (value for value in _values(output) if value)


def _values(output: str) -> Iterable[str]:
    try:
        todo: list[Any] = [msgspec.json.decode(output)]
    except (msgspec.MsgspecError, RecursionError):
        return
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo.extend(cast("dict[str, Any]", value).values())
        elif isinstance(value, list):
            todo.extend(cast("list[Any]", value))
        elif value is not None and not isinstance(value, bool):
            yield str(value)


def _holds(later: RunTexts, part: str, known: str) -> bool:
    if len(part) >= _SHORT:
        return part.lower() in later.given_lowered and part not in known
    return _stands_in(part, later.given) and not _stands_in(part, known)


def _stands_in(part: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def distinctive_words(output: str, known: str) -> set[str]:
    """Return the long words of `output` that do not occur in `known`, in lower case."""
    return _long_words(output) - _long_words(known)


def _long_words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text) if len(word) >= _LONG_WORD}
