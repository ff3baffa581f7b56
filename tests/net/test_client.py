"""One request over the pool, against servers that fail in every way."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aiocrew.errors import BlueprintError, UsageError
from aiocrew.net.client import Target
from aiocrew.net.failures import NetError
from aiocrew.net.pool import aclose
from tests.net.calling import BY_EACH_WAY, address, post
from tests.net.loopback import (
    TRUNCATED,
    beginning,
    completion,
    connect_proxy,
    ending,
    hang,
    http,
    serving,
)


async def test_a_connection_is_used_again() -> None:
    async with serving(completion()) as provider:
        answers = [await post(address(provider)) for _ in range(5)]
        await aclose()
    assert {answer.status for answer in answers} == {200}
    assert (len(provider.requests), provider.connections) == (5, 1)


async def test_headers_go_out_as_given_and_compression_is_not_asked_for() -> None:
    async with serving(completion()) as provider:
        await post(address(provider), b'{"a":1}', Authorization="Bearer k", **{"User-Agent": "mine"})
        await aclose()
    seen = provider.requests[0]
    assert (seen.header("authorization"), seen.header("user-agent")) == ("Bearer k", "mine")
    assert (seen.header("accept-encoding"), seen.header("content-type")) == ("identity", "application/json")
    assert seen.body == b'{"a":1}'


async def test_a_large_body_goes_out_without_a_warning() -> None:
    async with serving(completion()) as provider:
        await post(address(provider), b"x" * 3_000_000)
        await aclose()
    assert len(provider.requests[0].body) == 3_000_000


async def test_cookies_are_not_kept() -> None:
    async with serving(http(b"{}", Set_Cookie="id=1")) as provider:
        await post(address(provider))
        await post(address(provider))
        await aclose()
    assert provider.requests[1].header("cookie") is None


async def test_a_redirect_is_not_followed() -> None:
    async with (
        serving(completion()) as elsewhere,
        serving(http(b"", "307 Temporary Redirect", Location=address(elsewhere))) as provider,
    ):
        answer = await post(address(provider), Authorization="Bearer k")
        await aclose()
    assert (answer.status, elsewhere.requests) == (307, [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "without an answer"),
        (TRUNCATED, "before the answer was whole"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "before the answer was whole"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP"),
    ],
)
async def test_a_broken_answer_is_an_error_that_says_how(answer: bytes, words: str) -> None:
    async with serving(ending(answer)) as provider:
        with pytest.raises(NetError, match=words):
            await post(address(provider))
        await aclose()


async def test_a_port_without_a_server_is_an_error_with_host_and_port() -> None:
    async with serving() as provider:
        pass
    with pytest.raises(NetError, match="no connection") as caught:
        await post(address(provider))
    assert (caught.value.host, caught.value.port, caught.value.permanent) == ("127.0.0.1", provider.port, False)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/", "http://", "http://x:notaport/", "https://x:99999/"])
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(BlueprintError, match="no address to call"):
        Target(url, {})


def test_a_key_with_a_line_break_is_refused_without_being_shown() -> None:
    with pytest.raises(BlueprintError, match="Authorization") as caught:
        Target("http://x/", {"Authorization": "Bearer abc\ndef"})
    assert "abc" not in str(caught.value)


async def test_a_timeout_ends_the_call_and_closes_its_socket() -> None:
    async with serving(hang) as provider:
        with pytest.raises(TimeoutError):
            await post(address(provider), timeout_s=0.05)
        await provider.gone.wait()
        assert provider.open == 0
        await aclose()


@pytest.mark.parametrize("begun", [b"", TRUNCATED])
async def test_a_cancelled_call_closes_its_socket(begun: bytes) -> None:
    async with serving(beginning(begun)) as provider:
        task = asyncio.ensure_future(post(address(provider)))
        await provider.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.gone.wait()
        await aclose()


@pytest.mark.parametrize("host", BY_EACH_WAY)
async def test_an_answer_that_switches_protocols_is_the_answer(host: str) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    async with serving(switch) as provider:
        assert (await post(address(provider, host))).status == 101
        assert (await post(address(provider, host))).status == 101
        streamed = await Target(address(provider, host), {}).open(b"{}", 20, TimeoutError)
        assert (streamed.status, await streamed.rest()) == (101, b"")
        streamed.close()
        await aclose()
    assert provider.connections == 3


async def test_a_call_by_name_starts_while_the_default_executor_is_full() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    release = threading.Event()
    stuck = loop.run_in_executor(None, release.wait)
    try:
        async with serving(completion()) as provider:
            assert (await post(address(provider, "localhost"))).status == 200
            await aclose()
    finally:
        release.set()
        await stuck


async def test_a_certificate_is_trusted_by_ssl_cert_file_only(
    authority: Callable[[str], ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(completion(), tls=authority("localhost")) as provider:
        with pytest.raises(NetError, match="SSL_CERT_FILE") as caught:
            await post(address(provider, "localhost", "https"))
        assert caught.value.permanent
        await aclose()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert (await post(address(provider, "localhost", "https"))).status == 200
        await aclose()


async def test_a_certificate_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(NetError, match=r"/nowhere/ca\.pem does not exist"):
        await post("https://127.0.0.1:1/")
    await aclose()


async def test_https_goes_through_a_tunnel_of_the_proxy(
    authority: Callable[[str], ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with (
        serving(completion(), tls=authority("provider.test")) as provider,
        connect_proxy(provider.port) as (port, asked),
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:secret@127.0.0.1:{port}")
        answer = await post("https://provider.test/v1/chat/completions", Authorization="Bearer k")
        await aclose()
    assert answer.status == 200
    assert asked[0].startswith("CONNECT provider.test:443 ")
    assert "Proxy-Authorization: Basic " in asked[0]
    assert "Bearer k" not in asked[0]
    assert provider.requests[0].header("authorization") == "Bearer k"


async def test_no_proxy_goes_around_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(completion()) as provider, connect_proxy(provider.port) as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
        await post(address(provider))
        await aclose()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await post(address(provider))
        await aclose()
    assert [line.partition(" HTTP")[0] for line in asked] == [f"POST {address(provider)}"]


async def test_a_proxy_of_another_kind_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(UsageError, match="ALL_PROXY names a socks5 proxy"):
        await post("http://127.0.0.1:1/")
    await aclose()


def test_a_pool_of_the_parent_is_not_used_in_a_forked_child() -> None:
    async def one() -> int:
        async with serving(completion()) as provider:
            status = (await post(address(provider, "localhost"))).status
            await aclose()
            return status

    assert asyncio.run(one()) == 200
    child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(one()) == 200 else 1)
    assert os.waitpid(child, 0)[1] == 0
