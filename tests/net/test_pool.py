"""The pool lives as long as its loop: whoever closes the loop, nothing is left."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from aiocrew.net import closing
from aiocrew.net.client import Target
from aiocrew.net.pool import Pool, running_pool, socket_ceiling
from tests.net.loopback import Provider, completion, serving

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@contextmanager
def server_in_a_thread() -> Iterator[Provider]:
    ready: list[Provider] = []
    up, down = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        async with serving(completion()) as provider:
            ready.append(provider)
            loops.append(asyncio.get_running_loop())
            up.set()
            await down.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    up.wait()
    try:
        yield ready[0]
    finally:
        loops[0].call_soon_threadsafe(down.set)
        thread.join()


async def call(provider: Provider, times: int = 1) -> int:
    target = Target(f"http://127.0.0.1:{provider.port}/", {})
    return sum([(await target.post(b"{}", 20, TimeoutError)).status for _ in range(times)])


def pools() -> int:
    return sum(isinstance(thing, Pool) for thing in gc.get_objects())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("new_loop", LOOPS)
def test_loops_closed_by_hand_leave_nothing(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    def one() -> None:
        loop = new_loop()
        assert loop.run_until_complete(call(provider)) == 200
        loop.close()

    with server_in_a_thread() as provider:
        for _ in range(10):
            one()
        provider.requests.clear()
        gc.collect()
        before = descriptors(), len(gc.get_objects()), pools()
        for _ in range(200):
            one()
        provider.requests.clear()
        gc.collect()
        assert pools() == before[2]
        # The server's threads and its own sockets come and go beside us, so this is a bound and no equation.
        assert descriptors() <= before[0] + 5
        assert len(gc.get_objects()) <= before[1] + 500


@pytest.mark.parametrize("new_loop", LOOPS)
def test_runner_closes_the_pool(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> Pool:
        await call(provider)
        return running_pool()

    with server_in_a_thread() as provider:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            pool = runner.run(main())
        assert pool.session.closed


def test_a_loop_may_be_closed_twice_and_without_a_call() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with server_in_a_thread() as provider:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(call(provider))
        loop.close()
        loop.close()
        assert loop.is_closed()


def test_a_loop_may_be_closed_while_another_one_runs_in_the_thread() -> None:
    async def outer(inner: asyncio.AbstractEventLoop) -> None:
        inner.close()
        await asyncio.sleep(0)

    with server_in_a_thread() as provider:
        inner = asyncio.new_event_loop()
        inner.run_until_complete(call(provider))
        asyncio.run(outer(inner))
        assert inner.is_closed()


def test_closing_without_a_call_brings_no_http_client() -> None:
    program = (
        "import asyncio, sys; from aiocrew.net.closing import aclose; asyncio.run(aclose()); "
        "sys.exit('aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_the_public_close_closes_the_pool() -> None:
    async with serving(completion()) as provider:
        await call(provider)
        pool = running_pool()
        await closing.aclose()
        assert pool.session.closed
        await closing.aclose()


def test_closing_a_running_loop_is_refused_and_breaks_nothing() -> None:
    async def main() -> int:
        await call(provider)
        with pytest.raises(RuntimeError, match="running"):
            asyncio.get_running_loop().close()
        return await call(provider)

    with server_in_a_thread() as provider:
        assert asyncio.run(main()) == 200


def test_loops_in_several_threads_have_a_pool_each() -> None:
    async def main() -> int:
        await call(provider, 20)
        return id(running_pool())

    with server_in_a_thread() as provider, ThreadPoolExecutor(4) as threads:
        barrier = threading.Barrier(4)

        def one() -> int:
            barrier.wait()
            return asyncio.run(main())

        [future.result() for future in [threads.submit(one) for _ in range(4)]]
        assert provider.connections == 4
        assert len(provider.requests) == 80


def test_idle_connections_give_no_warning_at_the_interpreters_exit() -> None:
    program = """
import asyncio, gc
from tests.net.loopback import completion, serving
from aiocrew.net import closing
from aiocrew.net.client import Target
async def main():
    async with serving(completion()) as provider:
        await Target(f"http://127.0.0.1:{provider.port}/", {}).post(b"{}", 20, TimeoutError)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_idle_tls_connections_give_no_warning_when_the_loop_ends(tmp_path: Path) -> None:
    program = """
import asyncio, ssl, sys
import trustme
from tests.net.loopback import completion, serving
from aiocrew.net.client import Target
authority = trustme.CA()
authority.cert_pem.write_to_path(sys.argv[1])
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
authority.issue_cert("localhost").configure_cert(context)
async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine is none of its warnings
    async with serving(completion(), tls=context) as provider:
        target = Target(f"https://localhost:{provider.port}/", {})
        await asyncio.gather(*(target.post(b"{}", 20, TimeoutError) for _ in range(3)))
asyncio.run(main())
"""
    certificate = str(tmp_path / "ca.pem")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, certificate],
        env=os.environ | {"SSL_CERT_FILE": certificate},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_ceiling_of_sockets_follows_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiocrew.net.pool._file_limit", lambda: 256)
    monkeypatch.setattr("aiocrew.net.pool._open_files", lambda: 10)
    assert socket_ceiling() == 230
    monkeypatch.setattr("aiocrew.net.pool._open_files", lambda: 400)
    assert socket_ceiling() == 8
    monkeypatch.setattr("aiocrew.net.pool._file_limit", lambda: None)
    assert socket_ceiling() > 10_000
