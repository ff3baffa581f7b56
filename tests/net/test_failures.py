"""What a failed call says, and what stands behind that."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from contextlib import closing

import pytest

from aiocrew.net.client import Target
from aiocrew.net.failures import NetError
from aiocrew.net.pool import aclose
from aiocrew.net.resolver import Resolver, forget
from tests.net.calling import BY_EACH_WAY, address, post
from tests.net.loopback import TRUNCATED, completion, ending, serving


def behind(error: BaseException | None) -> list[BaseException]:
    """Return the error with all that stand behind it."""
    return [] if error is None else [error, *behind(error.__cause__), *behind(error.__context__)]


SECRET = "hid" + "den"
NO_HTTP = b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n"


@pytest.mark.parametrize("answer", [NO_HTTP, b"", TRUNCATED])
@pytest.mark.parametrize("host", BY_EACH_WAY)
@pytest.mark.parametrize("streamed", [False, True])
async def test_no_key_stands_behind_an_error(answer: bytes, host: str, streamed: bool) -> None:
    async def ask(target: Target) -> None:
        if streamed:
            with closing(await target.open(b"{}", 20, TimeoutError)) as answer:
                await answer.rest()
        else:
            await target.post(b"{}", 20, TimeoutError)

    async with serving(ending(answer)) as provider:
        with pytest.raises(NetError) as caught:
            await ask(Target(address(provider, host) + f"?key={SECRET}", {"X-Key": SECRET}))
        await aclose()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert all(SECRET not in repr(vars(error)) + repr(error) for error in behind(caught.value))


async def test_what_the_system_reported_is_the_cause() -> None:
    async with serving() as provider:
        pass
    with pytest.raises(NetError) as caught:
        await post(address(provider))
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert caught.value.__context__ is None


async def test_an_error_is_one_line() -> None:
    async with serving(NO_HTTP) as provider:
        with pytest.raises(NetError, match="not HTTP") as caught:
            await post(address(provider))
        await aclose()
    assert "\n" not in caught.value.detail
    assert "  " not in caught.value.detail


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_thread_that_cannot_start_is_a_failure_that_passes(
    scheme: str, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(job: object) -> None:
        raise RuntimeError("can't start new thread")

    forget("localhost")
    async with serving(completion(), tls=trusted if scheme == "https" else None) as provider:
        url = address(provider, "localhost", scheme)
        with monkeypatch.context() as scarce:
            scarce.setattr("aiocrew.aio.pool._POOL.submit", refuse)
            with pytest.raises(NetError, match="can't start new thread") as caught:
                await post(url)
        assert (caught.value.permanent, caught.value.unreached) == (False, False)
        assert (await post(url)).status == 200
        await aclose()


async def test_a_lookup_that_fails_in_any_way_is_told_to_all_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as scarce:
        scarce.setattr("aiocrew.net.resolver._addresses", run_out)
        ends = await asyncio.gather(*(Resolver().resolve("localhost", 1) for _ in range(3)), return_exceptions=True)
    assert [type(end) for end in ends] == [MemoryError] * 3
    assert await Resolver().resolve("localhost", 1)
