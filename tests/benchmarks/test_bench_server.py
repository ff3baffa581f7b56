"""The loopback server: what it answers, and what it counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Generator

import aiohttp
import pytest

from benchmarks.server import Provider, ports, serve
from benchmarks.serving import Server, running_server

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with running_server(tls=False, lifetime_s=60) as running:
        yield running


@contextlib.asynccontextmanager
async def serving() -> AsyncGenerator[tuple[Provider, int]]:
    provider = Provider()
    listening = await serve(provider)
    yield provider, ports(listening)[0]
    listening.close()
    await listening.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110, the server counts, it does not signal
        await asyncio.sleep(0)


async def test_a_request_is_understood_however_its_bytes_are_split() -> None:
    async with serving() as (provider, port):
        for cut in range(1, len(REQUEST)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST[:cut])
            await writer.drain()
            writer.write(REQUEST[cut:])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))["choices"][0]["finish_reason"] == "stop"
            writer.close()
            await writer.wait_closed()
        assert provider.counts.requests == len(REQUEST) - 1


async def test_the_peak_counts_requests_that_wait_together_and_forgets_those_that_hang_up() -> None:
    async with serving() as (provider, port):
        patient = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in patient:
            writer.write(REQUEST.replace(b"/v1/", b"/v1/60000ms/"))
        async with asyncio.timeout(10):
            await until(lambda: provider.counts.in_flight == 5)
            for _, writer in patient:
                writer.close()
            await until(lambda: not provider.counts.in_flight and not provider.counts.open_connections)
        assert (provider.counts.peak_in_flight, provider.counts.requests) == (5, 5)


async def test_a_tool_is_asked_for_until_its_result_is_there(server: Server) -> None:
    url = f"{server.base_url(tool='nap')}/chat/completions"
    finish_reasons: list[str] = []
    messages = [{"role": "user", "content": "rest"}]
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url, json={"messages": messages}) as response:
                choice = (await response.json())["choices"][0]
            finish_reasons.append(choice["finish_reason"])
            messages.append({"role": "tool", "content": "rested"})
    assert finish_reasons == ["tool_calls", "stop"]


def test_captured_requests_come_back_as_they_were_sent(server: Server) -> None:
    async def send() -> None:
        async with aiohttp.ClientSession() as session:
            await (await session.post(f"{server.base_url()}/chat/completions", data=b'{"a": "\xc3\xa9"}')).read()

    server.reset()
    server.capture()
    asyncio.run(send())
    assert [request.body for request in server.captured()] == ['{"a": "é"}']
    assert server.stats()["requests"] == 1


def test_the_server_ends_with_the_block() -> None:
    with running_server(tls=False) as running:
        assert running.stats()["open_connections"] == 1
    with pytest.raises(ConnectionRefusedError):
        running.stats()
