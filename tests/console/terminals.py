"""Programs whose stderr is a real terminal of a given width."""

from __future__ import annotations

import asyncio
import os
import re
import struct
import subprocess
import sys

import pytest

__all__ = ["ESCAPES", "PATIENCE_S", "shown_on_a_terminal", "usual_environment", "without_escapes"]

PATIENCE_S = 30.0
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SAID = (
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "PYTHONASYNCIODEBUG",
)


async def shown_on_a_terminal(program: str, *, width: int = 100, typed: str = "", **variables: str) -> str:
    """Return what `program` writes to stderr, a terminal `width` wide; `typed` stands ready on its stdin, the same."""
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**usual_environment(), "TERM": "xterm-256color", **variables},
    )
    os.close(theirs)
    try:
        if typed:
            os.write(ours, typed.encode())
        async with asyncio.timeout(PATIENCE_S):
            shown = await asyncio.to_thread(_all_of, ours)
            await process.wait()
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
    return shown.decode().replace("\r\n", "\n")


def usual_environment() -> dict[str, str]:
    """Return the variables of this process without those that change what is shown."""
    return {name: value for name, value in os.environ.items() if name not in _SAID}


def _all_of(terminal: int) -> bytes:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def without_escapes(text: str) -> str:
    return ESCAPES.sub("", text)
