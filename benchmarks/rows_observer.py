"""What an observation costs: crews inside `aiocrew.observe()` beside the same crews without."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiocrew import observe
from benchmarks.crews import ONE_BY_ONE, THREE_BY_TWO, Shape, build_crew, kick_off_all, model, ready
from benchmarks.rounds import compare, interleave
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row

__all__ = ["observer"]

AT_ONCE = 100
CALLS_A_ROUND = 1200
TARGET = 1.1


def observer(settings: Settings) -> list[Row]:
    """Measure both shapes by address over HTTP."""
    return [_measure(settings, shape) for shape in (THREE_BY_TWO, ONE_BY_ONE)]


def _measure(settings: Settings, shape: Shape) -> Row:
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        llm = model(settings.server.base_url(tls=False))
        crews = [build_crew(shape, llm) for _ in range(AT_ONCE)]
        waves = max(1, settings.crews(settings.fewer(CALLS_A_ROUND)) // (AT_ONCE * shape.calls))

        def plain() -> None:
            runner.run(_repeat(waves, lambda: kick_off_all(ready(crews))))

        def observed() -> None:
            with observe():
                plain()

        sides: dict[str, Callable[[], object]] = {"observed": observed, "plain": plain}
        for side in sides.values():  # connections, caches and code paths are warm before the first round
            side()
        samples = interleave(sides, max(settings.fewer(settings.rounds), 3))
    calls = waves * AT_ONCE * shape.calls
    cpu_us = {name: [sample.cpu_s / calls * 1e6 for sample in taken] for name, taken in samples.items()}
    both = compare(cpu_us["observed"], cpu_us["plain"])
    return Row(
        name=f"CPU a call inside observe(), {shape.name}",
        ours=both.ours,
        bare=both.bare,
        unit="us",
        ratio=both.ratio,
        spread=both.spread,
        limit=Limit("ratio", "<=", TARGET),
        note="beside the same crews without it",
    )


async def _repeat(times: int, work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(times):
        await work()
