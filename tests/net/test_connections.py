"""Connections that many calls share: what one call or server does to one never reaches another call."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl

import pytest

from aiocrew.net.client import Target
from aiocrew.net.failures import NetError
from aiocrew.net.pool import aclose
from tests.net.calling import BY_EACH_WAY, address, post
from tests.net.loopback import Provider, Seen, beginning, completion, hang, http, listening, serving

BEGUN = [
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nabc",
]


@pytest.mark.parametrize("begun", BEGUN)
@pytest.mark.parametrize("host", BY_EACH_WAY)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_closing_the_pool_breaks_calls_off_and_the_next_call_opens_another(
    begun: bytes, host: str, scheme: str, trusted: ssl.SSLContext
) -> None:
    async with (
        serving(beginning(begun), completion(), tls=trusted if scheme == "https" else None) as provider,
        serving(completion()) as other,
    ):
        task = asyncio.ensure_future(post(address(provider, host, scheme)))
        await provider.arrived.wait()
        await post(address(other))  # meanwhile what was begun has come
        await aclose()
        with pytest.raises(NetError):
            await task
        assert (await post(address(provider, host, scheme))).status == 200
        await aclose()


@pytest.mark.parametrize("begun", BEGUN[1:])
async def test_closing_the_pool_breaks_streams_off(begun: bytes) -> None:
    async with serving(beginning(begun)) as provider:
        streamed = await Target(address(provider), {}).open(b"{}", 20, TimeoutError)
        rest = asyncio.ensure_future(streamed.rest())
        await asyncio.sleep(0)
        await aclose()
        with pytest.raises(NetError):
            await rest
        streamed.close()


async def test_a_call_that_waits_for_a_socket_is_broken_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiocrew.net.pool.socket_ceiling", lambda: 1)
    async with serving(hang) as provider:
        tasks = [asyncio.ensure_future(post(address(provider, host))) for host in BY_EACH_WAY]
        await provider.arrived.wait()
        await aclose()
        assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [NetError, NetError]
    assert len(provider.requests) == 1


@pytest.mark.parametrize("host", BY_EACH_WAY)
async def test_a_second_answer_on_an_idle_connection_is_nobodys(host: str) -> None:
    async def twice(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b'"first"'))
        connections.append(writer)

    connections: list[asyncio.StreamWriter] = []
    async with serving(twice, http(b'"next"')) as provider, serving(completion()) as other:
        await post(address(provider, host))
        connections[0].write(http(b'"late"'))
        await post(address(other))  # meanwhile it has come
        assert (await post(address(provider, host))).body == b'"next"'
        await aclose()
    assert provider.connections == 2


async def test_a_server_that_speaks_first_is_not_called_for_ever() -> None:
    async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await reader.read()

    async with listening(banner) as port:
        with pytest.raises(NetError, match="not HTTP"):
            await post(f"http://127.0.0.1:{port}/")
        await aclose()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_whose_request_was_answered_early_is_not_used_again(
    scheme: str, trusted: ssl.SSLContext
) -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"", "413 Payload Too Large"))
        writer.transport.pause_reading()
        await answered.wait()
        writer.transport.abort()

    connections: list[asyncio.StreamWriter] = []
    answered = asyncio.Event()
    async with listening(early, trusted if scheme == "https" else None) as port:
        url = f"{scheme}://localhost:{port}/"
        assert (await post(url, b"x" * 20_000_000)).status == 413
        assert (await post(url)).status == 413
        answered.set()
        await aclose()
    assert len(connections) == 2


async def test_no_more_sockets_than_the_process_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiocrew.net.pool.socket_ceiling", lambda: 8)
    async with serving(completion()) as provider:
        answers = await asyncio.gather(*(post(address(provider)) for _ in range(200)))
        await aclose()
    assert len(answers) == 200
    assert provider.connections <= 8


async def test_a_process_with_too_many_files_open_is_told_so_and_goes_on() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(completion()) as provider, serving(completion()) as other:
        await post(address(provider))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            with pytest.raises(NetError, match="ulimit -n") as caught:
                await post(address(other))
            assert not caught.value.permanent
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert (await post(address(other))).status == 200
        assert (await post(address(provider))).status == 200
        await aclose()


async def test_idle_connections_make_room_for_another_host() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def all_at_once(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(provider.requests) == 5:
            all_here.set()
        await all_here.wait()
        writer.write(completion())

    all_here = asyncio.Event()

    async with serving(all_at_once) as provider, serving(completion()) as other:
        await asyncio.gather(*(post(address(provider)) for _ in range(5)))
        held = [os.dup(0) for _ in range(20)]  # whatever number is free below the idle connections'
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        try:
            assert (await post(address(other))).status == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for descriptor in held:
                os.close(descriptor)
        await aclose()
