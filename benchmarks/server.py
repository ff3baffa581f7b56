"""A loopback server of the chat-completions wire that costs little enough to measure others with.

The address says how it answers: `/v1/chat/completions` at once, `/v1/200ms/chat/completions` after 200 ms,
`/v1/0ms/nap/chat/completions` asks for the tool `nap` until the request holds a tool's result.
`GET /stats` counts, `POST /reset` begins a new count, `POST /capture` keeps the next requests for `GET /captured`.

It is run as a process of its own, prints one line of JSON with its ports, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import ssl
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

__all__ = ["Counts", "Provider", "ports", "serve"]

ANSWER = (
    "Asynchronous crews overlap their waiting: while one model call is under way, the loop serves every other crew. "
    "Three points matter in practice. First, no call may block the loop. Second, a limit belongs to the provider, "
    "so all crews of a process share it. Third, a crew that fails must not harm its siblings. Measured on the given "
    "input, the plan holds, and the next step is to write the report with the figures above."
)
USAGE = {
    "prompt_tokens": 214,
    "completion_tokens": 83,
    "total_tokens": 297,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0},
}


@dataclass(slots=True)
class Counts:
    """What the server saw since the last reset."""

    requests: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    connections: int = 0
    """Connections opened since the last reset."""
    open_connections: int = 0
    cpu_from_s: float = field(default_factory=time.process_time)

    def reset(self) -> None:
        """Begin a new count; what is open stays counted as open."""
        self.requests = self.connections = 0
        self.peak_in_flight = self.in_flight
        self.cpu_from_s = time.process_time()

    def report(self) -> dict[str, float]:
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "connections": self.connections,
            "open_connections": self.open_connections,
            "cpu_s": time.process_time() - self.cpu_from_s,
        }


@dataclass(frozen=True, slots=True)
class Route:
    """How one address answers."""

    latency_s: float
    tool: str = ""


@dataclass(slots=True)
class Provider:
    """The state that all connections share."""

    counts: Counts = field(default_factory=Counts)
    captured: list[dict[str, str]] | None = None
    routes: dict[bytes, Route | None] = field(default_factory=dict)
    answer: bytes = field(default_factory=lambda: _http(_completion({"content": ANSWER}, "stop")))

    def route(self, target: bytes) -> Route | None:
        """Return how `target` answers; None for an address that the server does not have."""
        if target not in self.routes:
            self.routes[target] = _parse_route(target.decode("ascii", "replace"))
        return self.routes[target]

    def reply(self, route: Route, body: bytes) -> bytes:
        if route.tool and b'"role":"tool"' not in body.replace(b'": "', b'":"'):
            call = {"id": "call_1", "type": "function", "function": {"name": route.tool, "arguments": "{}"}}
            return _http(_completion({"content": None, "tool_calls": [call]}, "tool_calls"))
        return self.answer

    def control(self, method: bytes, target: bytes) -> bytes:
        """Answer what the harness asks, which is not counted."""
        match method, target:
            case b"GET", b"/stats":
                return _http(self.counts.report())
            case b"POST", b"/reset":
                self.counts.reset()
                return _http({})
            case b"POST", b"/capture":
                self.captured = []
                return _http({})
            case b"GET", b"/captured":
                captured, self.captured = self.captured or [], None
                return _http(captured)
            case _:
                return _http({"error": {"message": f"nothing at {target!r}"}}, b"404 Not Found")


class Connection(asyncio.Protocol):
    """One client's connection: HTTP/1.1 with Content-Length, kept alive, answers in the order of the requests."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self._due: deque[asyncio.TimerHandle] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._provider.counts.connections += 1
        self._provider.counts.open_connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        counts = self._provider.counts
        counts.open_connections -= 1
        counts.in_flight -= len(self._due)
        for timer in self._due:
            timer.cancel()
        self._due.clear()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while self._transport is not None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end]
            length = _content_length(head)
            if length is None:
                self._transport.write(_http({"error": {"message": "Content-Length only"}}, b"411 Length Required"))
                self._transport.close()
                return
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        provider = self._provider
        method, target, _ = head[: head.find(b"\r\n")].split(b" ", 2)
        route = provider.route(target) if method == b"POST" else None
        if route is None:
            self._transport.write(provider.control(method, target))
            return
        if provider.captured is not None:
            provider.captured.append({"head": head.decode("latin-1"), "body": body.decode()})
        counts = provider.counts
        counts.requests += 1
        counts.in_flight += 1
        counts.peak_in_flight = max(counts.peak_in_flight, counts.in_flight)
        if route.latency_s:
            loop = asyncio.get_running_loop()
            self._due.append(loop.call_later(route.latency_s, self._answer_due, provider.reply(route, body)))
        else:
            counts.in_flight -= 1
            self._transport.write(provider.reply(route, body))

    def _answer_due(self, reply: bytes) -> None:
        self._due.popleft()
        self._provider.counts.in_flight -= 1
        if self._transport is not None:
            self._transport.write(reply)


def _content_length(head: bytes) -> int | None:
    """Return the length of the body that follows; None when the client sends it in chunks."""
    head = head.lower()
    start = head.find(b"\r\ncontent-length:")
    if start < 0:
        return None if b"\r\ntransfer-encoding:" in head else 0
    end = head.find(b"\r\n", start + 2)
    return int(head[start + 17 : end if end > 0 else len(head)])


def _parse_route(target: str) -> Route | None:
    if not (target.startswith("/v1/") and target.endswith("/chat/completions")):
        return None
    latency_s, tool = 0.0, ""
    for segment in target[len("/v1/") : -len("chat/completions")].split("/"):
        number = segment.removesuffix("ms")
        if number != segment and number.isdigit():
            latency_s = int(number) / 1000
        elif segment:
            tool = segment
    return Route(latency_s, tool)


def _completion(message: dict[str, Any], finish_reason: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
        "object": "chat.completion",
        "created": 1741570283,
        "model": "bench-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", **message, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_fc9f1d7035",
    }


def _http(document: object, status: bytes = b"200 OK") -> bytes:
    body = json.dumps(document).encode()
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        b"Server: loopback\r\nX-Request-Id: req_0123456789abcdef\r\n\r\n%b" % (status, len(body), body)
    )


def ports(server: asyncio.Server) -> list[int]:
    """Return the ports that `server` listens at."""
    return [listening.getsockname()[1] for listening in server.sockets]


async def serve(provider: Provider, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Listen at a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(provider), "127.0.0.1", 0, ssl=tls, backlog=4096)


async def _run(cert_file: str, lifetime_s: float) -> None:
    provider = Provider()
    plain = await serve(provider)
    found = {"port": ports(plain)[0], "tls_port": 0}
    if cert_file:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert_file)
        found["tls_port"] = ports(await serve(provider, tls=tls))[0]
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(lifetime_s):
            await reader.read()


def main() -> None:
    """Serve until standard input ends, or for `--lifetime-s`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cert-file", default="", help="PEM with key and chain: a second port then speaks TLS")
    options.add_argument("--lifetime-s", type=float, default=600.0)
    chosen = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        import uvloop  # halves what the server costs; without it everything still works

        factory = uvloop.new_event_loop
    except ImportError:
        factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(chosen.cert_file, chosen.lifetime_s))


if __name__ == "__main__":
    main()
