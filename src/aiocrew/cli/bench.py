"""`aiocrew bench`: crews of one call, all at once and one after another."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from aiocrew.agent.agent import Agent
from aiocrew.aio.door import run_sync
from aiocrew.batch.at_once import fan_out
from aiocrew.cli.open_files import allow_many_files
from aiocrew.cli.readers import Tally
from aiocrew.cli.screen import redrawn
from aiocrew.cli.words import Failures
from aiocrew.console.account import printable
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.models.lookup import resolve
from aiocrew.seeing.recorder import reading
from aiocrew.types.outputs import Outcomes

__all__ = ["BenchOptions", "run_bench"]

_SEQUENTIAL_S = 15.0
"""No further crew is begun after this; the time of those that were run is scaled up to all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """How many crews, on which model, and whether one after another too."""

    crews: int
    model: str
    sequential: bool


@dataclass(frozen=True, slots=True)
class _AtOnce:
    outcomes: Outcomes
    seconds: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class _OneByOne:
    """`seconds` is what it took to run `crews` of them."""

    crews: int
    seconds: float


def run_bench(options: BenchOptions) -> int:
    """Run the benchmark; return 0, or 1 if a crew failed. Raises UsageError for a model that cannot be called."""
    allow_many_files()
    resolve(options.model)  # loads the client too, so that its import is no part of the time
    at_once, one_by_one = run_sync(lambda: _measure(options))
    for line in _lines(options, at_once, one_by_one):
        print(line)
    return 1 if at_once.outcomes.failed else 0


def _crews(options: BenchOptions) -> list[Crew]:
    return [_crew(f"crew-{number}", options.model) for number in range(options.crews)]


def _crew(label: str, model: str) -> Crew:
    agent = Agent(
        role="Echo",
        goal=f"Say '{label} done' and no more.",
        backstory="You say what you are asked to say, word for word.",
        llm=model,
    )
    task = Task(description=f"Reply with exactly: {label} done", expected_output=f"{label} done", agent=agent)
    return Crew(name=label, agents=[agent], tasks=[task])


async def _measure(options: BenchOptions) -> tuple[_AtOnce, _OneByOne | None]:
    at_once = await _run_at_once(_crews(options))
    if not options.sequential or not at_once.outcomes.succeeded:
        return at_once, None
    return at_once, await _run_one_by_one(_crews(options))


async def _run_at_once(crews: Sequence[Crew]) -> _AtOnce:
    tally = Tally()
    with redrawn(lambda: _state("At once", tally, len(crews))), reading(tally):
        runs = [crew.start() for crew in crews]
        began_s = time.perf_counter()
        outcomes = Outcomes(await fan_out([run.outcome for run in runs]))
        return _AtOnce(outcomes, time.perf_counter() - began_s, tally)


async def _run_one_by_one(crews: Sequence[Crew]) -> _OneByOne:
    tally = Tally()
    with redrawn(lambda: _state("One after another", tally, len(crews))), reading(tally):
        began_s = time.perf_counter()
        for number, crew in enumerate(crews):
            if number and time.perf_counter() - began_s > _SEQUENTIAL_S:
                return _OneByOne(number, time.perf_counter() - began_s)
            await crew.start().outcome()
        return _OneByOne(len(crews), time.perf_counter() - began_s)


def _state(what: str, tally: Tally, crews: int) -> Text:
    return Text(f"{what}: {tally.runs_ended} of {crews} crews done, {tally.under_way} calls in flight")


def _lines(options: BenchOptions, at_once: _AtOnce, one_by_one: _OneByOne | None) -> Iterator[str]:
    outcomes, seconds, tally = at_once.outcomes, at_once.seconds, at_once.tally
    yield f"Crews:       {options.crews}, of one agent, one task and one call each, on {printable(options.model)}"
    yield f"Parallel:    {seconds:.2f} s"
    yield from _comparison(options, at_once, one_by_one)
    a_second = tally.calls / max(seconds, 1e-6)
    yield f"Calls:       {tally.calls}, {a_second:,.0f} a second, at most {tally.most_under_way} in flight"
    if tally.retries:
        yield f"Retries:     {tally.retries}"
    yield f"Tokens:      {outcomes.token_usage.total_tokens}"
    yield f"Failures:    {len(outcomes.failed)}"
    kinds = Failures()
    for run in outcomes.failed:
        kinds.take(run.error)
    yield from kinds.lines()


def _comparison(options: BenchOptions, at_once: _AtOnce, one_by_one: _OneByOne | None) -> Iterator[str]:
    if one_by_one is None:
        yield f"Sequential:  {'not run' if not options.sequential else 'not run, because every crew failed'}"
        return
    total_s = one_by_one.seconds * options.crews / one_by_one.crews
    sampled = one_by_one.crews < options.crews
    note = f"  (the first {one_by_one.crews} took {one_by_one.seconds:.2f} s; scaled up)" if sampled else ""
    yield f"Sequential:  {total_s:.2f} s{note}"
    failed = "  (some failed: no fair comparison)" if at_once.outcomes.failed else ""
    yield f"Speed-up:    {total_s / max(at_once.seconds, 1e-6):.1f} x{failed}"
