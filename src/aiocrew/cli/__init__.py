"""The `aiocrew` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = ("typer", "rich")
_INTERRUPTED = 130  # 128 + SIGINT, as a shell has it


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out `aiocrew` with `arguments` (those of the process, where they are None) and return the exit code.

    0: done. 1: something failed. 2: it was called wrongly, or something that it needs is missing. 130: interrupted.
    """
    try:
        # Here, because typer and rich belong to an extra: without them the command still says what to install.
        from aiocrew.cli.commands import carry_out

        return carry_out(arguments)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _NEEDED:
            raise
        print(f'aiocrew: the command needs {missing}: pip install "aiocrew[cli]"', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED
