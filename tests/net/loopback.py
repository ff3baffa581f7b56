"""Servers on loopback that behave as badly as each scenario asks, with raw sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "TRUNCATED",
    "Answer",
    "Provider",
    "Seen",
    "beginning",
    "completion",
    "connect_proxy",
    "ending",
    "hang",
    "http",
    "listening",
    "serving",
]

TRUNCATED = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


def http(body: bytes | dict[str, Any], status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole HTTP answer; in header names, _ stands for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(data))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + data


def completion(text: str = "hello") -> bytes:
    """Return a reply of the chat-completions wire."""
    message = {"role": "assistant", "content": text}
    return http({"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@dataclass
class Seen:
    """One request."""

    head: str
    body: bytes
    reader: asyncio.StreamReader

    def header(self, name: str) -> str | None:
        for line in self.head.splitlines()[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


async def hang(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Never answer; end when the caller has closed the connection."""
    await seen.reader.read()
    writer.close()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[["Provider", Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Provider:
    """Answers requests in order with what it is given, the last one for all that follow.

    Bytes are sent as they are; b"" closes the connection; a function does what it likes.
    """

    answers: list[bytes | Answer]
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    in_flight: int = 0
    peak: int = 0
    port: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection ended."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a request came."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._one(reader, writer):
                    pass
        finally:
            self.open -= 1
            self.gone.set()
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen = Seen(head, b"", reader)
        seen.body = await reader.readexactly(int(seen.header("content-length") or 0))
        self.requests.append(seen)
        self.arrived.set()
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if callable(answer):
                await answer(self, seen, writer)
            elif answer == b"":
                return False
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            self.in_flight -= 1
        return not writer.is_closing()


def beginning(begun: bytes) -> Answer:
    """Send the beginning of an answer, and no more."""

    async def begin(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await hang(provider, seen, writer)

    return begin


def ending(answer: bytes) -> Answer:
    """Send this much, and close."""

    async def end(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return end


@asynccontextmanager
async def serving(*answers: bytes | Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    """Serve on a free port of 127.0.0.1; on leaving, nothing of the server is left."""
    provider = Provider(list(answers))
    async with listening(provider.serve, tls) as port:
        provider.port = port
        yield provider


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers[task] = writer
        with suppress(asyncio.CancelledError, ConnectionError):
            await serve(reader, writer)
            writer.close()
            await asyncio.shield(writer.wait_closed())
            del handlers[task]

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls, backlog=2048)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        left = dict(handlers)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for writer in left.values():
            _abort(writer)
            with suppress(ConnectionError):
                await writer.wait_closed()


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(AttributeError):  # Python 3.11.2 forgets the protocol of a TLS transport that is closed already
        writer.transport.abort()


@asynccontextmanager
async def connect_proxy(to_port: int) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve an HTTP proxy whose every tunnel ends at `to_port`; give its port and the first lines of requests."""
    asked: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode())
        there = await asyncio.open_connection("127.0.0.1", to_port)
        try:
            if head.startswith(b"CONNECT"):
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                there[1].write(head)
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
        finally:
            _abort(there[1])
            with suppress(ConnectionError):
                await there[1].wait_closed()

    async with listening(serve) as port:
        yield port, asked
