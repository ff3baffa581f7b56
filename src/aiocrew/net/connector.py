"""aiohttp's connector, mended where calls of several crews share it.

The connections in use and the idle ones have no documented name in aiohttp. Where they are not found under the names
used here, calls go on as with aiohttp's own connector.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from aiocrew.aio.limits import time_limit

__all__ = ["Connector"]

_ABORT_S = 1.0


class Connector(aiohttp.TCPConnector):
    """Gives no connection on which something came unasked, and no idle one keeps a new one from being opened."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection as aiohttp does."""
        try:
            connection = await super().connect(req, traces, timeout)
        except aiohttp.ClientConnectorError as error:
            if not (self._idle() and _out_of_files(error.os_error)):
                raise
        else:
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            # A server answered once more, or another request: what lies there is no answer to this one.
            connection.close()
            self._close_spoilt()
            return await super().connect(req, traces, timeout)
        await self._close_idle()
        return await super().connect(req, traces, timeout)

    async def break_off(self) -> None:
        """Close the connections in use, so that whoever reads from one gets an error at once.

        aiohttp's own `close` leaves those waiting who have read a part of their answer.
        """
        with suppress(TimeoutError):
            async with time_limit(_ABORT_S, TimeoutError):
                while protocols := [protocol for protocol in self._in_use() if protocol.transport is not None]:
                    await _abort(protocols)

    def _in_use(self) -> Iterable[ResponseHandler]:
        return getattr(self, "_acquired", ())

    def _idle(self) -> Mapping[object, deque[tuple[ResponseHandler, float]]]:
        return getattr(self, "_conns", {})

    def _close_spoilt(self) -> None:
        for idle in self._idle().values():
            for entry in [entry for entry in idle if entry[0].should_close]:
                idle.remove(entry)
                entry[0].close()

    async def _close_idle(self) -> None:
        protocols: list[ResponseHandler] = []
        for idle in self._idle().values():
            protocols += [protocol for protocol, _ in idle]
            idle.clear()
        with suppress(TimeoutError):
            async with time_limit(_ABORT_S, TimeoutError):
                await _abort(protocols)


async def _abort(protocols: list[ResponseHandler]) -> None:
    """Return when the sockets are closed; nothing is sent any more."""
    closed = [protocol.closed for protocol in protocols]
    for protocol in protocols:
        if protocol.transport is not None:
            with suppress(AttributeError):  # Python 3.11.2 forgets the protocol of a TLS transport that is closing
                protocol.transport.abort()
    for future in closed:
        if future is not None:
            with suppress(aiohttp.ClientError, OSError):
                await future
    await asyncio.sleep(0)


def _out_of_files(error: OSError) -> bool:
    """Return whether `error`, of a connection or a lookup, came because no file can be opened any more."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return True
    try:
        socket.socket().close()
    except OSError as refused:
        return refused.errno in (errno.EMFILE, errno.ENFILE)
    return False
