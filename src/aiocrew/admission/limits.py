"""The limits of each (provider, base URL, key, model), shared by all runs and all event loops of the process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeAlias
from weakref import WeakValueDictionary

from aiocrew.admission.call import Call
from aiocrew.admission.headers import Told
from aiocrew.admission.provider import ProviderController
from aiocrew.admission.turnstile import Turnstile
from aiocrew.types.limits import Limits

__all__ = ["Identity", "Limit", "all_limits", "limit_for"]

Identity: TypeAlias = tuple[str, str, str, str]
"""(provider, base URL, key, model)"""


class Limit(Turnstile[ProviderController]):
    """Lets calls out to one provider, as the user's limits, its answers and its rejections allow."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._declared = limits
        self.rejections = 0
        self.retries = 0
        super().__init__()

    def _fresh(self) -> ProviderController:
        return ProviderController(self._declared)

    @property
    def is_ramping(self) -> bool:
        """Whether nothing limits calls yet but how fast their number grows: nobody has named or met a limit."""
        rules = self._controller.rules
        told = rules.told_requests.bucket or rules.told_tokens.bucket or rules.told_reply_tokens.bucket
        return self._declared is None and not self.rejections and told is None and rules.learned is None

    def label_for(self, model: str) -> str:
        """Return what people call this limit, of the model that they call `model`."""
        declared = self._declared
        if declared is None:
            return f"what the provider of {model} allows"
        given = ((name, getattr(declared, name)) for name in declared.__struct_fields__)
        return f"Limits({', '.join(f'{name}={value}' for name, value in given if value is not None)}) of {model}"

    @property
    def controller(self) -> ProviderController:
        """The state, for who only reads it."""
        return self._controller

    @contextmanager
    def reading(self) -> Generator[tuple[ProviderController, float]]:
        """Give the state and the time now, while nothing changes; for who only reads."""
        loop = asyncio._get_running_loop()
        with self._lock:
            yield self._controller, time.monotonic() if loop is None else loop.time()

    @property
    def counts_tokens(self) -> bool:
        """Whether a call must say how many tokens it will use."""
        return self._controller.rules.counts_tokens

    def declare(self, limits: Limits) -> None:
        """Keep to the user's own limits from now on; calls that are under way go on."""
        with self._lock:
            self._declared = limits
            self._controller.declare(limits)

    def accepted(
        self,
        call: Call,
        loop: asyncio.AbstractEventLoop,
        tokens: float | None,
        told: Told | None,
        reply_tokens: float = 0.0,
    ) -> None:
        """The provider took the call, and its slot is free again.

        It used so many tokens (None: nobody knows), `reply_tokens` of them for its reply.
        """
        with self._lock:
            controller = self._controller
            if not controller.accepted(call, tokens, told, loop.time(), reply_tokens) or not controller.waiting:
                return
        self._after(loop)

    def rejected(
        self, call: Call, loop: asyncio.AbstractEventLoop, waits_s: float | None, told: Told | None, chance: float
    ) -> None:
        """The provider turned the call away: it was one too many."""
        with self._lock:
            self.rejections += self._controller.rejected(call, waits_s, told, loop.time(), chance)
        self._after(loop)

    def overloaded(self, call: Call, loop: asyncio.AbstractEventLoop, waits_s: float, chance: float) -> None:
        """The provider asks all to wait for so long."""
        with self._lock:
            self._controller.overloaded(call, waits_s, loop.time(), chance)
        self._after(loop)

    def paused_s(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return for how many seconds nothing goes out."""
        return max(0.0, self._controller.rules.paused_until_s - loop.time())


_limits: WeakValueDictionary[Identity, Limit] = WeakValueDictionary()
_limits_lock = threading.RLock()  # reentrant: what the collector ends may ask for a limit


def limit_for(identity: Identity, limits: Limits | None = None) -> Limit:
    """Return the process's limit of `identity`. The user's own `limits` hold for all who share it; the latest count."""
    with _limits_lock:
        limit = _limits.get(identity)
        if limit is None:
            limit = _limits[identity] = Limit()
    if limits is not None:
        limit.declare(limits)
    return limit


def all_limits() -> list[tuple[Identity, Limit]]:
    """Return the limits that somebody uses."""
    with _limits_lock:
        return list(_limits.items())


def _new_lock() -> None:
    global _limits_lock
    _limits_lock = threading.RLock()  # in a forked child: a thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
