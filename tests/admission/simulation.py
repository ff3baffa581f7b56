"""Providers and their callers on virtual time: what a limit learns, against what there is to learn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from aiocrew.admission.bucket import Bucket
from aiocrew.admission.call import Call
from aiocrew.admission.headers import Quota, Told
from aiocrew.admission.limits import Limit
from tests.doubles import VirtualTimeLoop, on_virtual_time

__all__ = ["InFlight", "Minutes", "Provider", "Refilling", "SkippingLoop", "World"]


class SkippingLoop(VirtualTimeLoop):
    """An event loop whose time jumps to the next timer when no socket has anything to read."""

    def _run_once(self) -> None:
        if not self._ready and (events := self._selector.select(0.001)):  # type: ignore[attr-defined]
            self._process_events(events)  # type: ignore[attr-defined]
        super()._run_once()


class Provider(Protocol):
    def begin(self, now_s: float) -> bool:
        """Return whether a request that arrives now is accepted."""
        ...

    def end(self) -> None:
        """An accepted request has been answered."""
        ...

    def told(self, now_s: float) -> Told | None:
        """Return what the headers say, where there are any."""
        ...


class Refilling:
    """Allows `rate` a second, and `burst` at once."""

    def __init__(self, rate: float, burst: float, *, tells: bool = False) -> None:
        self.bucket = Bucket(rate, burst)
        self._tells = tells

    def begin(self, now_s: float) -> bool:
        if self.bucket.level(now_s) < 1:
            return False
        self.bucket.take(1, now_s)
        return True

    def end(self) -> None: ...

    def told(self, now_s: float) -> Told | None:
        if not self._tells:
            return None
        level, most = self.bucket.level(now_s), self.bucket.capacity
        return Told(requests=Quota(most, float(int(level)), (most - level) / self.bucket.rate))

    def change(self, rate: float, burst: float, now_s: float) -> None:
        self.bucket = Bucket(rate, burst, now_s, min(burst, self.bucket.level(now_s)))


class Minutes:
    """Allows so many in each window, which all begin at multiples of `window_s`."""

    def __init__(self, allowed: int, window_s: float = 60.0) -> None:
        self._allowed, self._window_s = allowed, window_s
        self._window, self._used = -1, 0

    def begin(self, now_s: float) -> bool:
        window = int(now_s / self._window_s)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        return self._used <= self._allowed

    def end(self) -> None: ...

    def told(self, now_s: float) -> Told | None:
        return None


class InFlight:
    """Allows so many at once."""

    def __init__(self, most: int) -> None:
        self.most, self.now, self.peak = most, 0, 0

    def begin(self, now_s: float) -> bool:
        if self.now >= self.most:
            return False
        self.now += 1
        self.peak = max(self.peak, self.now)
        return True

    def end(self) -> None:
        self.now -= 1

    def told(self, now_s: float) -> Told | None:
        return None


class World:
    """Runs `callers` that ask a provider again and again, for so many seconds, and keeps when what became of it.

    retry_after_s: what a refusal asks to wait; None for one that says nothing, or a function of the time.
    at: what happens to the provider, and when.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        callers: int = 300,
        latency_s: float = 0.2,
        retry_after_s: float | Callable[[float], float] | None = 1.0,
        at: tuple[float, Callable[[float], None]] | None = None,
        seed: int = 0,
        limit: Limit | None = None,
    ) -> None:
        self.provider = provider
        self.limit = limit or Limit()
        self.accepted_s: list[float] = []
        self.rejected_s: list[float] = []
        self._callers, self._latency_s, self._retry_after_s, self._at = callers, latency_s, retry_after_s, at
        self._random = random.Random(seed)

    def run(self, seconds: float) -> World:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            if self._at is not None:
                when_s, act = self._at
                loop.call_at(when_s, act, when_s)
            callers = [asyncio.ensure_future(self._call_again(loop)) for _ in range(self._callers)]
            await asyncio.sleep(seconds - loop.time())
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            assert (self.limit.controller.in_flight, self.limit.controller.waiting) == (0, 0)

        on_virtual_time(main)
        return self

    def accepted(self, since_s: float, until_s: float) -> int:
        return sum(since_s <= at_s < until_s for at_s in self.accepted_s)

    def rejected(self, since_s: float, until_s: float) -> int:
        return sum(since_s <= at_s < until_s for at_s in self.rejected_s)

    def rejected_share(self, since_s: float, until_s: float) -> float:
        rejected = self.rejected(since_s, until_s)
        return rejected / max(1, rejected + self.accepted(since_s, until_s))

    async def _call_again(self, loop: asyncio.AbstractEventLoop) -> None:
        attempts = 0
        while True:
            attempts = 0 if await self._call(loop, again=attempts > 0) else attempts + 1
            if attempts and not self.limit.paused_s(loop):
                await asyncio.sleep(self._random.random() * min(30.0, 0.5 * 2 ** (attempts - 1)))

    async def _call(self, loop: asyncio.AbstractEventLoop, *, again: bool) -> bool:
        call = Call(again=again)
        if not self.limit.try_start(call, loop):
            await self.limit.wait(call, loop)
        try:
            way_s = 0.01
            await asyncio.sleep(way_s)
            now_s = loop.time()
            accepted, told = self.provider.begin(now_s), self.provider.told(now_s)
            (self.accepted_s if accepted else self.rejected_s).append(now_s)
            if accepted:
                try:
                    await asyncio.sleep(self._latency_s * (0.5 + self._random.random()))
                finally:
                    self.provider.end()
            await asyncio.sleep(way_s)
        except asyncio.CancelledError:
            self.limit.ended(call, loop)
            raise
        if accepted:
            self.limit.accepted(call, loop, None, told)
        else:
            waits_s = self._retry_after_s(now_s) if callable(self._retry_after_s) else self._retry_after_s
            self.limit.rejected(call, loop, waits_s, told, self._random.random())
        return accepted
