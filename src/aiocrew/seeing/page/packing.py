"""Events as the lanes page takes them. Pure.

A page holds tens of thousands of events, and they say the same again and again: each turn repeats the transcript, and
the paths of a thousand runs are equal. So every text and every message stands once in a table, and an event is a short
row of numbers. `unpack` in lanes_text.js makes objects of them again, as `event_json` writes them for a stream.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

import msgspec

from aiocrew.types.events import Event, LLMCallCompleted, LLMStreamChunk
from aiocrew.types.messages import Assistant, Message, Request, ToolCall, ToolResult
from aiocrew.types.model_settings import ModelSettings

__all__ = ["MOST_CHARACTERS", "Packed", "event_json", "pack_events"]

MOST_CHARACTERS = 4000
"""Of one text; what is longer loses its middle, and says how much."""
_LOWER_LIMITS = (2000, 1000, 500, 250, 120)
_ALL_CHARACTERS = 9_000_000
"""Of all texts together: beyond that each is cut shorter, so that a page stays one that a browser opens at once."""

_Cell: TypeAlias = "tuple[str, Any]"

_SHORT = reprlib.Repr()  # it also has words for an object whose own repr() raises
_SHORT.maxstring = _SHORT.maxother = MOST_CHARACTERS
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = 100


class Packed(msgspec.Struct, frozen=True, gc=False):
    """Events, in the order given: each is [shape, cells...]."""

    texts: list[str]
    messages: list[list[Any]]
    """[role, text, the tool that answered, calls], texts by their numbers."""
    shapes: list[tuple[str, str, str]]
    """(type, names of fields with blanks between them, a letter for how each cell is to be read)."""
    events: list[list[Any]]


def pack_events(events: Iterable[Event]) -> Packed:
    """Return `events` in tables, long texts cut. Pieces of a reply that came whole are left out."""
    kept = list(events)
    whole = {(event.run_id, event.path) for event in kept if isinstance(event, LLMCallCompleted)}
    tables = _Tables()
    rows = [
        tables.row(event)
        for event in kept
        if not (isinstance(event, LLMStreamChunk) and (event.run_id, event.path) in whole)
    ]
    return Packed(_fitting(list(tables.texts)), list(tables.messages.values()), list(tables.shapes), rows)


def event_json(event: Event) -> str:
    """Return `event` as one line of JSON for the page's event stream, long texts cut."""
    return msgspec.json.encode(_plain(event)).decode()


class _Tables:
    """What stands once: texts, messages, and the shapes of events, each with its number."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.messages: dict[int, list[Any]] = {}
        self.shapes: dict[tuple[str, str, str], int] = {}
        self._numbers: dict[int, int] = {}

    def row(self, event: Event) -> list[Any]:
        names: list[str] = []
        reads = ""
        cells: list[Any] = []
        for name in event.__struct_fields__:
            if name == "wall_s" and event.run_id and not hasattr(event, "outer"):
                continue  # the page adds the difference that the run's first event tells
            read, cell = self._cell(_field(event, name))
            names.append(name)
            reads += read
            cells.append(cell)
        kind = cast("str", event.__struct_config__.tag)
        shape = self.shapes.setdefault((kind, " ".join(names), reads), len(self.shapes))
        return [shape, *cells]

    def _cell(self, value: Any) -> _Cell:
        """Return how a cell is to be read, and the cell."""
        match value:
            case str():
                return "s", self.text(value)
            case Request():
                return "r", [[self.message(message) for message in value.messages], *self._tools(value)]
            case ModelSettings():  # one for all calls of a model
                return "o", self.text(_in_words(value))
            case msgspec.Struct():
                return "j", {name: number for name, number in msgspec.structs.asdict(value).items() if number}
            case tuple():
                return self._several(cast("tuple[Any, ...]", value))
            case Mapping():
                inputs = cast("Mapping[Any, Any]", value)
                return "d", [[self.text(_in_words(part)) for part in pair] for pair in inputs.items()]
            case _:
                return "j", value

    def _several(self, values: tuple[Any, ...]) -> _Cell:
        if values and isinstance(values[0], ToolCall):
            return "c", self._calls(values)
        return "t", [self.text(value) for value in values]

    def _tools(self, request: Request) -> Iterable[int]:
        return (self.text(tool.name) for tool in request.tools)

    def _calls(self, calls: Iterable[ToolCall]) -> list[list[int]]:
        return [[self.text(call.name), self.text(call.arguments)] for call in calls]

    def text(self, text: str) -> int:
        # Numbered by the whole text: two that differ only in what is cut stay two.
        return self.texts.setdefault(text, len(self.texts))

    def message(self, message: Message) -> int:
        # By identity: a transcript grows by new messages, and the old ones are the same objects in every turn.
        number = self._numbers.get(id(message))
        if number is None:
            number = self._numbers[id(message)] = len(self.messages)
            name = self.text(message.name) if isinstance(message, ToolResult) else -1
            calls = self._calls(message.calls) if isinstance(message, Assistant) else []
            self.messages[number] = [message.__struct_config__.tag, self.text(message.text), name, calls]
        return number


def _fitting(texts: list[str]) -> list[str]:
    """Return `texts`, each cut so far that all of them fit into a page."""
    limit = MOST_CHARACTERS
    for lower in _LOWER_LIMITS:
        if sum(min(len(text), limit) for text in texts) <= _ALL_CHARACTERS:
            break
        limit = lower
    return [_sound(_shortened(text, limit)) for text in texts]


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = most * 3 // 4
    return f"{text[:head]}\n[… {len(text) - most:,} characters left out …]\n{text[head - most :]}"


def _sound(text: str) -> str:
    """Return `text` without halves of surrogate pairs, which JSON in UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _in_words(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value, enc_hook=_SHORT.repr).decode()
    except (TypeError, ValueError, RecursionError):  # keys that JSON has not, halves of pairs, a list in itself
        return _SHORT.repr(value)


def _field(record: msgspec.Struct, name: str) -> Any:
    """Return a field; seconds to the microsecond, in a page as in a stream, so that what comes in both is the same."""
    value = getattr(record, name)
    return round(value, 6) if name.endswith("_s") and isinstance(value, float) else value


def _plain(value: Any) -> Any:
    """Return an event, or what one holds, as JSON has it."""
    match value:
        case str():
            return _sound(_shortened(value, MOST_CHARACTERS))
        case Request():
            return {
                "messages": [_plain(message) for message in value.messages],
                "tools": [_plain(tool.name) for tool in value.tools],
            }
        case msgspec.Struct():
            names = [name for name in value.__struct_fields__ if name != "opaque"]
            tag = value.__struct_config__.tag
            return ({} if tag is None else {"type": tag}) | {name: _plain(_field(value, name)) for name in names}
        case tuple():
            return [_plain(item) for item in cast("tuple[Any, ...]", value)]
        case Mapping():
            inputs = cast("Mapping[str, Any]", value)
            return {_plain(_in_words(name)): _plain(_in_words(given)) for name, given in inputs.items()}
        case _:
            return value
