"""What a fresh process shows: the cost of the import, the memory of waiting crews, synchronous tools, the tutorial."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.bare import bare_session, calls_of, chain
from benchmarks.child import run_in_child
from benchmarks.crews import ONE_BY_ONE, build_crew, kick_off, kick_off_all, model, ready, what_a_crew_sends
from benchmarks.rounds import compare, quartiles
from benchmarks.serving import Server
from benchmarks.settings import Settings
from benchmarks.table import Limit, Row

__all__ = [
    "imports",
    "memory",
    "memory_of_bare",
    "memory_of_crews",
    "memory_of_one_crew",
    "synchronous_tool",
    "tutorial",
]

OURS = "from aiocrew import Agent, Crew, Task, Process, LLM, tool"
BARE = "import asyncio\nfrom pydantic import BaseModel\nclass A(BaseModel): x: int = 1"
WAIT_MS = 60_000


class Cost(msgspec.Struct, frozen=True):
    """CPU of one fresh interpreter."""

    statements_s: float
    process_s: float


def imports(settings: Settings) -> list[Row]:
    """Compare the CPU of our import with that of asyncio, pydantic and one class; fresh processes, in turn."""
    for code in (OURS, BARE):  # writes the bytecode, fills the page cache
        _fresh(code)
    pairs = [(_fresh(OURS), _fresh(BARE)) for _ in range(settings.fewer(15))]
    found = compare([ours.statements_s for ours, _ in pairs], [bare.statements_s for _, bare in pairs])
    whole = compare([ours.process_s for ours, _ in pairs], [bare.process_s for _, bare in pairs])
    return [
        Row(
            name="Import",
            ours=found.ours * 1e3,
            bare=found.bare * 1e3,
            unit="ms",
            ratio=found.ratio,
            spread=found.spread,
            limit=Limit("ratio", "<=", 1.5),
            note=f"CPU of the statements; whole process {whole.ours * 1e3:.0f} to {whole.bare * 1e3:.0f} ms, "
            f"ratio {whole.ratio:.2f}",
        )
    ]


def _fresh(code: str) -> Cost:
    timed = f"import time\nbegan = time.process_time()\n{code}\nprint(time.process_time() - began, time.process_time())"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True, text=True)
    statements_s, process_s = map(float, done.stdout.split())
    return Cost(statements_s, process_s)


def memory(settings: Settings) -> list[Row]:
    """Compare the memory of 2,000 waiting crews with that of 2,000 waiting requests, each side in fresh processes."""
    titles = {"memory_of_crews": "Memory of a waiting crew", "memory_of_one_crew": "  one crew, run many times"}
    if settings.quick:
        del titles["memory_of_one_crew"]
    kib: dict[str, list[float]] = {name: [] for name in (*titles, "memory_of_bare")}
    for _ in range(settings.fewer(3)):
        for name, found in kib.items():
            found.append(run_in_child(f"benchmarks.rows_process:{name}", settings, float))
    bare = statistics.median(kib["memory_of_bare"])
    rows: list[Row] = []
    for name, title in titles.items():
        above = [ours - theirs for ours, theirs in zip(kib[name], kib["memory_of_bare"], strict=True)]
        rows.append(
            Row(
                name=f"{title}, above the bare",
                ours=statistics.median(above),
                bare=bare,
                unit="KiB",
                spread=quartiles(above),
                limit=Limit("ours", "<=", 20),
                note=f"resident set, {settings.crews(2000):,} waiting: {statistics.median(kib[name]):.1f} KiB in all",
            )
        )
    return rows


def memory_of_crews(settings: Settings) -> float:
    """Return the KiB that each waiting crew takes, its own Agent, Task and Crew included."""
    llm = model(settings.server.base_url(WAIT_MS))
    return _while_waiting(settings, lambda: kick_off(partial(build_crew, ONE_BY_ONE, llm)))


def memory_of_one_crew(settings: Settings) -> float:
    """Return the KiB that each waiting run of one shared crew takes."""
    crew = build_crew(ONE_BY_ONE, model(settings.server.base_url(WAIT_MS)))
    return _while_waiting(settings, lambda: kick_off(lambda: crew))


def memory_of_bare(settings: Settings) -> float:
    """Return the KiB that each waiting request of the bare loop takes."""
    return _while_waiting(settings, None)


def _while_waiting(settings: Settings, work: Callable[[], Coroutine[Any, Any, object]] | None) -> float:
    async def measure() -> float:
        server, number = settings.server, settings.crews(2000)
        # The same warm-up on both sides: all imports done, one crew run, one request made.
        sent = await what_a_crew_sends(server, ONE_BY_ONE, server.base_url())
        calls = calls_of(f"{server.base_url(WAIT_MS)}/chat/completions", [request.body for request in sent])
        async with bare_session(number) as session:
            warm = msgspec.structs.replace(calls, url=f"{server.base_url()}/chat/completions")
            await chain(session, warm)
            gc.collect()
            before = _resident_kib()
            waiting = [asyncio.ensure_future(chain(session, calls) if work is None else work()) for _ in range(number)]
            await _until_in_flight(server, waiting)
            gc.collect()
            each = (_resident_kib() - before) / number
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
        return each

    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        return runner.run(measure())


async def _until_in_flight(server: Server, waiting: Sequence[asyncio.Future[object]]) -> None:
    async with asyncio.timeout(30):
        while server.stats()["in_flight"] < len(waiting):
            for task in waiting:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)


def _resident_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def synchronous_tool(settings: Settings) -> list[Row]:
    """Let 200 crews use a plain function that sleeps 0.3 s; each crew is two model calls and one tool call."""
    from aiocrew import tool

    @tool
    def nap() -> str:
        """Sleep for a while."""
        time.sleep(0.3)
        return "rested"

    crews = settings.crews(200)

    async def run() -> float:
        llm = model(settings.server.base_url(tool="nap"))
        built = [build_crew(ONE_BY_ONE, llm, [nap]) for _ in range(crews)]
        began_s = time.perf_counter()
        await kick_off_all(ready(built))
        return time.perf_counter() - began_s

    settings.server.reset()
    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        wall_s = runner.run(run())
    requests = settings.server.stats()["requests"]
    return [
        Row(
            name=f"Synchronous tool of 0.3 s in {crews} crews",
            ours=wall_s,
            unit="s",
            note=f"wall, {requests:.0f} model calls, cold; one after the other the tools need {crews * 0.3:.0f} s",
        )
    ]


def tutorial(settings: Settings) -> list[Row]:
    """Run the tutorial's benchmark in a process that has made no call: 4 crews at once, then 4 in a row."""

    async def run() -> tuple[float, float]:
        llm = model(settings.server.base_url(1000))
        crews = [build_crew(ONE_BY_ONE, llm) for _ in range(4)]  # the tutorial builds them before the clock runs
        began_s = time.perf_counter()
        await kick_off_all(ready(crews))
        parallel_s = time.perf_counter() - began_s
        crews = [build_crew(ONE_BY_ONE, llm) for _ in range(4)]
        began_s = time.perf_counter()
        for crew in crews:
            await kick_off_all(ready([crew]))
        return parallel_s, time.perf_counter() - began_s

    with asyncio.Runner(loop_factory=settings.loop_factory()) as runner:
        parallel_s, sequential_s = runner.run(run())
    return [
        Row(
            name="Speed-up of 4 crews at once",
            ours=sequential_s / parallel_s,
            limit=Limit("ours", ">=", 3.8),
            note=f"1 s a call: {sequential_s:.2f} s in a row, {parallel_s:.2f} s at once; no call was made before",
        )
    ]
