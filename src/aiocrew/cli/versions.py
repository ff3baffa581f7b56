"""What is installed here."""

from __future__ import annotations

import asyncio
import platform
import re
from collections.abc import Iterator
from importlib import metadata

from aiocrew.aio.door import run_sync
from aiocrew.version import __version__

__all__ = ["version_lines"]

_DISTRIBUTION = "aiocrew"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


def version_lines() -> Iterator[str]:
    """Give the lines of `aiocrew version`."""
    yield f"aiocrew  {__version__}"
    yield f"python   {platform.python_version()} ({platform.python_implementation()}, {platform.system()})"
    yield f"loop     {run_sync(_loop)}"
    for extra, parts in _extras().items():
        found = ", ".join(f"{name} {version or 'is missing'}" for name, version in parts.items())
        yield f"extra    {extra}: {found}"


async def _loop() -> str:
    """Return what drives the runs here: asyncio's own loop, or the one that a policy puts in its place."""
    kind = type(asyncio.get_running_loop())
    return f"{kind.__module__.partition('.')[0]} ({kind.__name__.lstrip('_')})"


def _extras() -> dict[str, dict[str, str | None]]:
    """Return each extra's distributions with their versions, None for those that are not installed."""
    try:
        needed = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from a source tree
        return {}
    extras: dict[str, dict[str, str | None]] = {}
    for requirement in needed:
        name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        if name and extra:
            extras.setdefault(extra["extra"], {})[name[0]] = _installed(name[0])
    return extras


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
