"""Streamed replies of the chat-completions wire, whole and broken in each way in which a stream can break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.net.loopback import Answer, Provider, Seen, beginning

__all__ = ["BREAKS", "USAGE", "broken", "call_delta", "refused", "streamed", "task_of"]

USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST = b"0\r\n\r\n"


def call_delta(name: str, arguments: str) -> dict[str, Any]:
    """Return the piece of a reply that asks for a tool."""
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}


def streamed(*pieces: str | dict[str, Any], finish: str = "stop") -> bytes:
    """Return a whole answer: a text is a piece of the reply's text, anything else a delta as it is."""
    end: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": USAGE}
    return _HEAD + _deltas(pieces) + _event(end) + _chunk(b"data: [DONE]\n\n") + _LAST


def broken(how: str, *pieces: str | dict[str, Any]) -> Answer:
    """Answer with these pieces and then break; `how` is one of BREAKS."""
    return BREAKS[how](_HEAD + _deltas(pieces))


def refused(*pieces: str | dict[str, Any]) -> Answer:
    """Answer with these pieces and then refuse the request, so that nobody need ask again."""
    error = {"error": {"code": 400, "message": "not this"}}
    return _breaking(_event(error) + _LAST)(_HEAD + _deltas(pieces))


def task_of(seen: Seen) -> str:
    """Return the text that the request's first user message begins with: the task."""
    messages = json.loads(seen.body)["messages"]
    text: str = next(message["content"] for message in messages if message["role"] == "user")
    return text.splitlines()[0].removeprefix("Your task: ")


def _deltas(pieces: tuple[str | dict[str, Any], ...]) -> bytes:
    deltas = [{"content": piece} if isinstance(piece, str) else piece for piece in pieces]
    return b"".join(_event({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas)


def _event(data: dict[str, Any]) -> bytes:
    return _chunk(b"data: " + json.dumps(data).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _breaking(data: bytes = b"", *, aborts: bool = False) -> Callable[[bytes], Answer]:
    def after(begun: bytes) -> Answer:
        async def answer(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(begun)
            # The pieces are to be read before what breaks them: a client may throw away what comes together with it.
            await asyncio.sleep(0.01)
            writer.write(data)
            if aborts:
                writer.transport.abort()
            elif not data.endswith(_LAST):  # else the connection can be used again
                writer.close()

        return answer

    return after


BREAKS: dict[str, Callable[[bytes], Answer]] = {
    "cut": _breaking(),
    "reset": _breaking(aborts=True),
    "error": _breaking(_event({"error": {"code": 503, "message": "upstream is gone"}}) + _LAST),
    "limit": _breaking(_event({"error": {"code": 429, "message": "slow down"}}) + _LAST),
    "garbage": _breaking(_chunk(b"data: {not json\n\n") + _LAST),
    "no end": _breaking(_LAST),
    "stall": beginning,
}
"""From the bytes of the beginning to the answer that breaks so."""
