"""Programs in processes of their own that talk to the loopback provider, and apps under a real uvicorn."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.loopback import LoopbackProvider

__all__ = ["ROOT", "environment", "run_python", "under_uvicorn"]

ROOT = Path(__file__).resolve().parents[2]


def environment(provider: LoopbackProvider | None) -> dict[str, str]:
    """Return the environment that leads a program to `provider`; without one there is no key at all."""
    return {**os.environ, **({} if provider is None else provider.variables)}


def run_python(*arguments: str, provider: LoopbackProvider | None = None) -> subprocess.CompletedProcess[str]:
    """Run a new Python to its end, in the repository's folder."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(provider), capture_output=True, text=True, timeout=40, check=False
    )


@contextmanager
def under_uvicorn(app: str, log: Path, provider: LoopbackProvider | None = None) -> Iterator[str]:
    """Serve `app` ("module:name") in a new process; the block has its URL. What it wrote is in `log` afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        # It listens already, so whoever connects before uvicorn is up just waits for it.
        fd = listening.fileno()
        command = [sys.executable, "-W", "default", "-m", "uvicorn", app, "--fd", str(fd)]
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment(provider), pass_fds=[fd], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
