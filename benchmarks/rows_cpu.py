"""CPU of a model call: crews of the engine beside the bare loop, on one event loop, connections open already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
from benchmarks.rounds import compare, interleave
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
        wanted = settings.crews(settings.fewer(CALLS_A_ROUND if at_once > 1 else CALLS_A_ROUND // 4))
        waves = max(1, wanted // (at_once * shape.calls))
        sides: dict[str, Callable[[], object]] = {
            "built": lambda: runner.run(_recorded(waves, lambda: kick_off_all(ready(crews)))),
            "bare": lambda: runner.run(_repeat(waves, lambda: run_chains(session, calls, at_once))),
        }
        if at_once > 1 and not over_tls:
            building = [partial(build_crew, shape, llm)] * at_once
            sides["decoding"] = lambda: runner.run(_repeat(waves, lambda: run_chains(session, decoding, at_once)))
            sides["building"] = lambda: runner.run(_recorded(waves, lambda: kick_off_all(building)))
        for side in sides.values():  # connections, caches and code paths are warm before the first round
            side()
        samples = interleave(sides, max(settings.fewer(settings.rounds), 3))
        runner.run(session.close())
    cpu_us = {
        name: [sample.cpu_s / (waves * at_once * shape.calls) * 1e6 for sample in samples[name]] for name in sides
    }
    return _rows(shape, cpu_us, at_once=at_once, over_tls=over_tls)


def _rows(shape: Shape, cpu_us: Mapping[str, list[float]], *, at_once: int, over_tls: bool) -> list[Row]:
    built = compare(cpu_us["built"], cpu_us["bare"])
    how = f"{at_once} at once" if at_once > 1 else "one after the other"
    if "decoding" in cpu_us:
        how += f"; {compare(cpu_us['built'], cpu_us['decoding']).ratio:.2f} to a loop that decodes the JSON"
    first = Row(
        name=f"CPU a call, {shape.name}{', TLS by name' if over_tls else '' if at_once > 1 else ', one by one'}",
        ours=built.ours,
        bare=built.bare,
        unit="us",
        ratio=built.ratio,
        spread=built.spread,
        limit=Limit("ratio", "<=", TARGETS[shape]) if at_once > 1 else None,
        note=how,
    )
    if "building" not in cpu_us:
        return [first]
    building = compare(cpu_us["building"], cpu_us["bare"])
    second = Row(
        name="  and the crew built on the way",
        ours=building.ours,
        bare=building.bare,
        unit="us",
        ratio=building.ratio,
        spread=building.spread,
        note="Agent, Task and Crew made anew for every kickoff",
    )
    return [first, second]


async def _open(at_once: int) -> aiohttp.ClientSession:
    return bare_session(at_once)


async def _recorded(times: int, work: Callable[[], Awaitable[object]]) -> None:
    with record():
        await _repeat(times, work)


async def _repeat(times: int, work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(times):
        await work()
