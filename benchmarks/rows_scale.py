"""Many crews on one loop: how many are in flight, how long they take, how many end, how long the loop stands still."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from benchmarks.bare import Calls, bare_session, calls_of, run_chains
from benchmarks.child import ChildFailedError, run_in_child
from benchmarks.crews import (
    ONE_BY_ONE,
    THREE_BY_TWO,
    Shape,
    build_crew,
    kick_off,
    kick_off_all,
    model,
    ready,
    what_a_crew_sends,
)
from benchmarks.rounds import Sample, compare, interleave, quartiles
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

__all__ = ["five_thousand", "five_thousand_child", "in_flight", "stalls", "walls"]

TICK_S = 0.002
FIVE_THOUSAND = "benchmarks.rows_scale:five_thousand_child"


def in_flight(settings: Settings) -> list[Row]:
    """Kick off 1,000 crews with one call of 2 s, in a process that has made no call before."""
    crews, server = settings.crews(1000), settings.server
    base_url = server.base_url(2000)
    threads_before = threading.active_count()

    async def ours() -> float:
        llm = model(base_url)
        return await _peak(
            threading.active_count, kick_off_all(ready(build_crew(ONE_BY_ONE, llm) for _ in range(crews)))
        )

    server.reset()
    peak_threads, ours_s = _timed(lambda: _run(settings, ours))
    seen = server.stats()
    rows = [
        Row(
            name=f"In flight, {crews:,} crews x 1 call of 2 s",
            ours=seen["peak_in_flight"],
            limit=Limit("ours", "=", crews),
            note=f"peak at the server, {seen['requests']:.0f} requests, cold; {ours_s:.2f} s with imports and building",
        ),
        Row(name="  threads added", ours=peak_threads - threads_before, limit=Limit("ours", "=", 0)),
    ]
    if settings.quick:
        return rows
    calls = _run(settings, lambda: _calls(settings, ONE_BY_ONE, base_url))
    _, bare_s = _timed(lambda: _run(settings, lambda: _bare_cold(calls, crews)))
    wall = Row(name="  wall", ours=ours_s, bare=bare_s, unit="s", ratio=ours_s / bare_s, note="one round, cold")
    return [*rows, wall]


def walls(settings: Settings) -> list[Row]:
    """Compare the walls of 1,000 crews at 200 ms a call, with open connections and from nothing."""
    crews = settings.crews(1000)
    base_url = settings.server.base_url(200)
    llm = model(base_url)
    rows: list[Row] = []
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        session = runner.run(_open(crews))
        for shape, rounds in ((ONE_BY_ONE, settings.fewer(7)), (THREE_BY_TWO, settings.fewer(3))):
            calls = runner.run(_calls(settings, shape, base_url))
            built = [build_crew(shape, llm) for _ in range(crews)]
            sides: dict[str, Callable[[], object]] = {
                "ours": lambda built=built: runner.run(kick_off_all(ready(built))),
                "bare": lambda calls=calls: runner.run(run_chains(session, calls, crews)),
            }
            if shape is ONE_BY_ONE:  # opens the connections, which the larger crews then find
                for side in sides.values():
                    side()
            rows.append(_wall_row(crews, shape, interleave(sides, rounds), "connections open already"))
        runner.run(session.close())
        built = [build_crew(ONE_BY_ONE, llm) for _ in range(crews)]
        calls = runner.run(_calls(settings, ONE_BY_ONE, base_url))
    cold: dict[str, Callable[[], object]] = {
        "ours": lambda: _run(settings, lambda: kick_off_all(ready(built))),
        "bare": lambda: _run(settings, lambda: _bare_cold(calls, crews)),
    }
    samples = interleave(cold, settings.fewer(5))
    return [*rows, _wall_row(crews, ONE_BY_ONE, samples, "cold: a new loop and new connections each round")]


def _wall_row(crews: int, shape: Shape, samples: Mapping[str, Sequence[Sample]], note: str) -> Row:
    found = compare([s.wall_s for s in samples["ours"]], [s.wall_s for s in samples["bare"]])
    calls_each = "1 call" if shape.calls == 1 else f"{shape.calls} calls"
    return Row(
        name=f"Wall, {crews:,} crews x {calls_each} of 200 ms{', cold' if note.startswith('cold') else ''}",
        ours=found.ours,
        bare=found.bare,
        unit="s",
        ratio=found.ratio,
        spread=found.spread,
        limit=Limit("ratio", "<=", 1.25),
        note=note,
    )


def five_thousand(settings: Settings) -> list[Row]:
    """Kick off 5,000 crews at once, with files enough and with 512."""
    rows: list[Row] = []
    for open_files in (512,) if settings.quick else (0, 512):
        limited = msgspec.structs.replace(settings, open_files=open_files)
        try:
            rows.append(run_in_child(FIVE_THOUSAND, limited, Row))
        except ChildFailedError as error:
            rows.append(Row(name=f"5,000 crews at once, {open_files or 'enough'} open files", failed=str(error)))
    return rows


def five_thousand_child(settings: Settings) -> Row:
    """Count how many of 5,000 crews give an output, and what the others raise.

    Where few files may be open, a crew that ends with an error of aiocrew's own is as good as one that finishes.
    """
    from aiocrew.errors import AiocrewError

    crews, server = settings.crews(5000), settings.server

    async def ours() -> list[BaseException]:
        llm = model(server.base_url(200))
        work = [kick_off(partial(build_crew, ONE_BY_ONE, llm), number) for number in range(crews)]
        results = await asyncio.gather(*work, return_exceptions=True)
        return [result for result in results if isinstance(result, BaseException)]

    server.reset()
    failures, wall_s = _timed(lambda: _run(settings, ours))
    note = f"in {wall_s:.1f} s, peak in flight {server.stats()['peak_in_flight']:.0f}"
    if failures:
        message, count = Counter(f"{type(error).__name__}: {error}"[:160] for error in failures).most_common(1)[0]
        note += f"; {len(failures)} failed, {count} of them with {message}"
    counted = [error for error in failures if not (settings.open_files and isinstance(error, AiocrewError))]
    name = f"{crews:,} crews at once finish"
    if settings.open_files:
        name += f" or say why, {settings.open_files} files"
    return Row(name=name, ours=crews - len(counted), limit=Limit("ours", "=", crews), note=note)


def stalls(settings: Settings) -> list[Row]:
    """Watch the loop while 200 crews start, wait and end."""
    crews, rounds = settings.crews(200), settings.fewer(7)
    base_url = settings.server.base_url(100)
    built_ms: list[float] = []
    cpu_ms: list[float] = []
    building_ms: list[float] = []
    bare_ms: list[float] = []
    calls = _run(settings, lambda: _calls(settings, THREE_BY_TWO, base_url))
    llm = model(base_url)
    built = [build_crew(THREE_BY_TWO, llm) for _ in range(crews)]
    make = partial(build_crew, THREE_BY_TWO, llm)
    for _ in range(rounds):
        wall_s, cpu_s = _run(settings, lambda: _longest_stall(lambda: kick_off_all(ready(built))))
        built_ms.append(wall_s * 1e3)
        cpu_ms.append(cpu_s * 1e3)
        bare_ms.append(_run(settings, lambda: _longest_stall(lambda: _bare_cold(calls, crews)))[0] * 1e3)
        building_ms.append(_run(settings, lambda: _longest_stall(lambda: kick_off_all(repeat(make, crews))))[0] * 1e3)
    return [
        Row(
            name=f"Longest stall of the loop, {crews} crews",
            ours=statistics.median(built_ms),
            bare=statistics.median(bare_ms),
            unit="ms",
            ratio=statistics.median(built_ms) / statistics.median(bare_ms),
            spread=quartiles(built_ms),
            limit=Limit("ours", "<", 50),
            note=f"6 calls of 100 ms, cold, start included; best round {min(built_ms):.0f} ms; "
            f"the loop's own CPU in it {statistics.median(cpu_ms):.0f} ms",
        ),
        Row(
            name="  and the crews built on the way",
            ours=statistics.median(building_ms),
            unit="ms",
            spread=quartiles(building_ms),
            note="3 agents and 6 tasks made for each, in one tick of the loop",
        ),
    ]


async def _longest_stall(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return the longest lateness of a ticker while `work` ran, and the most CPU between two ticks, in seconds."""
    late_s = busy_s = 0.0
    done = False

    async def tick() -> None:
        nonlocal late_s, busy_s
        while not done:
            began_s, cpu_s = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_S)
            late_s = max(late_s, time.perf_counter() - began_s - TICK_S)
            busy_s = max(busy_s, time.thread_time() - cpu_s)

    ticker = asyncio.ensure_future(tick())
    await asyncio.sleep(TICK_S * 5)
    late_s = busy_s = 0.0
    await work()
    await asyncio.sleep(TICK_S)
    done = True
    await ticker
    return late_s, busy_s


async def _peak(gauge: Callable[[], float], work: Awaitable[object]) -> float:
    """Return the most that `gauge` showed while `work` ran."""
    most = gauge()
    under_way = asyncio.ensure_future(work)
    while not under_way.done():
        await asyncio.wait([under_way], timeout=0.02)
        most = max(most, gauge())
    await under_way
    return most


async def _calls(settings: Settings, shape: Shape, base_url: str) -> Calls:
    """Return what a crew sends, captured without latency and addressed to `base_url`."""
    sent = await what_a_crew_sends(settings.server, shape, settings.server.base_url())
    return calls_of(f"{base_url}/chat/completions", [request.body for request in sent])


async def _bare_cold(calls: Calls, crews: int) -> None:
    async with bare_session(crews) as session:
        await run_chains(session, calls, crews)


async def _open(crews: int) -> aiohttp.ClientSession:
    return bare_session(crews)


def _run(settings: Settings, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on a new loop of the chosen kind, and close that."""
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        return runner.run(work())


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began_s = time.perf_counter()
    return work(), time.perf_counter() - began_s
