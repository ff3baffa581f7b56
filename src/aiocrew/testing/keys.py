"""Keys for models that will not be asked: planning a run wants one, and who replays has none."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from aiocrew.models.providers import PROVIDERS

__all__ = ["lent_keys"]

_LENT: Final = "lent-for-a-replay"
_lock = threading.Lock()
_blocks = 0
_before: dict[str, str | None] = {}


@contextmanager
def lent_keys() -> Generator[None]:
    """Let the environment have a key for every provider in this block; those that it has stay as they are."""
    global _blocks
    with _lock:
        _blocks += 1
        if _blocks == 1:
            _lend()
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                _take_back()


def _lend() -> None:
    for provider in PROVIDERS.values():
        if provider.key_variables and not any(map(os.environ.get, provider.key_variables)):
            name = provider.key_variables[0]
            _before[name] = os.environ.get(name)
            os.environ[name] = _LENT


def _take_back() -> None:
    for name, value in _before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _before.clear()
