"""A provider on loopback, in a thread of its own: the chat-completions wire and Serper's, with counts to wait for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, cast

from tests.server.served import Served

__all__ = ["Counts", "LoopbackProvider", "task_of"]

_PATIENCE_S = 10.0
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}

Refusal = tuple[int, str]


@dataclass
class Counts:
    """What the provider saw; `broken` are requests whose connection was closed before they were answered."""

    asked: list[str] = field(default_factory=list)
    """The task of each model call, in the order in which they came."""
    searches: list[str] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0
    broken: int = 0
    open: int = 0
    """Connections that are open now."""


class Taken(NamedTuple):
    """A request, and what it is answered with."""

    asked: str
    status: int
    answer: dict[str, Any]


def task_of(body: dict[str, Any]) -> str:
    """Return the text that the request's first user message begins with: the task."""
    text = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return str(text).splitlines()[0].removeprefix("Your task: ")


class LoopbackProvider(Served):
    """Answers every model call with `re: <task>` after `latency_s`, and every search with one result.

    uses_tools: a call that offers tools is answered by calling the first of them, once.
    refuse: gives status and message for the tasks that are refused.
    hold(): from now on the answers to some or all tasks wait for release(), or until so many wait.
    `base_url` leads to it by address, `by_name` by the name of the host.
    """

    def __init__(
        self,
        *,
        latency_s: float = 0.0,
        uses_tools: bool = True,
        refuse: Callable[[str], Refusal | None] = lambda task: None,
    ) -> None:
        super().__init__(lambda: _Connection(self), "loopback-provider")
        self.latency_s, self.uses_tools, self.refuse = latency_s, uses_tools, refuse
        self.counts = Counts()
        self.changed = threading.Condition()
        self._holds: Callable[[str], bool] = lambda asked: False
        self._held: list[Callable[[], None]] = []
        self._until: int | None = None

    @property
    def by_name(self) -> str:
        return f"http://localhost:{self.port}/v1"

    @property
    def variables(self) -> dict[str, str]:
        """The environment that leads the default model and the search tool here."""
        return {
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": self.base_url,
            "SERPER_API_KEY": "serper-test",
            "SERPER_BASE_URL": f"http://127.0.0.1:{self.port}",
        }

    def wait_for(self, reached: Callable[[Counts], bool]) -> Counts:
        """Return the counts once `reached` holds of them; blocks, so inside a loop use `seen`."""
        with self.changed:
            assert self.changed.wait_for(lambda: reached(self.counts), _PATIENCE_S), self.counts
            return self.counts

    async def seen(self, reached: Callable[[Counts], bool]) -> Counts:
        """Return the counts once `reached` holds of them."""
        answer: asyncio.Future[Counts] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def tell(counts: Counts | None, error: AssertionError | None) -> None:
            if answer.done():
                return
            if counts is not None:
                answer.set_result(counts)
            elif error is not None:
                answer.set_exception(error)

        def wait() -> None:
            counts, failed = None, None
            try:
                counts = self.wait_for(reached)
            except AssertionError as error:
                failed = error
            with suppress(RuntimeError):  # whoever asked has gone, and its loop too
                loop.call_soon_threadsafe(tell, counts, failed)

        # Not the default executor: some scenarios have filled it.
        threading.Thread(target=wait, daemon=True).start()
        return await answer

    def hold(self, which: Callable[[str], bool] = lambda asked: True, *, until: int | None = None) -> None:
        """Keep back the answers to those tasks and searches that are asked from now on; all when `until` wait."""
        self._holds, self._until = which, until

    def release(self) -> None:
        """Give the answers that were kept back, and no longer keep any."""
        self._holds = lambda asked: False
        self._loop.call_soon_threadsafe(self._give_held)

    def _give_held(self) -> None:
        held, self._held = self._held, []
        for give in held:
            give()

    def take(self, path: str, body: dict[str, Any]) -> Taken:
        """Note a request, and return it with its answer."""
        asked = body["q"] if path == "/search" else task_of(body)
        return Taken(asked, *self._answer(path, body, asked))

    def schedule(self, asked: str, answer: Callable[[], None]) -> None:
        """Call `answer` when the time for it has come."""
        if self._holds(asked):
            self._held.append(answer)
            if len(self._held) == self._until:
                self.release()
        elif self.latency_s:
            self._loop.call_later(self.latency_s, answer)
        else:
            answer()

    def _answer(self, path: str, body: dict[str, Any], asked: str) -> tuple[int, dict[str, Any]]:
        if path == "/search":
            self.counts.searches.append(asked)
            found = {"title": f"About {asked}", "link": "http://localhost/", "snippet": "It is known."}
            return 200, {"organic": [found]}
        self.counts.asked.append(asked)
        refused = self.refuse(asked)
        if refused is not None:
            return refused[0], {"error": {"message": refused[1], "type": "invalid_request_error"}}
        tools = body.get("tools", [])
        if self.uses_tools and tools and all(message["role"] != "tool" for message in body["messages"]):
            return 200, _completion(None, _call_of(tools[0]["function"], asked))
        return 200, _completion(f"re: {asked}")


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, one request at a time, kept alive."""

    def __init__(self, provider: LoopbackProvider) -> None:
        self._provider = provider
        self._buffer = b""
        self._waits = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._provider.transports.add(self._transport)
        self._count(open=1)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._provider.transports.discard(self._transport)
        self._transport = None
        waited, self._waits = self._waits, False
        # The socket itself is closed right after this.
        asyncio.get_running_loop().call_soon(lambda: self._count(open=-1, in_flight=-waited, broken=+waited))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = next(int(line[15:]) for line in lines if line.lower().startswith("content-length:"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        taken = self._provider.take(lines[0].split(" ")[1], json.loads(rest[:length]))
        self._waits = True
        self._count(in_flight=1)
        self._provider.schedule(taken.asked, partial(self._give, taken.status, taken.answer))

    def _give(self, status: int, answer: dict[str, Any]) -> None:
        if self._transport is None:
            return
        self._waits = False
        self._count(in_flight=-1)
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    def _count(self, *, open: int = 0, in_flight: int = 0, broken: int = 0) -> None:
        counts, changed = self._provider.counts, self._provider.changed
        with changed:
            counts.open += open
            counts.broken += broken
            counts.in_flight += in_flight
            counts.peak = max(counts.peak, counts.in_flight)
            changed.notify_all()


def _call_of(function: dict[str, Any], task: str) -> list[dict[str, Any]]:
    needed = function["parameters"].get("required", [])
    arguments = json.dumps(dict.fromkeys(needed, task))
    return [{"id": "call_1", "type": "function", "function": {"name": function["name"], "arguments": arguments}}]


def _completion(text: str | None, calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
    finish = "tool_calls" if calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "model": "loopback", "choices": [choice], "usage": _USAGE}
