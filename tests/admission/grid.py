"""A grid of providers, each with one batch on virtual time: how long it takes over the ideal, how much is refused.

`python -m tests.admission.grid [part of a name ...]` prints the table.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from aiocrew.admission.bucket import Bucket
from aiocrew.admission.call import Call
from aiocrew.admission.headers import Quota, Told
from aiocrew.admission.limits import Limit
from aiocrew.models.chat import delay_s
from tests.doubles import on_virtual_time

__all__ = ["Cell", "Outcome", "cells", "measure"]

Says: TypeAlias = Literal["nothing", "Retry-After", "retry-after-ms", "headers"]
SAYS: tuple[Says, ...] = ("nothing", "Retry-After", "retry-after-ms", "headers")
_MOST_RETRIES = 8
_LONGEST_TRIP_S = 0.02
_TOKENS = 500.0
"""What each call uses of a limit on tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One provider, and the batch that it is sent. What is None does not limit it.

    refused_after_s: from sending a request to having its refusal. Up to 20 ms of that are the way there and back, which
        an accepted one needs besides its `service_s`.
    changes: what the limits are multiplied with when half of the batch has been accepted.
    """

    calls: int
    callers: int = 200
    in_flight: int | None = None
    rate: float | None = None
    burst: float = 1.0
    tokens_a_second: float | None = None
    says: Says = "nothing"
    service_s: float = 0.2
    refused_after_s: float = 0.01
    changes: float = 1.0
    seed: int = 0

    @property
    def name(self) -> str:
        limits: list[str] = []
        if self.in_flight is not None:
            limits.append(f"{self.in_flight} in flight")
        if self.rate is not None:
            limits.append(f"{self.rate:g}/s burst {self.burst:g}")
        if self.tokens_a_second is not None:
            limits.append(f"{self.tokens_a_second * 60:g} tokens/min")
        changed = "" if self.changes == 1 else f" x{self.changes:g} midway"
        return (
            f"{' and '.join(limits)}{changed}, {self.calls} calls by {self.callers}, {self.service_s * 1000:g} ms, "
            f"429 after {self.refused_after_s * 1000:g} ms says {self.says}"
        )

    @property
    def trip_s(self) -> float:
        return min(self.refused_after_s, _LONGEST_TRIP_S)

    @property
    def ideal_s(self) -> float:
        """The least time in which a client that knows the limits could have all replies."""
        if self.changes == 1:
            return self._least_s(self.calls, 1.0, full=True) + self.service_s + self.trip_s
        half = self.calls // 2
        first_s, second_s = self._least_s(half, 1.0, full=True), self._least_s(self.calls - half, self.changes)
        return first_s + second_s + self.service_s + self.trip_s

    def _least_s(self, calls: int, factor: float, *, full: bool = False) -> float:
        """Return the time in which so many can be sent."""
        # A slot is taken for the service alone: while one request is on its way, another may be served in its place.
        slots = min(self.callers, math.inf if self.in_flight is None else factor * self.in_flight)
        round_trip_s = self.service_s + (self.trip_s if slots == self.callers else 0.0)
        times = [(math.ceil(calls / slots) - 1) * round_trip_s]
        if self.rate is not None:
            times.append((calls - (self.burst if full else 0.0)) / (factor * self.rate))
        if self.tokens_a_second is not None:
            per_second = factor * self.tokens_a_second
            times.append((calls * _TOKENS - (per_second if full else 0.0)) / per_second)
        return max(0.0, *times)


@dataclass(slots=True)
class Outcome:
    took_s: float = 0.0
    accepted_s: list[float] = field(default_factory=list[float])
    refused_s: list[float] = field(default_factory=list[float])
    failed: int = 0

    @property
    def refused(self) -> int:
        return len(self.refused_s)

    @property
    def late(self) -> float:
        """The share of requests that were refused among the last three quarters of what was sent."""
        sent = sorted([*((at_s, 0) for at_s in self.accepted_s), *((at_s, 1) for at_s in self.refused_s)])
        later = [refused for _, refused in sent[len(sent) // 4 :]]
        return statistics.mean(later) if later else 0.0


class _Provider:
    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.now = self.accepted = 0
        self._most = cell.in_flight
        self._requests = None if cell.rate is None else Bucket(cell.rate, cell.burst)
        per_second = cell.tokens_a_second
        self._tokens = None if per_second is None else Bucket(per_second, max(per_second, _TOKENS))

    def begin(self, now_s: float) -> bool:
        """Return whether a request that arrives now is accepted."""
        if self._most is not None and self.now >= self._most:
            return False
        buckets = [(bucket, need) for bucket, need in ((self._requests, 1.0), (self._tokens, _TOKENS)) if bucket]
        if any(bucket.level(now_s) < need - 1e-9 for bucket, need in buckets):
            return False
        for bucket, need in buckets:
            bucket.take(need, now_s)
        self.now += 1
        self.accepted += 1
        if self.accepted == self._cell.calls // 2 and self._cell.changes != 1:
            self._change(self._cell.changes, now_s)
        return True

    def _change(self, factor: float, now_s: float) -> None:
        if self._most is not None:
            self._most = max(1, int(factor * self._most))
        for bucket in (self._requests, self._tokens):
            if bucket is not None:
                bucket.capacity = max(1.0, factor * bucket.capacity)
                bucket.set_level(min(bucket.capacity, bucket.level(now_s)), now_s)
                bucket.set_rate(factor * bucket.rate, now_s)

    def told(self, now_s: float) -> Told | None:
        if self._cell.says != "headers":
            return None
        requests, tokens = (_quota(bucket, now_s) for bucket in (self._requests, self._tokens))
        return None if requests is None and tokens is None else Told(requests=requests, tokens=tokens)

    def waits_s(self, now_s: float) -> float | None:
        match self._cell.says:
            case "Retry-After":
                return 1.0
            case "retry-after-ms":  # exact, where that is known
                ready_s = [b.ready_s(now_s, n) for b, n in ((self._requests, 1.0), (self._tokens, _TOKENS)) if b]
                return max(0.02, max(ready_s, default=now_s) - now_s)
            case _:
                return None


def _quota(bucket: Bucket | None, now_s: float) -> Quota | None:
    if bucket is None:
        return None
    level = bucket.level(now_s)
    return Quota(bucket.capacity, float(int(max(0.0, level))), (bucket.capacity - level) / bucket.rate)


class _Batch:
    def __init__(self, cell: Cell, limit: Limit) -> None:
        self._cell, self._limit = cell, limit
        self._provider = _Provider(cell)
        self._random = random.Random(cell.seed)
        self._left = cell.calls
        self.outcome = Outcome()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(self._caller(loop) for _ in range(min(self._cell.callers, self._cell.calls))))
        self.outcome.took_s = loop.time()

    async def _caller(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._left:
            self._left -= 1
            run = str(self._left)
            for attempt in range(1, _MOST_RETRIES + 2):
                call = Call(run=run, again=attempt > 1)
                if self._limit.counts_tokens:
                    call.tokens = _TOKENS
                accepted, waits_s = await self._attempt(call, loop)
                if accepted:
                    break
                # As the model does: what the provider asks to wait, it waits in line.
                paused_s = self._limit.paused_s(loop) if waits_s is not None else 0.0
                if not paused_s:
                    await asyncio.sleep(delay_s(attempt, waits_s, self._random.random()))
            else:
                self.outcome.failed += 1

    async def _attempt(self, call: Call, loop: asyncio.AbstractEventLoop) -> tuple[bool, float | None]:
        limit, provider, way_s = self._limit, self._provider, self._cell.trip_s / 2
        if not limit.try_start(call, loop):
            await limit.wait(call, loop)
        await asyncio.sleep(way_s)
        now_s = loop.time()
        accepted, waits_s = provider.begin(now_s), provider.waits_s(now_s)
        told = provider.told(now_s)
        (self.outcome.accepted_s if accepted else self.outcome.refused_s).append(now_s)
        if accepted:
            await asyncio.sleep(self._cell.service_s * (0.8 + 0.4 * self._random.random()))
            provider.now -= 1
        else:
            await asyncio.sleep(self._cell.refused_after_s - self._cell.trip_s)
        await asyncio.sleep(way_s)
        if accepted:
            limit.accepted(call, loop, _TOKENS, told)
        else:
            limit.rejected(call, loop, waits_s, told, self._random.random())
        return accepted, waits_s


def measure(cell: Cell, limit: Limit | None = None) -> Outcome:
    """Run the batch of `cell`, and return what became of it."""
    batch = _Batch(cell, limit or Limit())
    on_virtual_time(batch.run)
    return batch.outcome


def cells() -> Iterator[Cell]:
    """Yield the grid: all that is limited in one way, then what is limited in two, what changes, and few callers."""
    for says in SAYS[:3]:
        for in_flight in (2, 4, 16, 64):
            for service_s, calls in ((0.02, 400), (0.1, 40), (0.1, 400), (0.5, 200), (3.0, 100)):
                for refused_after_s in (0.001, 0.02, 0.1):
                    yield Cell(
                        calls=calls if in_flight < 64 else 4 * calls,
                        in_flight=in_flight,
                        says=says,
                        service_s=service_s,
                        refused_after_s=refused_after_s,
                    )
    for says in SAYS:
        for rate in (5.0, 20.0, 100.0):
            for burst in (1.0, rate, 5 * rate):
                for service_s in (0.02, 0.2, 3.0):
                    for refused_after_s in (0.001, 0.02, 0.1):
                        yield Cell(
                            calls=int(burst + 10 * rate),
                            rate=rate,
                            burst=burst,
                            says=says,
                            service_s=service_s,
                            refused_after_s=refused_after_s,
                        )
        for tokens_a_second in (2_500.0, 10_000.0):
            for service_s in (0.2, 3.0):
                calls = int(11 * tokens_a_second / _TOKENS)
                yield Cell(calls=calls, tokens_a_second=tokens_a_second, says=says, service_s=service_s)
        for in_flight, rate in ((4, 20.0), (16, 20.0), (16, 100.0), (64, 20.0)):
            yield Cell(calls=200, in_flight=in_flight, rate=rate, burst=rate, says=says, service_s=0.2)
            yield Cell(calls=200, in_flight=in_flight, rate=rate, burst=rate, says=says, service_s=1.0)
        for changes in (0.5, 2.0):
            for refused_after_s in (0.001, 0.1):
                either = Cell(calls=800, says=says, changes=changes, refused_after_s=refused_after_s)
                yield replace(either, in_flight=4, service_s=0.1)
                yield replace(either, in_flight=16)
                yield replace(either, rate=20.0, burst=20.0)
    for callers in (1, 10, 40):
        for says in SAYS[:2]:
            for refused_after_s in (0.001, 0.02):
                either = Cell(calls=200, callers=callers, says=says, refused_after_s=refused_after_s)
                yield replace(either, in_flight=4, service_s=0.1)
                yield replace(either, rate=20.0, burst=20.0)


def _kind(cell: Cell) -> str:
    limited = "+".join(
        name
        for name, given in (("flight", cell.in_flight), ("rate", cell.rate), ("tokens", cell.tokens_a_second))
        if given is not None
    )
    changes = {1.0: "", 0.5: " halved", 2.0: " doubled"}[cell.changes]
    return f"{limited}{changes}{' few callers' if cell.callers < 200 else ''}, {cell.says}"


def _print(chosen: list[str], say: Callable[[str], object]) -> None:
    kinds: dict[str, list[tuple[Cell, Outcome]]] = {}
    for cell in cells():
        if all(part in f"{cell.name}; {_kind(cell)}" for part in chosen):
            kinds.setdefault(_kind(cell), []).append((cell, measure(cell)))
    summary: list[str] = []
    for kind, measured in kinds.items():
        for cell, outcome in measured:
            say(
                f"{outcome.took_s / cell.ideal_s:6.2f}x {outcome.refused:5} refused {100 * outcome.late:5.1f} % later "
                f"{outcome.failed:3} failed  {cell.name}\n"
            )
        ratios = sorted(outcome.took_s / cell.ideal_s for cell, outcome in measured)
        refused = [outcome.refused for _, outcome in measured]
        late = [100 * outcome.late for _, outcome in measured]
        summary.append(
            f"{kind:32} {len(measured):3} cells: {statistics.median(ratios):5.2f} {ratios[-1]:6.2f} x ideal, "
            f"{statistics.median(refused):6.0f} {max(refused):5} refused, {statistics.median(late):5.1f} "
            f"{max(late):5.1f} % later, {sum(outcome.failed for _, outcome in measured)} failed\n"
        )
    say("\nMedian and worst of each kind\n")
    for line in summary:
        say(line)


if __name__ == "__main__":
    _print(sys.argv[1:], sys.stdout.write)
