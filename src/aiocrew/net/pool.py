"""The connections of one event loop, from the loop's first call until the loop is closed."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from yarl import URL

from aiocrew.net.connector import Connector
from aiocrew.net.exchange import CONNECT_TIMEOUT, LONGEST_LINE, connecting, usable
from aiocrew.net.proxies import proxy_for
from aiocrew.net.resolver import Resolver
from aiocrew.net.tls import tls_context

__all__ = ["Pool", "Route", "aclose", "running_pool", "socket_ceiling"]

_KEEPALIVE_S = 55.0  # common load balancers drop an idle connection after 60
_ROUTE_S = 1.0  # how soon a change of the proxy and certificate variables is seen
_RESERVED_FILES = 16
_ATTRIBUTE = "_aiocrew_connections"


@dataclass(frozen=True, slots=True)
class Route:
    """How a host is reached, by the environment as it was a moment ago."""

    proxy: URL | None
    host: aiohttp.ClientRequest
    """The host, as aiohttp's connector takes it."""
    tls: ssl.SSLContext | bool
    until_s: float


class Pool:
    """One loop's session and its routes. `sockets` is held by each request for as long as it needs a connection."""

    def __init__(self) -> None:
        self.sockets = asyncio.Semaphore(socket_ceiling())
        self._routes: dict[tuple[str, str | None, int | None], Route] = {}
        self.broken_off = False
        """Whether it was closed; what a call still reads from it is not to be trusted to be whole."""
        self.loop = asyncio.get_running_loop()
        self._now_s = self.loop.time
        connector = Connector if usable else aiohttp.TCPConnector
        # No limit in the connector: its waiting counts against the request's time, and a waiter that is cancelled as
        # its turn comes takes the turn with it. No cache of names there either: a lookup of ours needs no task.
        self.session = aiohttp.ClientSession(
            connector=connector(limit=0, resolver=Resolver(), use_dns_cache=False, keepalive_timeout=_KEEPALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=CONNECT_TIMEOUT,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )

    def known_route(self, url: URL) -> Route | None:
        """Return how `url` is reached, if that was found out a moment ago."""
        route = self._routes.get((url.scheme, url.raw_host, url.port))
        return route if route is not None and self._now_s() < route.until_s else None

    async def find_route(self, url: URL) -> Route:
        """Find out how `url` is reached.

        UsageError, FileNotFoundError: the environment names what cannot be used. OSError: it cannot be found out now.
        """
        proxy = proxy_for(url.scheme, url.host or "", url.port)
        tls = await tls_context() if url.scheme == "https" or (proxy or "").startswith("https:") else True
        route = Route(
            proxy=None if proxy is None else URL(proxy),
            host=connecting(self.session, url, tls),
            tls=tls,
            until_s=self._now_s() + _ROUTE_S,
        )
        self._routes[url.scheme, url.raw_host, url.port] = route
        return route

    async def aclose(self) -> None:
        """Close every connection; calls under way break off."""
        self.broken_off = True
        connector = self.session.connector
        if isinstance(connector, Connector):
            await connector.break_off()
        await self.session.close()


class _Holder:
    """What hangs on a loop: its pool. Nothing global knows the loop, so nothing keeps it alive."""

    __slots__ = ("closing", "pool")

    def __init__(self) -> None:
        self.pool: Pool | None = None
        self.closing = False


def running_pool() -> Pool:
    """Return the running loop's pool; the first time it is made, to be closed with the loop."""
    loop = asyncio.get_running_loop()
    holder: _Holder | None = getattr(loop, _ATTRIBUTE, None)
    if holder is None:
        holder = _attach(loop)
    if holder.pool is None:
        if holder.closing:
            raise RuntimeError("the event loop is closing: no call may start any more")
        holder.pool = Pool()
    return holder.pool


async def aclose() -> None:
    """Close the running loop's pool, as `closing.aclose` says."""
    holder: _Holder | None = getattr(asyncio.get_running_loop(), _ATTRIBUTE, None)
    if holder is not None and holder.pool is not None:
        pool, holder.pool = holder.pool, None
        await pool.aclose()


def _attach(loop: asyncio.AbstractEventLoop) -> _Holder:
    """Hang a holder on the loop, and close its pool just before `loop.close()` does its work."""
    # On the instance, because this is the one way that holds for asyncio.run, Runner, servers and a loop closed by
    # hand alike, for uvloop too. A socket is only closed by its loop, so this is the last moment.
    holder = _Holder()
    close_loop = loop.close

    def close() -> None:
        if not loop.is_running():  # else loop.close() raises, and everything goes on
            vars(loop).pop("close", None)
            _close_pool(loop, holder)
        close_loop()

    setattr(loop, _ATTRIBUTE, holder)
    loop.close = close
    return holder


def _close_pool(loop: asyncio.AbstractEventLoop, holder: _Holder) -> None:
    pool, holder.pool, holder.closing = holder.pool, None, True
    if pool is None or loop.is_closed():
        return
    # A loop may be closed from code that runs in another one; asyncio allows one running loop for each thread.
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        with suppress(RuntimeError):  # somebody asked the loop to stop: it is closed all the same
            loop.run_until_complete(pool.aclose())
    finally:
        asyncio._set_running_loop(outer)


def socket_ceiling() -> int:
    """Return how many connections a loop may use: the files that the process may still open, less a few."""
    limit = _file_limit()
    return 65_536 if limit is None else max(8, limit - _open_files() - _RESERVED_FILES)


def _file_limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(folder)) - 1  # the listing itself needs one
    return 32
