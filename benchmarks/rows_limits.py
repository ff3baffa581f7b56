"""What a provider's limits cost, and what a batch without an end in sight keeps in memory."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.crews import ONE_BY_ONE, build_crew, model
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row

if TYPE_CHECKING:
    from tests.server.limited import LimitedProvider, Seen

__all__ = ["limits", "stream"]

INPUTS = 200
RATE, BURST = 20.0, 20.0
LATENCY_S = 0.2
AT_ONCE, AT_ONCE_LATENCY_S = 4, 0.1
SETTLED_S = 5.0
"""How long after the halving refusals are no longer looked at."""


class Batch(msgspec.Struct, frozen=True):
    """What one batch took, and what the provider made of its requests."""

    inputs: int
    wall_s: float
    failed: int
    seen: list[Seen]
    halved_at_s: float

    def refused(self, from_s: float = 0.0) -> int:
        return sum(seen.what == "rejected" for seen in self.seen if seen.at_s >= from_s)

    def sent(self, from_s: float) -> int:
        return sum(seen.at_s >= from_s for seen in self.seen)

    @property
    def trouble(self) -> str:
        return f"{self.failed} of {self.inputs} inputs failed" if self.failed else ""


def limits(settings: Settings) -> list[Row]:
    """Send 200 inputs to a provider that allows 20 requests a second, and says so or not, or halves that on the way.

    And to one that serves 4 at a time, and refuses the others without a word.
    """
    ideal_s = (settings.crews(INPUTS) - BURST) / RATE + LATENCY_S
    title = f"{settings.crews(INPUTS)} inputs at 20 requests a second"
    untold, told, halved = (_batch(settings, tells=False), _batch(settings, tells=True), _batch(settings, halves=True))
    rows: list[Row] = []
    for name, batch, most in ((title, untold, 20), ("  and told by headers", told, 5)):
        note = f"Retry-After: 1, no limit given; ideal {max(ideal_s, LATENCY_S):.1f} s"
        rows += [
            _row(name, batch, batch.wall_s, "s", Limit("ours", "<=", 10.5), note),
            _row("  replies of 429", batch, batch.refused(), "", Limit("ours", "<=", most), ""),
        ]
    from_s = halved.halved_at_s + SETTLED_S
    sent, refused = halved.sent(from_s), halved.refused(from_s)
    note = f"{refused} of {sent} requests from {SETTLED_S:.0f} s after the halving on; {halved.refused()} in all"
    share = 100 * refused / max(1, sent)
    name = "  and halved half-way: 429s in the end"
    rows.append(_row(name, halved, share, "%", Limit("ours", "<", 5), f"{note}, {halved.wall_s:.1f} s"))
    return [*rows, *_few_slots(settings)]


def _few_slots(settings: Settings) -> list[Row]:
    from tests.server.limited import LimitedProvider

    inputs = settings.crews(INPUTS)
    with LimitedProvider(most_in_flight=AT_ONCE, latency_s=AT_ONCE_LATENCY_S) as provider:
        wall_s, failed = _kick_off_each(settings, provider, inputs)
    batch = Batch(inputs, wall_s, failed, provider.seen, 0.0)
    ideal_s = math.ceil(inputs / AT_ONCE) * AT_ONCE_LATENCY_S
    note = f"429 without Retry-After, no limit given; ideal {ideal_s:.1f} s"
    return [
        _row(f"{inputs} inputs at 4 in flight", batch, batch.wall_s, "s", Limit("ours", "<=", 1.5 * ideal_s), note),
        _row("  replies of 429", batch, batch.refused(), "", Limit("ours", "<=", 25), ""),
    ]


def _row(name: str, batch: Batch, ours: float, unit: str, limit: Limit, note: str) -> Row:
    return Row(name=name, ours=ours, unit=unit, limit=limit, note=note, failed=batch.trouble)


def _batch(settings: Settings, *, tells: bool = False, halves: bool = False) -> Batch:
    from tests.server.limited import Allowance, LimitedProvider, Waiting

    inputs = settings.crews(INPUTS)
    halved_at_s = 0.0

    def halve(number: int) -> None:
        nonlocal halved_at_s
        if halves and number == inputs // 2:
            provider.change(RATE / 2, BURST / 2)
            halved_at_s = provider.seen[-1].at_s

    with LimitedProvider(
        allowance=Allowance(RATE, BURST), waiting=Waiting(1.0), tells=tells, latency_s=LATENCY_S, on_accepted=halve
    ) as provider:
        wall_s, failed = _kick_off_each(settings, provider, inputs)
    return Batch(inputs, wall_s, failed, provider.seen, halved_at_s)


def _kick_off_each(settings: Settings, provider: LimitedProvider, inputs: int) -> tuple[float, int]:
    crew = build_crew(ONE_BY_ONE, model(provider.base_url))

    async def run() -> tuple[float, int]:
        began_s = time.perf_counter()
        outcomes = await crew.kickoff_for_each_async([{"topic": f"subject {n}"} for n in range(inputs)])
        return time.perf_counter() - began_s, len(outcomes.failed)

    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        return runner.run(run())


def stream(settings: Settings) -> list[Row]:
    """Map a crew over 100,000 inputs that a generator makes, and compare the memory after a fifth with that at the end.

    1,000 runs are under way at both moments: the generator goes on for a while after the last look.
    """
    from aiocrew import LLM

    total = settings.crews(10_000 if settings.quick else 100_000)
    first = max(1, total // 5)
    at_once = min(1000, first)
    crew = build_crew(ONE_BY_ONE, LLM("offline/100ms"))
    resident_mib: dict[int, float] = {}

    async def run() -> float:
        began_s = took_s = time.perf_counter()
        ended = 0
        async with crew.map(_topics(total + at_once), max_concurrency=at_once) as outcomes:
            async for outcome in outcomes:
                outcome.raw  # noqa: B018 - raises what failed it
                ended += 1
                if ended in (first, total):
                    took_s = time.perf_counter() - began_s
                    resident_mib[ended] = _resident_mib()
        return took_s

    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        wall_s = runner.run(run())
    early, late = resident_mib[first], resident_mib[total]
    return [
        Row(
            name=f"Memory from input {first:,} to {total:,} of a stream",
            ours=100 * (late - early) / early,
            unit="%",
            limit=Limit("ours", "<", 5),
            note=f"resident set {early:.1f} and {late:.1f} MiB, {at_once:,} at once on the offline model; "
            f"{total / wall_s:,.0f} inputs a second",
        )
    ]


def _topics(number: int) -> Iterator[dict[str, Any]]:
    return ({"topic": f"subject {n}"} for n in range(number))


def _resident_mib() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
