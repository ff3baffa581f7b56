"""A model behind a provider that fails in every way: what is tried again, what is not, and what is said."""

from __future__ import annotations

import asyncio
import itertools
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from aiocrew.aio.runtime import local_runtime
from aiocrew.aio.steps import LocalSteps
from aiocrew.errors import (
    AuthenticationError,
    InvalidReplyError,
    ModelConnectionError,
    ModelTimeoutError,
    OverloadedError,
    ProviderError,
    RequestRefusedError,
)
from aiocrew.models.chat import ChatModel, delay_s
from aiocrew.models.endpoint import Endpoint
from aiocrew.net.pool import aclose
from aiocrew.types.context import Here, Readers, RunContext, Runtime, active_runtime, here
from aiocrew.types.events import Event, LLMCallRetried, LLMCallSent
from aiocrew.types.limits import Limits
from aiocrew.types.messages import Chunk, Reply, Request, User
from aiocrew.types.paths import Path
from aiocrew.types.ports import Model, StreamingModel
from tests.admission.simulation import SkippingLoop
from tests.doubles import on_virtual_time
from tests.net.loopback import Answer, Provider, Seen, completion, hang, http, serving

KEY = "test-key-0123456789"
REQUEST = Request((User("hi"),))


class Patience:
    """A clock whose sleeps take no time and are written down; a sink that keeps events."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.events: list[Event] = []

    def monotonic_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def emit(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
async def patience() -> AsyncIterator[Patience]:
    """Put the test inside a run whose waiting takes no time and whose chance is always 0.5."""
    clock = Patience()
    runtime = Runtime(steps=LocalSteps(), clock=clock, new_id=str, chance=lambda: 0.5)
    token = here.set(Here(RunContext("r", "crew", runtime, clock.monotonic_s, Readers((clock,))), Path("run/task-0")))
    yield clock
    here.reset(token)
    await aclose()


def model_at(provider: Provider, **options: object) -> ChatModel:
    url = f"http://127.0.0.1:{provider.port}/v1/chat/completions"
    headers = {"Authorization": f"Bearer {KEY}"}
    settings = {"provider": "openai", "model": "m", "label": "openai/m", "url": url, "headers": headers, "key": KEY}
    return ChatModel(Endpoint(**(settings | options)))  # type: ignore[arg-type]


def sse(*texts: str, done: bool = True) -> bytes:
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    if done:
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + (b"data: [DONE]\n\n" * done)


def chunked(*parts: bytes, end: bool = True) -> bytes:
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + (b"0\r\n\r\n" * end)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + body


def closing(answer: bytes) -> object:
    async def respond(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return respond


TRUNCATED = closing(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
HTML = http(b"<html>Sign in to the hotel's network</html>", Content_Type="text/html")


def test_it_is_a_model_that_streams() -> None:
    model = ChatModel(Endpoint(provider="p", model="m", label="p/m", url="http://127.0.0.1:1/"))
    assert isinstance(model, Model)
    assert isinstance(model, StreamingModel)


async def test_a_reply_comes_and_the_request_is_the_wires(patience: Patience) -> None:
    async with serving(completion("hello")) as provider:
        reply = await model_at(provider).reply(REQUEST)
    assert reply.text == "hello"
    assert json.loads(provider.requests[0].body)["messages"] == [{"role": "user", "content": "hi"}]
    assert provider.requests[0].header("authorization") == f"Bearer {KEY}"
    assert (patience.slept, [type(event) for event in patience.events]) == ([], [LLMCallSent])


@pytest.mark.parametrize(
    "trouble",
    [
        http({"error": {"message": "slow down"}}, "429 Too Many Requests"),
        http(b"", "500 Internal Server Error"),
        http(b"", "503 Service Unavailable"),
        http(b"", "529 Overloaded"),
        http(b"", "408 Request Timeout"),
        http(b"", "409 Conflict"),
        http(b"", "425 Too Early"),
        b"",
        TRUNCATED,
        HTML,
        http(b'{"choices": []}'),
        http({"error": {"code": 502, "message": "upstream"}}),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_trouble_that_passes_is_waited_out(patience: Patience, trouble: bytes, streamed: bool) -> None:
    async with serving(trouble, trouble, completion("at last")) as provider:
        model = model_at(provider)
        if streamed:
            parts = [part async for part in model.stream(REQUEST)]
            assert parts[:-1] == [Chunk("at last")]
            reply = parts[-1]
        else:
            reply = await model.reply(REQUEST)
    assert isinstance(reply, Reply)
    assert reply.text == "at last"
    assert len({seen.body for seen in provider.requests}) == 1
    assert patience.slept == [0.25, 0.5]
    retried = [event for event in patience.events if isinstance(event, LLMCallRetried)]
    assert [(event.attempt, event.delay_s, event.path) for event in retried] == [
        (1, 0.25, "run/task-0"),
        (2, 0.5, "run/task-0"),
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 302, 307, 501])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refusal_is_final(patience: Patience, status: int, streamed: bool) -> None:
    async with serving(http({"error": {"message": f"no, {KEY}"}}, f"{status} No", Location="http://x/")) as provider:
        model = model_at(provider)
        with pytest.raises(RequestRefusedError) as caught:
            await (anext(model.stream(REQUEST)) if streamed else model.reply(REQUEST))
    assert caught.value.status == status
    assert KEY not in str(caught.value)
    assert (len(provider.requests), patience.slept) == (1, [])


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_reply_is_read_whatever_the_success_is_called(patience: Patience, streamed: bool) -> None:
    created = chunked(sse("hello")) if streamed else completion("hello")
    async with serving(created.replace(b"200 OK", b"201 Created"), http(b"", "204 No Content")) as provider:
        model = model_at(provider)

        async def ask() -> object:
            return [part async for part in model.stream(REQUEST)][-1] if streamed else await model.reply(REQUEST)

        reply = await ask()
        assert isinstance(reply, Reply)
        assert reply.text == "hello"
        with pytest.raises(RequestRefusedError, match="204"):
            await ask()


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_switches_protocols_is_final(patience: Patience, streamed: bool) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    async with serving(switch) as provider:
        model = model_at(provider)
        with pytest.raises(RequestRefusedError, match="101"):
            await (anext(model.stream(REQUEST)) if streamed else model.reply(REQUEST))


async def test_no_key_stands_behind_an_error(patience: Patience) -> None:
    async with serving(f"HTTP/1.1 200 OK\r\nAuthorization {KEY}\r\n\r\n".encode()) as provider:
        with pytest.raises(ModelConnectionError) as caught:
            await model_at(provider, max_retries=0).reply(REQUEST)
    assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_retries_end_and_the_error_counts_them(patience: Patience) -> None:
    async with serving(http(b"", "503 Service Unavailable")) as provider:
        with pytest.raises(OverloadedError, match="3 attempts"):
            await model_at(provider, max_retries=2).reply(REQUEST)
        with pytest.raises(OverloadedError):
            await model_at(provider, max_retries=0).reply(REQUEST)
    assert len(provider.requests) == 4


@pytest.mark.parametrize(("status", "streamed"), [("429 Too Many Requests", False), ("503 Overloaded", True)])
def test_the_provider_is_not_asked_by_anybody_before_it_wants_to_be(status: str, streamed: bool) -> None:
    asked_s: list[float] = []

    def noted(answer: bytes) -> Answer:
        async def respond(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
            asked_s.append(asyncio.get_running_loop().time())
            writer.write(answer)

        return respond

    async def ask(model: ChatModel) -> None:
        if streamed:
            async for _ in model.stream(REQUEST):
                pass
        else:
            await model.reply(REQUEST)

    async def main() -> None:
        asks = [noted(http(b"", status, Retry_After=seconds)) for seconds in ("8", "99999")]
        async with serving(*asks, noted(completion())) as provider:
            model = model_at(provider)
            first = asyncio.ensure_future(ask(model))
            await provider.arrived.wait()
            await asyncio.sleep(1)
            await asyncio.gather(first, ask(model))
            await aclose()

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(main())
    gaps_s = [late - early for early, late in itertools.pairwise(asked_s)]
    assert 8 <= gaps_s[0] <= 9.1
    assert not [at_s for at_s in asked_s if asked_s[1] + 0.1 < at_s < asked_s[1] + 120]
    assert 120 <= max(gaps_s[1:]) <= 122


def test_waiting_grows_is_capped_and_spreads() -> None:
    assert [delay_s(n, None, 0.5) for n in (1, 2, 3, 4, 20, 2000)] == [0.25, 0.5, 1.0, 2.0, 15.0, 15.0]
    assert delay_s(3, None, 0.0) == 0
    assert 1.0 <= delay_s(1, 1.0, 0.99) < 1.25


@pytest.mark.parametrize("asked_s", [0.0, 0.001, 0.2])
def test_a_provider_that_asks_for_less_is_waited_for_as_one_that_does_not_ask(asked_s: float) -> None:
    assert [delay_s(n, asked_s, 0.5) for n in (1, 3, 9)] == [0.25, 1.0, 15.0]


async def test_a_connection_that_went_stale_is_replaced(patience: Patience) -> None:
    async def answer_once(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(provider.requests) == 2:
            writer.transport.abort()  # the server had given the connection up just as the request was sent
        else:
            writer.write(completion())

    async with serving(answer_once) as provider:
        model = model_at(provider)
        await model.reply(REQUEST)
        await model.reply(REQUEST)
    assert (len(provider.requests), provider.connections) == (3, 2)


async def test_an_attempt_that_takes_too_long_is_tried_again(patience: Patience) -> None:
    async with serving(hang, completion("late")) as provider:
        assert (await model_at(provider, timeout_s=0.1).reply(REQUEST)).text == "late"
    assert patience.slept == [0.25]


@pytest.mark.parametrize("begun", [b"", chunked(sse("a", done=False), end=False)])
async def test_a_stream_that_stalls_times_out(patience: Patience, begun: bytes) -> None:
    async def stall(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await hang(provider, seen, writer)

    async with serving(stall) as provider:
        with pytest.raises(ModelTimeoutError):
            async for _ in model_at(provider, timeout_s=0.1, max_retries=0).stream(REQUEST):
                pass
        await provider.gone.wait()


async def test_nothing_there_is_said_with_host_and_port(patience: Patience) -> None:
    async with serving() as provider:
        pass
    with pytest.raises(ModelConnectionError, match=f"127.0.0.1:{provider.port}.*running"):
        await model_at(provider, max_retries=1).reply(REQUEST)


async def test_a_page_in_place_of_a_reply_is_shown(patience: Patience) -> None:
    async with serving(HTML) as provider:
        with pytest.raises(InvalidReplyError) as caught:
            await model_at(provider, max_retries=0).reply(REQUEST)
    assert all(part in str(caught.value) for part in ("200", "text/html", "hotel"))


async def test_a_stream_gives_pieces_and_then_the_reply(patience: Patience) -> None:
    async with serving(chunked(sse("hel", "lo"))) as provider:
        model = model_at(provider)
        for _ in range(3):
            *chunks, reply = [part async for part in model.stream(REQUEST)]
            assert chunks == [Chunk("hel"), Chunk("lo")]
            assert isinstance(reply, Reply)
            assert reply.text == "hello"
    assert provider.connections == 1
    assert json.loads(provider.requests[0].body)["stream"] is True


async def test_a_stream_that_broke_after_a_piece_is_not_begun_anew(patience: Patience) -> None:
    async with serving(closing(chunked(sse("half", done=False), end=False)), chunked(sse("whole"))) as provider:
        parts = model_at(provider).stream(REQUEST)
        assert await anext(parts) == Chunk("half")
        with pytest.raises(ProviderError):
            await anext(parts)
    assert len(provider.requests) == 1


async def test_a_stream_that_is_left_closes_its_socket(patience: Patience) -> None:
    async def stall(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(sse("a", done=False), end=False))
        await hang(provider, seen, writer)

    async with serving(stall) as provider:
        async with aclosing(model_at(provider).stream(REQUEST)) as parts:
            assert await anext(parts) == Chunk("a")
        await provider.gone.wait()
        assert provider.open == 0


async def test_a_stream_whose_server_keeps_the_body_open_ends_all_the_same(patience: Patience) -> None:
    async def never_ends(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(sse("a"), end=False))
        await hang(provider, seen, writer)

    async with serving(never_ends) as provider:
        parts = [part async for part in model_at(provider).stream(REQUEST)]
        await provider.gone.wait()
    assert parts[0] == Chunk("a")


async def test_cancelled_calls_close_their_sockets(patience: Patience) -> None:
    async with serving(hang) as provider:
        model = model_at(provider)
        tasks = [asyncio.ensure_future(model.reply(REQUEST)) for _ in range(20)]
        while provider.in_flight < 20:
            provider.arrived.clear()
            await provider.arrived.wait()
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True)
        )
        while provider.open:
            provider.gone.clear()
            await provider.gone.wait()
        assert patience.slept == []


async def test_models_of_one_endpoint_share_its_ceiling(patience: Patience) -> None:
    async def in_turn(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        writer.write(completion())

    async with serving(in_turn) as provider:
        limits = Limits(max_in_flight=3)
        models = [model_at(provider, limits=limits), model_at(provider), model_at(provider, limits=limits)]
        await asyncio.gather(*(models[n % 3].reply(REQUEST) for n in range(60)))
    assert (len(provider.requests), provider.peak) == (60, 3)


async def test_without_a_run_the_local_runtime_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_runtime().chance() < 1
    async with serving(http(b"", "429 Too Many Requests", Retry_After="0"), completion()) as provider:
        assert (await model_at(provider).reply(REQUEST)).text == "hello"
        await aclose()
    assert len(provider.requests) == 2


async def test_a_wrong_key_says_so(patience: Patience) -> None:
    refused = http({"error": {"message": "Incorrect API key provided: test-***789"}}, "401 Unauthorized")
    async with serving(refused) as provider:
        with pytest.raises(AuthenticationError, match=r"test-\*\*\*789"):
            await model_at(provider).reply(REQUEST)


def test_who_failed_for_another_reason_waits_its_own_time_too_when_all_are_held_back() -> None:
    class Scripted:
        """Stands where the network begins: the first call is told to wait, the second breaks just before the end."""

        def __init__(self) -> None:
            self.sent_s: list[float] = []

        async def post(self, body: bytes, timeout_s: float, timed_out: object) -> tuple[int, dict[str, str], bytes]:
            number, loop = len(self.sent_s), asyncio.get_running_loop()
            self.sent_s.append(loop.time())
            await asyncio.sleep(0.001)
            if number == 0:
                return 503, {"Retry-After": "8"}, b""
            if number == 1:
                await asyncio.sleep(8.88)
                return 500, {}, b""
            return 200, {}, b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'

    provider = Scripted()

    async def main() -> None:
        token = active_runtime.set(replace(local_runtime(), chance=lambda: 0.9))
        model = ChatModel(Endpoint(provider="openai", model="m", label="openai/m", url="http://held-back/v1"))
        model._target = provider  # type: ignore[assignment]
        await asyncio.gather(model.reply(REQUEST), model.reply(REQUEST))
        active_runtime.reset(token)

    on_virtual_time(main)
    told_s, broken_s = sorted(provider.sent_s)[2:]
    assert told_s == pytest.approx(0.001 + 8 + 0.9)  # what was asked, and the spread
    assert broken_s == pytest.approx(8.881 + 0.9 * 0.5)  # its own jitter
