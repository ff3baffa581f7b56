"""A server on loopback in a thread of its own: what the providers of the scenarios have in common."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["Served"]

_PATIENCE_S = 10.0
_BACKLOG = 4096


class Served:
    """`with provider:` serves connections on `port`; after the block the thread has ended and no connection is open."""

    def __init__(self, connection: Callable[[], asyncio.BaseProtocol], name: str) -> None:
        self.port = 0
        self.transports: set[asyncio.Transport] = set()
        self._connection = connection
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        start = self._loop.create_server(self._connection, "127.0.0.1", 0, backlog=_BACKLOG)
        server = self._loop.run_until_complete(start)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for transport in list(self.transports):
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
