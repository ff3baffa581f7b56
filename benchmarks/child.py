"""Running a function of the benchmarks in a fresh process: `python -m benchmarks.child module:function`.

Its one argument comes as JSON on standard input, what it returns goes as JSON to standard output. A row that crashes
or hangs ends its own process and no other row.
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from benchmarks.serving import REPOSITORY
from benchmarks.settings import Settings

__all__ = ["ChildFailedError", "run_in_child"]

T = TypeVar("T")


class ChildFailedError(RuntimeError):
    """A child process ended without a result."""


def run_in_child(
    function: str,
    settings: Settings,
    returns: type[T],
    *,
    timeout_s: float = 90.0,
    env: Mapping[str, str] | None = None,
) -> T:
    """Return what `function` ("module:name") returns in a process of its own; ChildFailedError says how it failed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", function],
            input=msgspec.json.encode(settings),
            capture_output=True,
            cwd=REPOSITORY,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailedError(f"not done after {timeout_s:.0f} s") from error
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise ChildFailedError(complaint[-1] if complaint else f"ended with status {done.returncode}")
    return msgspec.json.decode(done.stdout, type=returns)


def main() -> None:
    """Run the named function on the settings that come in."""
    module, _, name = sys.argv[1].partition(":")
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    if settings.open_files:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(settings.open_files, most), most))
    result = getattr(importlib.import_module(module), name)(settings)
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
