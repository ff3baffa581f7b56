"""POST requests over the running loop's pool: a whole answer, or a stream of bytes. It brings aiohttp."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from aiocrew.aio.cancelling import cancel_pending
from aiocrew.aio.limits import time_limit
from aiocrew.errors import BlueprintError
from aiocrew.net.exchange import SWITCHING, Answer, Head, HttpProcessingError, post_and_read, usable
from aiocrew.net.failures import NetError
from aiocrew.net.pool import Pool, Route, running_pool
from aiocrew.net.resolver import forget

__all__ = ["Answer", "Streamed", "Target"]

_CLOSED = "the connections were closed meanwhile"
_LACKING = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)
_LARGE = 2**20  # above this aiohttp warns about plain bytes

_HEADERS = {
    "Accept": "application/json",
    # Inflating a reply costs more CPU than its few KB on the wire are worth.
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "aiocrew",
}

_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, asyncio.CancelledError)


class Target:
    """An address to post to, with everything prepared that is the same for each request."""

    __slots__ = ("_head", "_headers", "_url")

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """BlueprintError when this is no http address, or a header cannot be sent."""
        self._url = _checked_url(url)
        self._headers = CIMultiDict(_HEADERS)
        for name, value in headers.items():
            if re.search(r"[\r\n\0]", name + value):
                raise BlueprintError(
                    f"the header {name!r} (or the key in it) contains a line break or a null character"
                )
            self._headers[name] = value
        if "Authorization" in self._headers and self._url.raw_user is not None:
            self._url = self._url.with_user(None)
        # A user and password in the address are for aiohttp's session to send.
        self._head = Head(self._url, self._headers) if usable and self._url.raw_user is None else None

    async def post(self, body: bytes, timeout_s: float | None, timed_out: Callable[[], Exception]) -> Answer:
        """Return the answer once it is whole. NetError when there is none; on cancellation the socket is closed.

        `timed_out()` is raised when it takes longer than `timeout_s`, not counting the wait for a free socket.
        """
        pool = running_pool()
        async with pool.sockets, time_limit(timeout_s, timed_out, pool.loop):
            try:
                route = pool.known_route(self._url) or await self._find_route(pool)
                if self._head is not None and route.proxy is None:
                    answer = await post_and_read(pool.session, route.host, self._head, body)
                else:
                    answer = await self._send_and_read(pool, route, body)
                if not pool.broken_off:
                    return answer
                failure = self._closed()
            except _FAILURES as error:
                failure = self.failure(error)
                if failure is None:
                    raise
            raise failure

    async def open(self, body: bytes, timeout_s: float | None, timed_out: Callable[[], Exception]) -> Streamed:
        """Return the answer's beginning, in the time and with the errors of `post`; whoever asked must close it."""
        pool = running_pool()
        await pool.sockets.acquire()
        streamed: Streamed | None = None
        try:
            # Not aiohttp's timer: it would go on over the whole stream, whatever the reader does meanwhile.
            async with time_limit(timeout_s, timed_out):
                streamed = Streamed(self, pool, await self._opened(pool, body))
            return streamed
        finally:
            if streamed is None:
                pool.sockets.release()

    async def _opened(self, pool: Pool, body: bytes) -> aiohttp.ClientResponse:
        try:
            route = pool.known_route(self._url) or await self._find_route(pool)
            return await self._send(pool, route, body)
        except _FAILURES as error:
            failure = self.failure(error)
            if failure is None:
                raise
        raise failure

    async def _send_and_read(self, pool: Pool, route: Route, body: bytes) -> Answer:
        response = await self._send(pool, route, body)
        if response.status == SWITCHING:
            response.close()
            return Answer(response.status, response.headers, b"")
        return Answer(response.status, response.headers, await response.read())

    async def _send(self, pool: Pool, route: Route, body: bytes) -> aiohttp.ClientResponse:
        if pool.broken_off:
            raise aiohttp.ClientConnectionError(_CLOSED)
        return await pool.session.post(
            self._url,
            data=body if len(body) < _LARGE else io.BytesIO(body),
            headers=self._headers,
            allow_redirects=False,  # the key must not travel
            proxy=route.proxy,
            ssl=route.tls,
        )

    async def _find_route(self, pool: Pool) -> Route:
        try:
            return await pool.find_route(self._url)
        except OSError as error:
            raise self._net_error(_reason(error), permanent=isinstance(error, FileNotFoundError)) from error

    @property
    def host(self) -> str:
        return self._url.host or ""

    def failure(self, error: BaseException) -> NetError | None:
        """Return what `error` of aiohttp means; None for a cancellation of the current task, which passes on.

        It is to be raised where `error` is not being handled: aiohttp's errors hold the request's address and headers,
        and nobody may find those behind ours. What the system reported stays as its cause.
        """
        if isinstance(error, asyncio.CancelledError):
            # aiohttp also cancels what waits in a pool that is being closed.
            return None if cancel_pending() else self._closed()
        unreached = isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError))
        if isinstance(error, OSError) and error.errno in _LACKING:
            unreached = False  # what this process lacks says nothing of the server
        if unreached:
            forget(self.host)
        detail, permanent = _explain(error)
        failure = self._net_error(" ".join(detail.split()), permanent=permanent, unreached=unreached)
        failure.__cause__ = _of_the_system(error)
        return failure

    def _closed(self) -> NetError:
        return self._net_error(_CLOSED)

    def _net_error(self, detail: str, *, permanent: bool = False, unreached: bool = False) -> NetError:
        return NetError(detail, host=self.host, port=self._url.port, permanent=permanent, unreached=unreached)


class Streamed:
    """An answer whose body is still on its way."""

    __slots__ = ("_pool", "_response", "_target", "headers", "status")

    def __init__(self, target: Target, pool: Pool, response: aiohttp.ClientResponse) -> None:
        self._target, self._response = target, response
        self._pool: Pool | None = pool
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """Return the bytes that have come, at least one; nothing at the end. NetError when the body broke off."""
        if self.status == SWITCHING:
            return b""
        try:
            data = await self._response.content.readany()
            if not data and self._pool is not None and self._pool.broken_off:
                raise aiohttp.ClientConnectionError(_CLOSED)
        except _FAILURES as error:
            failure = self._target.failure(error)
            if failure is None:
                raise
        else:
            return data
        raise failure

    async def rest(self) -> bytes:
        """Return all that is left of the body."""
        return b"".join([data async for data in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    def close(self) -> None:
        """Give the connection back if the body was read to its end; else close its socket."""
        pool, self._pool = self._pool, None
        if pool is not None:
            self._response.close()
            pool.sockets.release()


def _checked_url(text: str) -> URL:
    try:
        url = URL(text)
        usable = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError:
        usable = False
        url = URL()
    if not usable:
        raise BlueprintError(f"{text.partition('?')[0]!r} is no address to call: http(s)://host[:port]/path is needed")
    return url


def _of_the_system(error: BaseException) -> OSError | None:
    """Return what the system reported, without aiohttp's error around it, which holds more."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    return error if isinstance(error, OSError) else None


def _explain(error: BaseException) -> tuple[str, bool]:
    """Return what happened in words, and whether it would happen again."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            hint = "SSL_CERT_FILE can name a file with the certificates to trust"
            return f"its TLS certificate is not trusted ({why}); {hint}", True
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS with it ({error})", False
        case aiohttp.ClientConnectorDNSError():
            return f"its name could not be resolved ({_reason(error.os_error)})", False
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy {error.host}:{error.port} cannot be reached ({_reason(error.os_error)})", False
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refused with status {error.status} {error.message}", error.status == 407
        case aiohttp.ClientConnectorError():
            return f"no connection ({_reason(error.os_error)})", False
        case aiohttp.ServerTimeoutError():
            return "no connection within 20 s", False
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer", False
        case aiohttp.ClientPayloadError():
            return "the connection broke before the answer was whole", False
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return f"what it sent is not HTTP ({error.message})", False
        case OSError():
            return f"the connection broke ({_reason(error)})", False
        case _:
            return f"the connection broke ({error})", False


def _reason(error: OSError) -> str:
    if error.errno == errno.EAGAIN:
        return error.strerror or str(error)  # of a thread that could not start
    if error.errno in _LACKING:
        return "this process has as many files open as it may; see `ulimit -n`"
    if error.errno is not None and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)  # asyncio's own text repeats the address
    return error.strerror or str(error)
