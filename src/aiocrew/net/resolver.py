"""Host names to addresses, in threads of our own and remembered for a minute.

The default executor has cpu + 4 threads and belongs to the application; a lookup that queues there makes the first
call wait for whatever else runs in it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
import time
from concurrent.futures import Future
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from aiocrew.aio.pool import start_thread
from aiocrew.aio.thread_counts import awaiting_thread

__all__ = ["Resolver", "forget"]

_TTL_S = 60.0
_MAX_NAMES = 1_000

_Key: TypeAlias = tuple[str, int, int]


class _Names:
    """What is known of names, for all loops of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[_Key, tuple[float, list[ResolveResult]]] = {}
        self.under_way: dict[_Key, Future[list[ResolveResult]]] = {}

    def ask(self, key: _Key) -> list[ResolveResult] | Future[list[ResolveResult]]:
        """Return the addresses, or the one lookup that everyone who asks meanwhile waits for."""
        with self.lock:
            until, addresses = self.known.get(key, (0.0, []))
            if until > time.monotonic():
                return addresses
            lookup = self.under_way.get(key)
            if lookup is None:
                lookup = self._start(key)
            return lookup

    def _start(self, key: _Key) -> Future[list[ResolveResult]]:
        lookup: Future[list[ResolveResult]] = Future()
        lookup.set_running_or_notify_cancel()  # one waiter's cancellation does not end it for the others
        try:
            start_thread(lambda: self._look_up(key, lookup))
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, str(error)) from error
        self.under_way[key] = lookup  # the thread needs the lock before it can take it out again
        return lookup

    def _look_up(self, key: _Key, lookup: Future[list[ResolveResult]]) -> None:
        try:
            addresses = _addresses(*key)
        except BaseException as error:
            with self.lock:
                self.under_way.pop(key, None)
            lookup.set_exception(error)
            return
        with self.lock:
            self.under_way.pop(key, None)
            if len(self.known) >= _MAX_NAMES:
                self.known.clear()
            self.known[key] = (time.monotonic() + _TTL_S, addresses)
        lookup.set_result(addresses)

    def forget(self, host: str) -> None:
        with self.lock:
            for key in [key for key in self.known if key[0] == host]:
                del self.known[key]


_names = _Names()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_names.__init__)  # the parent's threads and locks are not there


def forget(host: str) -> None:
    """Look `host` up anew the next time; its addresses may have gone."""
    _names.forget(host)


class Resolver(AbstractResolver):
    """aiohttp's port for lookups."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. OSError when it has none."""
        answer = _names.ask((host, port, int(family)))
        if isinstance(answer, list):
            return answer
        with awaiting_thread(asyncio.get_running_loop()):
            return await asyncio.wrap_future(answer)

    async def close(self) -> None:
        """Nothing is held open."""


def _addresses(host: str, port: int, family: int) -> list[ResolveResult]:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host!r} cannot be a host name") from error
    return [
        ResolveResult(
            hostname=host,
            host=_with_scope(address),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
        if kind in (socket.AF_INET, socket.AF_INET6)
    ]


def _with_scope(address: tuple[object, ...]) -> str:
    host = str(address[0])
    scope = address[3] if len(address) == 4 else 0
    return f"{host}%{scope}" if scope and "%" not in host else host
