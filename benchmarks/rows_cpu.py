"""CPU of a model call: crews of the engine beside the bare loop, on one event loop, connections open already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.bare import bare_session, calls_of, run_chains
from benchmarks.crews import (
    ONE_BY_ONE,
    THREE_BY_TWO,
    Shape,
    build_crew,
    kick_off_all,
    model,
    ready,
    record,
    what_a_crew_sends,
)
from benchmarks.rounds import Sample, compare, interleave
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row

if TYPE_CHECKING:
    import aiohttp

__all__ = ["plain", "tls"]

AT_ONCE = 100
"""Crews in flight: as many as aiohttp's default connector lets through."""
CALLS_A_ROUND = 1200
TARGETS = {ONE_BY_ONE: 1.6, THREE_BY_TWO: 1.4}


def plain(settings: Settings) -> list[Row]:
    """Measure both shapes by address over HTTP, and 1 x 1 one crew after the other."""
    rows = [row for shape in (THREE_BY_TWO, ONE_BY_ONE) for row in _measure(settings, shape)]
    return rows + _measure(settings, ONE_BY_ONE, at_once=1)


def tls(settings: Settings) -> list[Row]:
    """Measure both shapes by host name over TLS; SSL_CERT_FILE names the authority, for both sides."""
    return [row for shape in (THREE_BY_TWO, ONE_BY_ONE) for row in _measure(settings, shape, over_tls=True)]


def _measure(settings: Settings, shape: Shape, *, at_once: int = AT_ONCE, over_tls: bool = False) -> list[Row]:
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        base_url = settings.server.base_url(tls=over_tls)
        sent = runner.run(what_a_crew_sends(settings.server, shape, base_url))
        calls = calls_of(f"{base_url}/chat/completions", [request.body for request in sent])
        decoding = calls_of(calls.url, [request.body for request in sent], decode=True)
        llm = model(base_url)
        crews = [build_crew(shape, llm) for _ in range(at_once)]
        session = runner.run(_open(at_once))
        waves = max(1, settings.crews(settings.fewer(CALLS_A_ROUND)) // (at_once * shape.calls))
        sides: dict[str, Callable[[], object]] = {
            "built": lambda: runner.run(_recorded(waves, lambda: kick_off_all(ready(crews)))),
            "bare": lambda: runner.run(_repeat(waves, lambda: run_chains(session, calls, at_once))),
            "decoding": lambda: runner.run(_repeat(waves, lambda: run_chains(session, decoding, at_once))),
            "building": lambda: runner.run(
                _recorded(waves, lambda: kick_off_all([partial(build_crew, shape, llm)] * at_once))
            ),
        }
        for side in sides.values():  # connections, caches and code paths are warm before the first round
            side()
        samples = interleave(sides, max(settings.fewer(settings.rounds), 3))
        runner.run(session.close())
    return _rows(shape, samples, waves * at_once * shape.calls, at_once=at_once, over_tls=over_tls)


def _rows(shape: Shape, samples: dict[str, list[Sample]], calls: int, *, at_once: int, over_tls: bool) -> list[Row]:
    cpu_us = {name: [sample.cpu_s / calls * 1e6 for sample in samples[name]] for name in samples}
    built, building = (compare(cpu_us[name], cpu_us["bare"]) for name in ("built", "building"))
    against_decoding = compare(cpu_us["built"], cpu_us["decoding"])
    where = ", TLS by name" if over_tls else ""
    how = f"{at_once} at once" if at_once > 1 else "one by one"
    limit = Limit("ratio", "<=", TARGETS[shape]) if at_once > 1 else None
    rows = [
        Row(
            name=f"CPU a call, {shape.name}{where}",
            ours=built.ours,
            bare=built.bare,
            unit="us",
            ratio=built.ratio,
            spread=built.spread,
            limit=limit,
            note=f"{how}; {against_decoding.ratio:.2f} to a loop that decodes the JSON",
        )
    ]
    if at_once > 1:
        rows.append(
            Row(
                name="  and the crew built on the way",
                ours=building.ours,
                bare=building.bare,
                unit="us",
                ratio=building.ratio,
                spread=building.spread,
                note=f"{how}; Agent, Task and Crew made anew for every kickoff",
            )
        )
    return rows


async def _open(at_once: int) -> aiohttp.ClientSession:
    return bare_session(at_once)


async def _recorded(times: int, work: Callable[[], Awaitable[object]]) -> None:
    with record():
        await _repeat(times, work)


async def _repeat(times: int, work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(times):
        await work()
