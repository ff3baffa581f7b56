"""Work for a client ends when the client leaves, and nothing else is touched."""

from __future__ import annotations

import asyncio
import http.client
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from aiocrew.errors import UsageError
from aiocrew.server.disconnect import cancel_on_disconnect

PATIENCE_S = 10.0
LEFT = {"type": "http.disconnect"}
NO_BODY = {"type": "http.request", "body": b"", "more_body": False}
BODY = {"type": "http.request", "body": b'{"a": 1}', "more_body": False}


class Connection:
    """An ASGI receive: gives the messages that it is told, then waits."""

    def __init__(self, *messages: dict[str, Any] | Exception) -> None:
        self._messages: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()
        self.listeners = 0
        for message in messages:
            self.tell(message)

    def tell(self, message: dict[str, Any] | Exception) -> None:
        self._messages.put_nowait(message)

    async def listened_to(self) -> None:
        """Return when somebody listens, and has had all messages."""
        for _ in range(10):
            await asyncio.sleep(0)
        assert self.listeners == 1

    async def __call__(self) -> dict[str, Any]:
        self.listeners += 1
        try:
            message = await self._messages.get()
        finally:
            self.listeners -= 1
        if isinstance(message, Exception):
            raise message
        return message


def request(receive: Connection, **scope: Any) -> Request:
    return Request({"type": "http", "method": "POST", "headers": [], **scope}, receive)


async def for_ever() -> None:
    await asyncio.Event().wait()


def cancels() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@pytest.fixture(autouse=True)
async def _no_task_is_left(request: pytest.FixtureRequest) -> Any:
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def test_what_is_awaited_is_cancelled_when_the_client_leaves() -> None:
    receive = Connection(NO_BODY)
    heard: list[str] = []
    async with cancel_on_disconnect(receive) as client:
        await receive.listened_to()
        assert not client.gone
        receive.tell(LEFT)
        try:
            await for_ever()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
    assert heard == ["cancelled"]
    assert client.gone
    assert cancels() == receive.listeners == 0
    await asyncio.sleep(0)


async def test_what_ends_before_keeps_its_result_and_nobody_listens_any_more() -> None:
    receive = Connection(NO_BODY)

    async def route() -> str:
        async with cancel_on_disconnect(receive):
            await receive.listened_to()
            return "answer"
        return "left"

    assert await route() == "answer"
    assert receive.listeners == 0


async def test_a_client_that_has_left_already_is_noticed_at_the_first_await() -> None:
    async with cancel_on_disconnect(Connection(LEFT)) as client:
        await for_ever()
    assert client.gone


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brings eager tasks")
async def test_with_eager_tasks_too_where_it_is_noticed_before_the_block_awaits_anything() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with cancel_on_disconnect(Connection(LEFT)) as client:
        await for_ever()
    assert client.gone
    async with cancel_on_disconnect(Connection(LEFT)) as client:
        pass
    assert cancels() == 0
    with pytest.raises(KeyError):
        async with cancel_on_disconnect(Connection(LEFT)):
            raise KeyError
    assert cancels() == 0
    await asyncio.sleep(0)


@pytest.mark.parametrize("ticks_of_the_client", range(6))
@pytest.mark.parametrize("ticks_of_the_work", range(6))
async def test_about_the_same_tick_there_is_a_result_or_the_client_is_gone_and_never_both(
    ticks_of_the_work: int, ticks_of_the_client: int
) -> None:
    receive = Connection()

    def after(ticks: int, function: Callable[[], None]) -> None:
        if ticks:
            asyncio.get_running_loop().call_soon(after, ticks - 1, function)
        else:
            function()

    async def route() -> tuple[str, bool]:
        done = asyncio.Event()
        after(ticks_of_the_client, lambda: receive.tell(LEFT))
        after(ticks_of_the_work, done.set)
        async with cancel_on_disconnect(receive) as client:
            await done.wait()
            return "answer", client.gone
        return "left", client.gone

    assert await route() in {("answer", False), ("left", True)}
    assert cancels() == 0
    await asyncio.sleep(0)


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_cancel_from_outside_passes_even_beside_the_clients_leaving(leaves: bool) -> None:
    receive = Connection()

    async def route() -> None:
        async with cancel_on_disconnect(receive):
            await for_ever()

    for ticks in range(4):
        task = asyncio.create_task(route())
        await receive.listened_to()
        if leaves:
            receive.tell(LEFT)
        for _ in range(ticks):
            await asyncio.sleep(0)
        was_there = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == was_there
        assert receive.listeners == 0


async def test_a_timeout_around_it_stays_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), cancel_on_disconnect(Connection()):
            await for_ever()


async def test_a_timeout_inside_it_stays_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with cancel_on_disconnect(Connection()), asyncio.timeout(0.01):
            await for_ever()


async def test_an_error_of_the_work_is_raised() -> None:
    with pytest.raises(KeyError):
        async with cancel_on_disconnect(Connection()):
            raise KeyError


async def test_work_that_swallows_the_cancellation_keeps_its_result() -> None:
    async def route() -> str:
        async with cancel_on_disconnect(Connection(LEFT)) as client:
            try:
                await for_ever()
            except asyncio.CancelledError:
                return f"in spite of {client.gone}"
        return "left"

    assert await route() == "in spite of True"
    assert cancels() == 0


async def test_an_error_of_receive_ends_the_block_and_is_raised() -> None:
    receive = Connection(ConnectionError("the server is broken"))
    with pytest.raises(ConnectionError, match="broken"):
        async with cancel_on_disconnect(receive) as client:
            await for_ever()
    assert not client.gone
    assert cancels() == 0


@pytest.mark.parametrize("message", [BODY, {**NO_BODY, "more_body": True}])
async def test_a_body_that_nobody_has_read_is_an_error_that_says_so(message: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="has not been read"):
        async with cancel_on_disconnect(Connection(message)):
            await for_ever()


async def test_the_body_of_a_request_is_there_inside_and_after_the_block() -> None:
    receive = Connection({**BODY, "body": b'{"a"', "more_body": True}, {**BODY, "body": b": 1}"})
    asked = request(receive)
    async with cancel_on_disconnect(asked) as client:
        assert await asked.json() == {"a": 1}
        receive.tell(LEFT)
        await for_ever()
    assert client.gone
    assert await asked.body() == b'{"a": 1}'


async def test_a_body_that_was_read_as_a_stream_is_no_obstacle() -> None:
    receive = Connection(BODY)
    asked = request(receive)
    assert b"".join([piece async for piece in asked.stream()]) == b'{"a": 1}'
    async with cancel_on_disconnect(asked) as client:
        receive.tell(LEFT)
        await for_ever()
    assert client.gone


async def test_a_websocket_is_refused() -> None:
    async def send(message: Any) -> None:
        raise AssertionError

    for given in (WebSocket({"type": "websocket"}, Connection(), send), Connection({"type": "websocket.connect"})):
        with pytest.raises(UsageError, match="websocket"):
            async with cancel_on_disconnect(given):
                await for_ever()


async def test_anything_else_is_refused() -> None:
    with pytest.raises(UsageError, match="not str"):
        async with cancel_on_disconnect("request"):  # type: ignore[arg-type]
            pass


class Observed:
    """What a route went through, for whoever waits in another thread."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ended = threading.Event()
        self.as_: list[str] = []

    async def route(self, asked: Request) -> Response:
        self.began.set()
        try:
            async with cancel_on_disconnect(asked) as client:
                body = await asked.body()
                if asked.query_params.get("wait"):
                    await for_ever()
                self.as_.append("answered")
                return JSONResponse(body.decode())
            self.as_.append(f"left: {client.gone}")
            return Response(status_code=499)
        finally:
            self.ended.set()


async def pass_on(asked: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return await call_next(asked)


def app_of(observed: Observed, *, middleware: bool) -> FastAPI:
    app = FastAPI()
    app.add_api_route("/", observed.route, methods=["GET", "POST"])
    if middleware:
        app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    return app


@contextmanager
def served(app: FastAPI) -> Iterator[tuple[str, int]]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def head(method: str, body: bytes = b"") -> bytes:
    return f"{method} /?wait=1 HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("middleware", [False, True])
@pytest.mark.parametrize("sent", [head("GET"), head("POST", b'"text"')])
def test_a_client_that_hangs_up_ends_the_route_under_uvicorn(middleware: bool, sent: bytes) -> None:
    observed = Observed()
    with served(app_of(observed, middleware=middleware)) as address:
        with socket.create_connection(address) as client:
            client.sendall(sent)
            assert observed.began.wait(PATIENCE_S)
        assert observed.ended.wait(PATIENCE_S)
    assert observed.as_ == ["left: True"]


@pytest.mark.parametrize("middleware", [False, True])
def test_a_client_that_waits_gets_the_answer(middleware: bool) -> None:
    observed = Observed()
    with served(app_of(observed, middleware=middleware)) as address:
        client = http.client.HTTPConnection(*address)
        for method, body in (("POST", b"text"), ("GET", b""), ("POST", b"again")):
            client.request(method, "/", body)
            assert client.getresponse().read() == b'"' + body + b'"'
        client.close()
    assert observed.as_ == ["answered"] * 3


@pytest.mark.parametrize("middleware", [False, True])
async def test_a_transport_that_tells_of_the_end_only_after_the_answer_changes_nothing(middleware: bool) -> None:
    observed = Observed()
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    answered = asyncio.Event()
    messages = [{**BODY, "body": b"text"}]
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await answered.wait()
        return LEFT

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    await app_of(observed, middleware=middleware)(scope, receive, send)
    assert b"".join(message.get("body", b"") for message in sent) == b'"text"'
    assert observed.as_ == ["answered"]
