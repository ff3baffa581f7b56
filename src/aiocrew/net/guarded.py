"""Fetching a page whose address somebody else chose: a model, or another page. It brings aiohttp.

What must not happen is that such an address leads to a server of the own network, or that an answer without end is
read to its end. So an address is checked in the moment when the socket for it is made: no name can change its meaning
between the check and the connection. That holds for each redirect anew, and therefore we follow them ourselves.

Each hop has connections of its own and closes them: one that is kept could have been opened under other rules.

With a proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) it is the proxy that looks up the name and connects, which nobody can
check from here. So every address that the name has here must be public, and a name that has none here is refused. A
name that answers the proxy otherwise than us is for the proxy to refuse; NO_PROXY goes past it.

A redirect from https to http is followed: no secret goes with it, since headers of the caller's own, but for a few
harmless ones, go to the server that he named and to no other.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from aiocrew.aio.limits import time_limit
from aiocrew.errors import BlueprintError
from aiocrew.net.addresses import why_not_public
from aiocrew.net.client import Target
from aiocrew.net.connector import Connector
from aiocrew.net.exchange import CONNECT_TIMEOUT, LONGEST_LINE, SWITCHING, HttpProcessingError
from aiocrew.net.inflating import ACCEPTED, Inflater
from aiocrew.net.page import HARMLESS_HEADERS, LONGEST_SHOWN, Page, PageError, PageRefusedError
from aiocrew.net.pool import running_pool
from aiocrew.net.proxies import proxy_for
from aiocrew.net.resolver import Resolver
from aiocrew.net.tls import tls_context

__all__ = ["Gate", "fetch_page"]

_HEADERS = {
    "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.5",
    "User-Agent": "Mozilla/5.0 (compatible; aiocrew)",
}
_Address: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""As getaddrinfo gives it."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, asyncio.CancelledError)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\t -~\x80-\ud7ff\ue000-\U0010ffff]*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_CLOSING_S = 1.0
_HOW_TO_ALLOW = "allow_private=True lets a program fetch from its own network"


@dataclass(frozen=True, slots=True)
class Gate:
    """Which addresses may be connected to, and how a name is looked up."""

    refusal: Callable[[str], str | None] | None = why_not_public
    """Gives for an address in numbers its kind if it is refused, else None. None in its place refuses nothing."""
    resolver: AbstractResolver = field(default_factory=Resolver)


async def fetch_page(
    url: str,
    *,
    allow_private: bool = False,
    max_bytes: int = 5_000_000,
    timeout_s: float | None = 30.0,
    max_redirects: int = 5,
    headers: Mapping[str, str] | None = None,
    gate: Gate | None = None,
) -> Page:
    """Return the page at `url`, whatever its status; on leaving, no connection is open.

    allow_private: also connect to addresses that are not of the public internet.
    max_bytes: of the body, before and after it is decompressed; of a longer one the beginning is returned.
    timeout_s: for all redirects together, not counting the wait for a free socket.
    headers: for the server of `url`; only Accept, Accept-Language and User-Agent go to others, to which it redirects.
    gate: in place of `allow_private`.

    PageRefusedError: the address is none of http(s), has a user in it, or leads to an address that is not public.
    PageError: there is no whole answer, not in time, or too many redirects. BlueprintError: a header cannot be sent.
    UsageError: the environment names a proxy that cannot be used.
    """
    gate = gate or (Gate(refusal=None) if allow_private else Gate())
    here = _checked(url)
    first, own, cookies = here.origin(), _checked_headers(headers or {}), aiohttp.CookieJar()

    def late() -> PageError:
        return PageError(f"{_shown(here)} was not there within {timeout_s:g} s", url=_shown(here))

    async with running_pool().sockets, time_limit(timeout_s, late):
        for _ in range(max_redirects + 1):
            sent = {
                name: value for name, value in own.items() if here.origin() == first or name.lower() in HARMLESS_HEADERS
            }
            found = await _Hop(here, gate, sent, cookies).visit(max_bytes)
            if isinstance(found, Page):
                return found
            here = _checked(found, here)
    raise PageError(f"{_shown(URL(url))} redirects more than {max_redirects} times", url=_shown(here))


def _checked(text: str, base: URL | None = None) -> URL:
    """Return the address to ask for. PageRefusedError when nobody may be asked for it."""
    why = "an address of the form http(s)://host[:port]/path is needed"
    with suppress(ValueError):
        url = URL(text.strip())
        if base is not None:
            url = base.join(url)
        if url.scheme in ("http", "https") and url.host and url.port is not None:
            if "@" not in url.raw_authority:
                return url.with_fragment(None)
            why = "a user name or password in an address is not sent"
    origin = "" if base is None else f"{_shown(base)} leads on to what may not be asked for: "
    shown = text.partition("?")[0].rpartition("@")[2][:200]
    raise PageRefusedError(f"{origin}{shown!r} is refused: {why}", url=shown)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise BlueprintError(f"the header {name!r} or its value contains what no header may: a line break, say")
    return dict(headers)


def _shown(url: URL) -> str:
    """Return the address without what may be secret in it."""
    return str(url.with_query(None).with_fragment(None).with_user(None))[:LONGEST_SHOWN]


def _is_ambiguous(host: str) -> bool:
    """Return whether `host` is a number that some read otherwise than others: 0127.0.0.1 in octal, or not."""
    if not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return False
    try:
        return not IPv4Address(host)
    except ValueError:
        return True


class _Hop:
    """One request to one server, and its answer."""

    def __init__(self, url: URL, gate: Gate, headers: Mapping[str, str], cookies: aiohttp.CookieJar) -> None:
        self._url, self._gate, self._cookies = url, gate, cookies
        self._headers = CIMultiDict(_HEADERS)
        self._headers.update(headers)
        self._headers["Accept-Encoding"] = ACCEPTED
        self._target = Target(str(url), self._headers)
        self._refused: list[str] = []
        self._has_socket = False

    async def visit(self, max_bytes: int) -> Page | str:
        """Return the page, or the address to which it redirects."""
        try:
            proxy = proxy_for(self._url.scheme, self._url.host or "", self._url.port)
            if proxy is not None:
                await self._check_name()
            async with self._asked(proxy) as response:
                elsewhere = response.headers.get("Location")
                if response.status in _REDIRECTS and elsewhere:
                    return elsewhere
                return await self._page(response, max_bytes)
        except _FAILURES as error:
            failure = self._failure(error)
            if failure is None:
                raise
        raise failure

    async def _check_name(self) -> None:
        """Return when every address of the host may be connected to."""
        if self._gate.refusal is None:
            return
        host, port = self._url.raw_host or "", self._url.port or 0
        if _is_ambiguous(host):
            self._refused.append("a proxy may read its number as another address than it is here")
            raise OSError("refused: an ambiguous number")
        try:
            found = await self._gate.resolver.resolve(host, port, socket.AF_UNSPEC)
        except OSError:
            self._refused.append("its name has no address here, so what the proxy makes of it cannot be checked")
            raise
        for address in found:
            self._check_address(address["host"])

    def _check_address(self, address: str) -> None:
        kind = None if self._gate.refusal is None else self._gate.refusal(address)
        if kind is not None:
            self._refused.append(f"it leads to {kind}")
            raise OSError(f"refused: {kind}")

    @asynccontextmanager
    async def _asked(self, proxy: str | None) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Give the answer's beginning; on leaving, its connection is closed."""
        secure = self._url.scheme == "https" or (proxy or "").startswith("https:")
        tls = await tls_context() if secure else True
        # The address of a proxy is the operator's own, and mostly private.
        connector = _Connector(self._gate.resolver, None if proxy else self._checked_socket)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=self._cookies,
            timeout=CONNECT_TIMEOUT,
            auto_decompress=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        response: aiohttp.ClientResponse | None = None
        try:
            response = await session.get(self._url, headers=self._headers, allow_redirects=False, proxy=proxy, ssl=tls)
            yield response
        finally:
            if response is not None:
                response.close()
            try:
                await connector.abort()
            finally:
                await session.close()

    def _checked_socket(self, address: _Address) -> socket.socket:
        family, kind, protocol, _, where = address
        self._check_address(str(where[0]))
        self._has_socket = True
        return socket.socket(family, kind, protocol)

    async def _page(self, response: aiohttp.ClientResponse, max_bytes: int) -> Page:
        body, truncated = b"", False
        if response.status != SWITCHING:
            try:
                body, truncated = await _beginning(response, max_bytes)
            except ValueError as error:
                raise self._error(str(error)) from error
        return Page(
            url=str(self._url),
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            body=body,
            truncated=truncated,
        )

    def _failure(self, error: BaseException) -> PageError | None:
        """Return what `error` means; None for a cancellation of the current task."""
        failure = self._target.failure(error)
        if failure is None:
            return None
        if self._refused and not self._has_socket:
            why = f"{self._refused[0]}. {_HOW_TO_ALLOW}"
            return PageRefusedError(f"{_shown(self._url)} is refused: {why}", url=_shown(self._url))
        return self._error(failure.detail)

    def _error(self, detail: str) -> PageError:
        return PageError(f"{_shown(self._url)} could not be fetched: {detail[:LONGEST_SHOWN]}", url=_shown(self._url))


async def _beginning(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    """Return the body, or its first `max_bytes`, and whether there is more. ValueError: it is compressed wrongly."""
    inflater = Inflater(response.headers.get("Content-Encoding", ""))
    body, received = bytearray(), 0
    while data := await response.content.readany():
        received += len(data)
        body += inflater.feed(data, max_bytes + 1 - len(body))
        # What is compressed can also be endless and empty.
        if max(received, len(body)) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False


class _Connector(Connector):
    """Knows what it has opened, also after aiohttp has let go of it."""

    def __init__(self, resolver: AbstractResolver, make_socket: Callable[[_Address], socket.socket] | None) -> None:
        super().__init__(limit=0, resolver=resolver, use_dns_cache=False, socket_factory=make_socket)  # pyright: ignore[reportUnknownMemberType] - aiohttp left a type open
        self._opened: list[tuple[asyncio.Transport, ResponseHandler]] = []

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection as aiohttp does."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None and connection.protocol is not None:
            self._opened.append((connection.transport, connection.protocol))
        return connection

    async def abort(self) -> None:
        """Close every connection; nobody waits for the other side, which may have more to send."""
        closings = [protocol.closed for _, protocol in self._opened]
        for transport, _ in self._opened:
            with suppress(AttributeError):  # Python 3.11.2 forgets the protocol of a TLS transport that is closing
                transport.abort()
        with suppress(TimeoutError):
            async with time_limit(_CLOSING_S, TimeoutError):
                for closed in closings:
                    if closed is not None:
                        with suppress(aiohttp.ClientError, OSError):
                            await closed
