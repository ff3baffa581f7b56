"""A streamed chat-completions reply, from bytes in whatever pieces they come. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec

from aiocrew.errors import InvalidReplyError
from aiocrew.models.json_values import as_fields, as_items, as_text, joined
from aiocrew.models.sse import EventParser, ServerEvent
from aiocrew.models.wire_errors import reported_error
from aiocrew.models.wire_reply import (
    CALL_FIELDS,
    MESSAGE_FIELDS,
    decode_reply,
    excerpt,
    finish_reason,
    read_usage,
    repaired,
    split_content,
    unique_ids,
)
from aiocrew.types.messages import Chunk, Reply, ToolCall

__all__ = ["StreamReader"]

_decoder = msgspec.json.Decoder()
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(slots=True)
class _Call:
    """A tool call under way."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])
    opaque: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def is_whole(self) -> bool:
        try:
            _object_decoder.decode("".join(self.arguments))
        except msgspec.DecodeError:
            return False
        return True

    def built(self) -> ToolCall:
        return ToolCall(self.id, self.name, "".join(self.arguments) or "{}", _opaque(self.opaque))


class _Calls:
    """Tool calls put together from their fragments, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, fragment: Mapping[str, Any]) -> None:
        function = as_fields(fragment.get("function"))
        id_, name, arguments = as_text(fragment.get("id")), as_text(function.get("name")), function.get("arguments")
        call = self._call_of(fragment.get("index"), id_, name, has_arguments=bool(arguments))
        call.id, call.name = call.id or id_, call.name or name
        if isinstance(arguments, str):
            call.arguments.append(arguments)
        elif arguments is not None:  # some servers send the object itself
            call.arguments.append(msgspec.json.encode(arguments).decode())
        _collect(call.opaque, fragment, CALL_FIELDS)

    def built(self) -> tuple[ToolCall, ...]:
        return unique_ids([call.built() for call in self._calls if call.name or any(call.arguments)])

    def _call_of(self, index: Any, id_: str, name: str, *, has_arguments: bool) -> _Call:
        """Return the call that a fragment belongs to: by its index, else by its id, else the one under way."""
        if isinstance(index, int):
            call = self._by_index.get(index)
            # Gemini's endpoint has sent several calls in one reply, each whole and each with index 0.
            if call is None or (id_ and name and call.id and call.id != id_):
                call = self._by_index[index] = self._new()
            return call
        for call in self._calls if id_ else ():
            if call.id == id_:
                return call
        last = self._calls[-1] if self._calls else None
        if last is None or (id_ and last.id) or (name and last.name and name != last.name):
            return self._new()
        # Neither index nor id: a name said again with arguments, after arguments that are whole, is a further call.
        return self._new() if name and has_arguments and last.is_whole() else last

    def _new(self) -> _Call:
        self._calls.append(_Call())
        return self._calls[-1]


class StreamReader:
    """Puts a reply together: feed it the bytes, show what it returns, and take the Reply from `finish`.

    Both raise the error that the stream reports, and InvalidReplyError for what is no stream of a reply.
    """

    def __init__(self, model: str) -> None:
        self.done = False
        """The stream said that it is over; what follows is ignored."""
        self._model = model
        self._events = EventParser()
        self._began = False
        self._before: list[bytes] = []
        self._texts: list[str] = []
        self._parts: list[Any] = []
        self._parts_say_more = False
        self._refusals: list[str] = []
        self._calls = _Calls()
        self._opaque: dict[str, list[Any]] = {}
        self._usage: Any = None
        self._answering_model = ""
        self._id = ""
        self._finish_reason: Any = None

    def feed(self, data: bytes) -> list[Chunk]:
        """Return the pieces of text that `data` completes."""
        if not self._began:
            self._before.append(data)  # kept until the first event shows that it is a stream at all
        return self._read(self._events.feed(data))

    def finish(self) -> Reply:
        """Return the whole reply; InvalidReplyError when the stream ended before it was whole."""
        self._read(self._events.finish())
        if not self._began:
            body = b"".join(self._before)
            if body.lstrip()[:1] in (b"{", b"["):
                return decode_reply(body, model=self._model)  # a server that does not stream
            raise self._invalid(f"holds no event{excerpt(body)}")
        if not self.done and self._finish_reason is None:
            raise self._invalid("broke off before its end")
        calls = self._calls.built()
        if self._finish_reason is None and not (self._texts or calls or self._refusals):
            raise self._invalid("ended without a reply")
        opaque = _opaque(self._opaque)
        if self._parts_say_more:  # thinking between the texts: the parts themselves go back
            opaque["content"] = msgspec.Raw(msgspec.json.encode(list(_whole_parts(self._parts))))
        return Reply(
            text="".join(self._texts),
            calls=calls,
            usage=read_usage(self._usage),
            finish_reason=finish_reason(self._finish_reason, calls),
            refusal="".join(self._refusals),
            model=self._answering_model,
            opaque=opaque,
            id=self._id,
        )

    def _read(self, events: list[ServerEvent]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for event in events:
            self._began, self._before = True, []
            if self.done or not event.data.strip():
                continue
            if event.data.strip() == "[DONE]":
                self.done = True
            elif text := self._take(event):
                chunks.append(Chunk(text, self._id))
        return chunks

    def _take(self, event: ServerEvent) -> str:
        part = as_fields(self._json(event.data))
        if event.type == "error" or part.get("error") or part.get("object") == "error":
            raise reported_error(part.get("error") or part or event.data, model=self._model)
        self._usage = part.get("usage") or as_fields(part.get("x_groq")).get("usage") or self._usage
        self._answering_model = as_text(part.get("model")) or self._answering_model
        self._id = self._id or as_text(part.get("id"))
        return "".join([self._take_choice(as_fields(choice)) for choice in as_items(part.get("choices"))])

    def _json(self, data: str) -> Any:
        try:
            return _decoder.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            try:
                return _decoder.decode(repaired(data.encode("utf-8", "replace")))
            except (ValueError, RecursionError):
                raise self._invalid(f"holds an event that is not JSON{excerpt(data.encode())}") from error

    def _take_choice(self, choice: Mapping[str, Any]) -> str:
        if choice.get("index"):
            return ""  # only one answer was asked for
        if choice.get("error"):
            raise reported_error(choice["error"], model=self._model)
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return self._take_delta(as_fields(choice.get("delta") or choice.get("message")))

    def _take_delta(self, delta: Mapping[str, Any]) -> str:
        content = delta.get("content")
        text, refusal, complete = split_content(content)
        self._texts.append(text)
        self._refusals.append(refusal or as_text(delta.get("refusal")))
        self._parts += as_items(content) or [content]
        self._parts_say_more |= not complete
        for fragment in as_items(delta.get("tool_calls")):
            self._calls.add(as_fields(fragment))
        if function := as_fields(delta.get("function_call")):
            self._calls.add({"index": -1, "function": function})  # the form before tool calls
        _collect(self._opaque, delta, MESSAGE_FIELDS)
        return text

    def _invalid(self, problem: str) -> InvalidReplyError:
        return InvalidReplyError(f"the streamed reply of {self._model} {problem}", model=self._model)


def _collect(into: dict[str, list[Any]], delta: Mapping[str, Any], known: frozenset[str]) -> None:
    for name, value in delta.items():
        if name not in known and value is not None:
            into.setdefault(name, []).append(value)


def _opaque(pieces: Mapping[str, list[Any]]) -> dict[str, msgspec.Raw]:
    values = {name: joined(values) for name, values in pieces.items()}
    return {
        name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items() if value not in ("", [], {})
    }


def _whole_parts(pieces: list[Any]) -> Iterator[Any]:
    """Give the parts of a content: neighbours of one kind are pieces of one part."""
    parts = [{"type": "text", "text": piece} if isinstance(piece, str) else piece for piece in pieces if piece]
    for _, group in groupby(parts, key=lambda part: as_fields(part).get("type")):
        pieces = list(group)
        whole = joined(pieces)
        if thinking := [item for piece in pieces for item in as_items(as_fields(piece).get("thinking"))]:
            whole = {**whole, "thinking": list(_whole_parts(thinking))}  # Mistral's thinking is a list of texts
        yield whole
