"""Real servers for tests: installed where they can be, on a free port of loopback, and ended with the tests."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ServerFailed", "installed", "running_on_a_free_port"]

_START_S = 50.0
_END_S = 20.0
_ATTEMPTS = 3


class ServerFailed(Exception):
    """A server did not start; the message holds what it said."""


def installed(package: str, found: Callable[[], Path | None]) -> Path | None:
    """Return what `found` finds, after installing Debian's `package` if need be and possible; else None."""
    program = found()
    if program is not None or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return program
    # Sessions on several interpreters may come here at once, and apt serves one.
    with (Path(tempfile.gettempdir()) / "aiocrew-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found() is None:
            _install(package)
    return found()


def _install(package: str) -> None:
    # Debian starts a server that it installs; in runlevel 1 it does not.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = f"apt-get -o DPkg::Lock::Timeout=120 install -qy --no-install-recommends {package}"
    for command in ("apt-get update -q", install):
        subprocess.run(command.split(), check=False, capture_output=True, env=env)


@contextmanager
def running_on_a_free_port(
    command_for: Callable[[int], Sequence[str]], ready: str, *, user: str = "", end: int = signal.SIGTERM
) -> Iterator[int]:
    """Give the port on which the server of `command_for(port)` runs, once it has written a line that holds `ready`.

    Afterwards it has ended. user: as whom it runs, where that is another one. end: the signal that ends it. Raises
    ServerFailed.
    """
    port, server = _started_on_a_free_port(command_for, ready, user, end)
    # It may write on, and nobody reads; a thread would tell a loop on virtual time that it may be woken.
    reader = subprocess.Popen(["cat"], stdin=server.stdout, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        _end(server, end)
        reader.wait()


def _started_on_a_free_port(
    command_for: Callable[[int], Sequence[str]], ready: str, user: str, end: int
) -> tuple[int, subprocess.Popen[bytes]]:
    failure = ServerFailed()
    for _ in range(_ATTEMPTS):  # somebody else may take the port meanwhile
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            return port, _started([*_as_user(user, end), *command_for(port)], ready, end)
        except ServerFailed as error:
            failure = error
    raise failure


def _started(command: Sequence[str], ready: str, end: int) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tempfile.gettempdir(),
    )
    assert server.stdout is not None
    said, until_s = b"", time.monotonic() + _START_S
    while ready.encode() not in said:
        readable, _, _ = select.select([server.stdout], [], [], max(0.0, until_s - time.monotonic()))
        piece = os.read(server.stdout.fileno(), 65536) if readable else b""
        if not piece:
            _end(server, end)
            raise ServerFailed(f"{' '.join(command)} did not start: {said.decode(errors='replace')[-2000:]}")
        said += piece
    return server


def _end(server: subprocess.Popen[bytes], end: int) -> None:
    server.send_signal(end)
    try:
        server.wait(_END_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    assert server.stdout is not None
    server.stdout.close()


def _as_user(user: str, end: int) -> list[str]:
    """Return what a command is preceded by to run as `user`, and to end when this process does, however that ends."""
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        who = [f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return [setpriv, *who, f"--pdeathsig={signal.Signals(end).name.removeprefix('SIG')}", "--"]
    return ["runuser", "-u", user, "--"] if user else []
