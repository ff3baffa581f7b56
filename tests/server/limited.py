"""Providers on loopback that refuse what passes their limits, or break a share of their replies.

They speak the chat-completions wire, in a thread of their own, and keep what they did with each request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import formatdate
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from tests.server.served import Served

__all__ = [
    "FAULTS",
    "Allowance",
    "Fault",
    "Faults",
    "LimitedProvider",
    "Seen",
    "WaitForm",
    "Waiting",
    "tokens_of",
]

Fault: TypeAlias = Literal["500", "502", "503", "reset", "reset in the body", "cut", "late", "garbage", "empty"]
FAULTS: tuple[Fault, ...] = ("500", "502", "503", "reset", "reset in the body", "cut", "late", "garbage", "empty")
"""Every way in which a reply can go wrong.

"reset": before any byte. "reset in the body" and "cut": half a body under the whole one's Content-Length, and then the
connection is reset, or closed in order. "late": no answer for so long that the client has gone. "garbage": no JSON.
"empty": 200, and no body.
"""

WaitForm: TypeAlias = Literal["seconds", "date", "ms"]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST
_PATIENCE_S = 10.0


class Allowance:
    """A bucket of `burst` requests that refills with `rate` a second, continuously; full at first."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._level = burst
        self._at_s: float | None = None

    def level(self, now_s: float) -> float:
        """Return how many requests there may be now."""
        if self._at_s is not None:
            self._level = min(self.burst, self._level + (now_s - self._at_s) * self.rate)
        self._at_s = now_s
        return self._level

    def take(self, now_s: float) -> bool:
        """Take one request out, if there is one."""
        if self.level(now_s) < 1:
            return False
        self._level -= 1
        return True

    def change(self, rate: float, burst: float, now_s: float) -> None:
        """Go on with other numbers; what is in the bucket stays, as far as it holds it."""
        self._level = min(burst, self.level(now_s))
        self.rate, self.burst = rate, burst

    def headers(self, now_s: float) -> dict[str, str]:
        """Return the bucket in OpenAI's headers: how much it holds, what is left, when it is full again."""
        level = self.level(now_s)
        return {
            "x-ratelimit-limit-requests": f"{self.burst:g}",
            "x-ratelimit-remaining-requests": f"{math.floor(level)}",
            "x-ratelimit-reset-requests": f"{(self.burst - level) / self.rate * 1000:.3f}ms",
        }


class Waiting(NamedTuple):
    """How long a refusal asks to wait, and in which form."""

    seconds: float
    form: WaitForm = "seconds"

    def headers(self) -> dict[str, str]:
        match self.form:
            case "seconds":
                return {"Retry-After": f"{self.seconds:g}"}
            case "ms":
                return {"retry-after-ms": f"{self.seconds * 1000:g}"}
            case "date":
                now_s = time.time()
                return {
                    "Date": formatdate(now_s, usegmt=True),
                    "Retry-After": formatdate(now_s + self.seconds, usegmt=True),
                }


class Faults:
    """Which replies go wrong: `share` of them, each request at most `at_most` times.

    What befalls a request depends on the seed, on the request and on how often it came, not on the order of arrival.
    """

    def __init__(
        self, share: float, *, kinds: Sequence[Fault] = FAULTS, at_most: int = 3, seed: int = 0, late_s: float = 30.0
    ) -> None:
        self.share, self.kinds, self.at_most, self.seed, self.late_s = share, kinds, at_most, seed, late_s
        self._came: Counter[str] = Counter()

    def next(self, body: bytes) -> Fault | None:
        """Return what goes wrong with the reply to this request."""
        name = hashlib.blake2b(body, digest_size=8).hexdigest()
        attempt = self._came[name]
        self._came[name] += 1
        chance = random.Random(f"{self.seed}/{name}/{attempt}")
        return chance.choice(self.kinds) if attempt < self.at_most and chance.random() < self.share else None


class Seen(NamedTuple):
    """One request: when it came, whose it was, and what became of it: "accepted", "rejected" or its fault."""

    at_s: float
    task: str
    what: str


def tokens_of(task: str, turn: int) -> tuple[int, int]:
    """Return the tokens of the prompt and of the reply that the provider reports: the task's number stands in them."""
    found = re.search(r"\d+", task)
    number = int(found[0]) if found else 0
    return 10_000 * turn + number, 100 * turn + number % 97


def _reply_to(body: Mapping[str, Any]) -> bytes:
    """Return a call of the first tool that is offered, where there is one, and the task's text after that."""
    messages = body["messages"]
    task, turn = _task_of(body), 1 + sum(message["role"] == "assistant" for message in messages)
    message: dict[str, Any] = {"role": "assistant", "content": f"re: {task}"}
    tools = body.get("tools") or []
    if tools and messages[-1]["role"] != "tool":
        function = tools[0]["function"]
        arguments = json.dumps(dict.fromkeys(function["parameters"].get("required", []), task))
        call = {"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
    prompt, completion = tokens_of(task, turn)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    reply = {"id": "c", "object": "chat.completion", "model": "limited", "choices": [choice], "usage": usage}
    return json.dumps(reply).encode()


def _task_of(body: Mapping[str, Any]) -> str:
    text = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return str(text).splitlines()[0].removeprefix("Your task: ")


class _Answer(NamedTuple):
    """What goes out after `delay_s`, and what becomes of the connection then."""

    data: bytes
    delay_s: float = 0.0
    ends: Literal["kept", "closed", "reset"] = "kept"
    refuses: bool = False
    """Refused requests are never in flight."""


def _http(status: int, body: bytes, headers: Mapping[str, str], *, sent: float = 1.0) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body[: int(len(body) * sent)]


def _error(status: int, words: str, headers: Mapping[str, str]) -> bytes:
    return _http(status, json.dumps({"error": {"message": words, "type": "server_error"}}).encode(), headers)


class LimitedProvider(Served):
    """Answers with `re: <task>` after `latency_s`, within its limits; what passes them gets 429 at once.

    allowance: so many requests a second. most_in_flight: so many at once.
    waiting: what a refusal says of when to come again. tells: whether every answer says what is left.
    faults: which replies go wrong.
    on_accepted(n): called in the provider's thread when its n-th request has been accepted.
    """

    def __init__(
        self,
        *,
        allowance: Allowance | None = None,
        most_in_flight: int | None = None,
        waiting: Waiting | None = None,
        tells: bool = False,
        latency_s: float = 0.0,
        faults: Faults | None = None,
        on_accepted: Callable[[int], None] = lambda number: None,
    ) -> None:
        super().__init__(lambda: _Connection(self), "limited-provider")
        self.allowance, self.most_in_flight, self.waiting, self.tells = allowance, most_in_flight, waiting, tells
        self.latency_s, self.faults, self.on_accepted = latency_s, faults, on_accepted
        self.seen: list[Seen] = []
        self.in_flight = self.peak = 0
        self.accepted = 0

    def count(self, *what: str, among: Iterable[Seen] | None = None) -> int:
        """Return how many requests became one of these."""
        return sum(seen.what in what for seen in (list(self.seen) if among is None else among))

    @property
    def rejected(self) -> int:
        return self.count("rejected")

    def change(self, rate: float, burst: float) -> None:
        """Let the allowance be another one from now on. To be called in the provider's thread: by `on_accepted`."""
        assert self.allowance is not None
        self.allowance.change(rate, burst, self._loop.time())

    def answer(self, raw: bytes) -> _Answer:
        """Decide on one request, and note it."""
        now_s = self._loop.time()
        body = json.loads(raw)
        task = _task_of(body)
        full = self.most_in_flight is not None and self.in_flight >= self.most_in_flight
        if full or (self.allowance is not None and not self.allowance.take(now_s)):
            self.seen.append(Seen(now_s, task, "rejected"))
            asked = {} if self.waiting is None else self.waiting.headers()
            return _Answer(_error(429, "come again later", self._told(now_s) | asked), refuses=True)
        fault = None if self.faults is None else self.faults.next(raw)
        self.seen.append(Seen(now_s, task, fault or "accepted"))
        answer = self._answered(fault, _reply_to(body), self._told(now_s))
        if fault is None:
            self.accepted += 1
            self.on_accepted(self.accepted)
        return answer

    def _told(self, now_s: float) -> dict[str, str]:
        return self.allowance.headers(now_s) if self.tells and self.allowance is not None else {}

    def _answered(self, fault: Fault | None, reply: bytes, told: dict[str, str]) -> _Answer:
        after_s = self.latency_s
        match fault:
            case None:
                return _Answer(_http(200, reply, told), after_s)
            case "500" | "502" | "503":
                return _Answer(_error(int(fault), "something broke", told), after_s)
            case "reset":
                return _Answer(b"", after_s, "reset")
            case "reset in the body":
                return _Answer(_http(200, reply, told, sent=0.5), after_s, "reset")
            case "cut":
                return _Answer(_http(200, reply, told, sent=0.5), after_s, "closed")
            case "late":
                assert self.faults is not None
                return _Answer(_http(200, reply, told), self.faults.late_s)
            case "garbage":
                return _Answer(_http(200, b'{"choices": [{"mess', told), after_s)
            case "empty":
                return _Answer(_http(200, b"", told), after_s)


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, one request at a time, kept alive."""

    def __init__(self, provider: LimitedProvider) -> None:
        self._provider = provider
        self._buffer = b""
        self._due: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._provider.transports.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._provider.transports.discard(self._transport)
        self._transport = None
        if self._due is not None:
            self._due.cancel()
            self._ended()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        provider = self._provider
        answer = provider.answer(rest[:length])
        if answer.refuses:
            self._give(answer)
            return
        provider.in_flight += 1
        provider.peak = max(provider.peak, provider.in_flight)
        self._due = asyncio.get_running_loop().call_later(answer.delay_s, self._give_due, answer)

    def _ended(self) -> None:
        self._due = None
        self._provider.in_flight -= 1

    def _give_due(self, answer: _Answer) -> None:
        self._ended()
        self._give(answer)

    def _give(self, answer: _Answer) -> None:
        assert self._transport is not None
        self._transport.write(answer.data)
        match answer.ends:
            case "kept":
                pass
            case "closed":
                self._transport.close()
            case "reset":
                handle = cast(socket.socket, self._transport.get_extra_info("socket"))
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._transport.abort()
