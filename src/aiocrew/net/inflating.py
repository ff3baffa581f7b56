"""Undoing the compression of a body piece by piece, never to more than is wanted of it. Pure."""

from __future__ import annotations

import zlib
from typing import Any

__all__ = ["ACCEPTED", "Inflater"]

ACCEPTED = "gzip, deflate"
"""What an Accept-Encoding header may say."""

_GZIP, _ZLIB, _RAW = 31, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Inflater:
    """The bytes of one body, in the order they come. ValueError for an encoding that is not ACCEPTED."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in ("", "identity", "gzip", "deflate"):
            raise ValueError(f"it is compressed as {self._encoding!r}, and only {ACCEPTED} was asked for")
        self._stream: Any = None  # its class has no public name
        self._is_whole = False

    def feed(self, data: bytes, room: int) -> bytes:
        """Return what `data` holds, but at most `room` bytes. ValueError when it is not compressed as was said.

        What did not fit is lost: after a full room the body cannot be continued.
        """
        if self._encoding in ("", "identity"):
            return data[:room]
        out = bytearray()
        while data and len(out) < room:
            if self._stream is None:
                if self._is_whole and self._encoding == "deflate":
                    break
                self._stream = zlib.decompressobj(self._window(data))
            try:
                out += self._stream.decompress(data, room - len(out))
            except zlib.error as error:
                if self._is_whole:
                    break  # gzip files may be filled up at their end, with zeros or anything
                raise ValueError(f"what it sent is not {self._encoding}") from error
            if not self._stream.eof:
                break
            # One body may be several gzip files in a row.
            data, self._stream, self._is_whole = self._stream.unused_data, None, True
        return bytes(out)

    def _window(self, data: bytes) -> int:
        if self._encoding == "gzip":
            return _GZIP
        # "deflate" is in zlib's wrapping (RFC 9110, 8.4.1.2), but many servers leave that away.
        return _ZLIB if data[0] & 0x0F == zlib.DEFLATED else _RAW
