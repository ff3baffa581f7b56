"""A provider on loopback whose replies come in pieces, as a stream of events or as one JSON, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from types import TracebackType
from typing import Any

from aiohttp import web

__all__ = ["PiecewiseProvider"]

_PATIENCE_S = 10.0
_A_MOMENT_S = 0.001
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class PiecewiseProvider:
    """Answers a call that offers tools by calling all of them once, and any other call with text.

    A reply comes after a moment, and between two of its pieces the loop goes round: a client may leave at any of them.
    """

    def __init__(self) -> None:
        self.asked = self.in_flight = 0
        self.broken = 0
        """Requests whose client left before the whole answer."""
        self.port = 0
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="piecewise-provider", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> PiecewiseProvider:
        self._thread.start()
        assert self._ready.wait(_PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def none_open(self) -> float:
        """Return once no request is under way, with the seconds that this took from now."""
        began_s = perf_counter()
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def wait() -> None:
            with self._changed:
                closed = self._changed.wait_for(lambda: not self.in_flight, _PATIENCE_S)
            loop.call_soon_threadsafe(ended.set_result, closed)

        if self.in_flight:
            thread = threading.Thread(target=wait, daemon=True)
            thread.start()
            assert await ended, f"{self.in_flight} requests are still under way"
            thread.join()
        return perf_counter() - began_s

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_the_end())

    async def _until_the_end(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        except asyncio.CancelledError:
            self.broken += 1
            raise
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._changed:
            self.asked += more > 0
            self.in_flight += more
            self._changed.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        with self._counted():
            body = await request.json()
            pieces = _events(body) if body.get("stream") else _json(body)
            kind = "text/event-stream" if body.get("stream") else "application/json"
            response = web.StreamResponse(headers={"Content-Type": kind})
            await asyncio.sleep(_A_MOMENT_S)
            try:
                await response.prepare(request)
                for piece in pieces:
                    await response.write(piece)
                    await asyncio.sleep(0)
                await response.write_eof()
            except ConnectionResetError:
                self.broken += 1
            return response


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    if any(message["role"] == "tool" for message in body["messages"]):
        return []
    names = [tool["function"]["name"] for tool in body.get("tools", [])]
    return [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": '{"query": "q"}'}}
        for n, name in enumerate(names)
    ]


def _json(body: dict[str, Any]) -> list[bytes]:
    calls = _calls(body)
    message: dict[str, Any] = {"role": "assistant", "content": None if calls else "the answer"}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    text = json.dumps({"id": "c", "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()
    return [text[:20], text[20:]]


def _events(body: dict[str, Any]) -> list[bytes]:
    calls = _calls(body)
    deltas: list[dict[str, Any]] = [{"tool_calls": [call]} for call in calls] or [{"content": w} for w in ("the ", "a")]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"})
    events: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
    events.append({"choices": [], "usage": _USAGE})
    return [*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n"]
