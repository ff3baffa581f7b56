"""A real Redis on loopback, one for all tests: a file that imports the fixture `redis_url` has it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.running import ServerFailed, installed, running_on_a_free_port

__all__ = ["redis_url"]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Where the one Redis of the session is, empty; skips where there is none and none can be had."""
    program = installed("redis-server", _program)
    if program is None:
        pytest.skip("needs redis-server, which the test starts by itself: install Debian's package redis-server")
    with tempfile.TemporaryDirectory(prefix="aiocrew-redis-") as folder:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder]
        try:
            with running_on_a_free_port(
                lambda port: [str(program), "--port", str(port), *options], "Ready to accept connections"
            ) as port:
                yield f"redis://127.0.0.1:{port}/0"
        except ServerFailed as failure:
            pytest.skip(f"redis-server could not be started: {failure}")


def _program() -> Path | None:
    found = shutil.which("redis-server")
    return None if found is None else Path(found)
