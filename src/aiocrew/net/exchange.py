"""One request and its whole answer on a connection of aiohttp's pool, without what its session does around that.

aiohttp connects, resolves, does TLS, keeps connections alive and parses. Of its session a model call needs nothing, and
that costs as much as all the rest of the call (benchmarks/README.md). What is used here beside aiohttp's documented
interface is looked for at import: where it is not as expected, `usable` is False and calls go through the session.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from yarl import URL

__all__ = [
    "CONNECT_TIMEOUT",
    "LONGEST_LINE",
    "SWITCHING",
    "Answer",
    "Head",
    "HttpProcessingError",
    "connecting",
    "post_and_read",
    "usable",
]

CONNECT_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=20.0)
LONGEST_LINE = 65_536
"""Of an answer's head, in bytes."""
SWITCHING = 101
"""The status after which the connection speaks something else: that is the answer, and no body follows."""

_AT_ONCE = 65_536  # the system takes a body up to about so long in one piece


class Answer(NamedTuple):
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Head:
    """The beginning of every POST to one address; the headers were checked to hold no line break."""

    __slots__ = ("_bytes",)

    def __init__(self, url: URL, headers: Mapping[str, str]) -> None:
        lines = [f"POST {url.raw_path_qs} HTTP/1.1"]
        if "Host" not in headers:
            lines.append(f"Host: {url.host_port_subcomponent}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._bytes = ("\r\n".join(lines) + "\r\nContent-Length: ").encode()

    def with_body(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._bytes, len(body), body)


def connecting(session: aiohttp.ClientSession, url: URL, tls: object) -> aiohttp.ClientRequest:
    """Return what aiohttp's connector needs to know of a host; it serves any number of exchanges with that."""
    return aiohttp.ClientRequest("POST", url, session=session, ssl=tls)  # pyright: ignore[reportArgumentType]


async def post_and_read(session: aiohttp.ClientSession, host: aiohttp.ClientRequest, head: Head, body: bytes) -> Answer:
    """Return the answer once it is whole; when there is none, or on cancellation, the socket is closed at once.

    Raises aiohttp.ClientError, HttpProcessingError, OSError.
    """
    connector = session.connector
    if connector is None:
        raise aiohttp.ClientConnectionError("the session is closed")
    connection = await connector.connect(host, [], CONNECT_TIMEOUT)
    try:
        protocol, transport = _ends_of(connection)
        protocol.set_response_params(read_until_eof=True, max_line_size=LONGEST_LINE, max_field_size=LONGEST_LINE)
        transport.write(head.with_body(body))
        message, payload = await protocol.read()
        while 100 <= message.code < 200 and message.code != SWITCHING:  # "go on" and "early hints" come before it
            message, payload = await protocol.read()
        answer = Answer(message.code, message.headers, b"" if message.code == SWITCHING else await payload.read())
        if _is_partly_sent(transport, answer.status, body):
            transport.abort()
            connection.close()
    except BaseException:
        transport = connection.transport
        if transport is not None and not transport.is_closing():
            transport.abort()  # closing would first send what still lies in the buffer
        connection.close()
        raise
    connection.release()
    return answer


def _is_partly_sent(transport: asyncio.Transport, status: int, body: bytes) -> bool:
    """Return whether a server that answered early may still be owed a part of the request."""
    if transport.is_closing():
        return False
    if transport.get_write_buffer_size():
        return True
    # What was encrypted already lies in a buffer below, which TLS does not show.
    return status >= 400 and len(body) > _AT_ONCE and transport.get_extra_info("sslcontext") is not None


def _ends_of(connection: aiohttp.connector.Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    if connection.protocol is None or connection.transport is None:
        raise aiohttp.ServerDisconnectedError
    return connection.protocol, connection.transport


def _is_as_expected() -> bool:
    connect = inspect.signature(aiohttp.BaseConnector.connect).parameters
    prepare = inspect.signature(ResponseHandler.set_response_params).parameters
    return (
        list(connect) == ["self", "req", "traces", "timeout"]
        and {
            "read_until_eof",
            "max_line_size",
            "max_field_size",
        }
        <= prepare.keys()
    )


usable = _is_as_expected()
"""Whether this aiohttp is one that `post_and_read` knows."""
