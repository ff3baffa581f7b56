"""Server-sent events from bytes, in whatever pieces they come (WHATWG HTML, 9.2.6); pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EventParser", "ServerEvent"]

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    data: str
    type: str = "message"
    id: str = ""
    """The last id that the stream gave, in this event or before."""


class EventParser:
    """Turns bytes into events. Where the bytes are cut makes no difference to the events.

    `retry` lines are ignored: a reply that broke off is asked for again as a whole, never resumed.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._at_start = True
        self._after_cr = False
        self._data: list[str] = []
        self._type = ""
        self._id = ""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that `data` completes, in order."""
        if not data:
            return []
        if self._after_cr and data[0] == 0x0A:
            data = data[1:]  # the second half of a CRLF whose CR ended a line already
            self._after_cr = False
            if not data:
                return []
        self._after_cr = data[-1] == 0x0D
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._line.append(data)
            return []
        first, *rest = data.split(b"\n")
        self._line.append(first)
        lines = [b"".join(self._line), *rest]
        self._line = [lines.pop()]
        return [event for line in lines if (event := self._take(line)) is not None]

    def finish(self) -> list[ServerEvent]:
        """Return the event that the end of the bytes cut off, if any; then the parser is used up."""
        # The standard discards it. Servers exist whose last event lacks its blank line, and whether that event
        # is whole is decided by who reads its data.
        line, self._line = b"".join(self._line), []
        last = [event for part in (line, b"") if (event := self._take(part)) is not None]
        self._data = []
        return last

    def _take(self, line: bytes) -> ServerEvent | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if name in (b"data", b"event", b"id"):
            # Decoded by the line, so that a character is never cut in two.
            text = value.removeprefix(b" ").decode("utf-8", "replace")
            if name == b"data":
                self._data.append(text)
            elif name == b"event":
                self._type = text
            elif "\0" not in text:
                self._id = text
        return None

    def _dispatch(self) -> ServerEvent | None:
        data, type_ = self._data, self._type
        self._type = ""
        if not data:
            return None
        self._data = []
        return ServerEvent("\n".join(data), type_ or "message", self._id)
