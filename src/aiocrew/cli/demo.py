"""`aiocrew demo`: several research crews at once, their progress, and what it gained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from aiocrew.aio.door import run_sync
from aiocrew.batch.at_once import fan_out
from aiocrew.cli.demo_crews import Job, research_jobs
from aiocrew.cli.new_files import check_place, is_written
from aiocrew.cli.readers import Progress
from aiocrew.cli.screen import console_on, progress_shown
from aiocrew.cli.words import counted, shortened
from aiocrew.console.account import printable
from aiocrew.crew.run import Run
from aiocrew.models.lookup import resolve
from aiocrew.seeing.observation import observe
from aiocrew.seeing.recorder import reading
from aiocrew.types.outputs import CrewOutput, Outcome, Outcomes

__all__ = ["DEFAULT_LATENCY_S", "DemoOptions", "run_demo"]

DEFAULT_LATENCY_S = 0.3
_PATIENCE_S = 8.5
"""If one after another would take longer, the crews are not run a second time."""
_MOST_ROWS = 24
_ANSWER = 300
_POINT = 120
_MOST_POINTS = 4
_BULLETS = ("- ", "* ", "\u2022 ")
_STAND_IN = (
    "The offline model is a stand-in: it makes its answers from the words of the task and from what the tools gave; "
    "no language model is asked. With a key, --model openai/gpt-4o-mini (or another) asks a real one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the demo is to do; without a model it is the offline one, with a latency."""

    crews: int
    latency_s: float | None
    model: str | None
    html: str | None = None
    """Where the lanes page of the crews that run at once goes."""


@dataclass(frozen=True, slots=True)
class _Report:
    jobs: Sequence[Job]
    outcomes: Outcomes
    parallel_s: float
    sequential_s: float
    measured: bool


def run_demo(options: DemoOptions) -> int:
    """Run the demo; return 0, or 1 if a crew failed. Raises UsageError for a model that cannot be called."""
    latency_s = DEFAULT_LATENCY_S if options.latency_s is None else options.latency_s
    model = options.model or f"offline/{latency_s:.3f}s"
    offline = resolve(model).name.startswith("offline/")  # what is wrong with the model is better said now, and once
    jobs = research_jobs(options.crews, model)
    check_place("--html", options.html)
    seen = None if options.html is None else observe()
    report = run_sync(lambda: _carry_out(jobs, model, offline, nullcontext() if seen is None else seen))
    _show(report, offline)
    code = 1 if report.outcomes.failed else 0
    if seen is not None and options.html is not None:
        if not is_written(options.html, lambda path: seen.save_html(path, title="aiocrew demo")):
            return 1
        console_on().print(f"\nThe crews at once, as a page: {printable(options.html)}", soft_wrap=True)
    return code


async def _carry_out(jobs: Sequence[Job], model: str, offline: bool, seen: AbstractContextManager[object]) -> _Report:
    with seen:
        outcomes, parallel_s = await _at_once(jobs, model)
    sequential_s = sum(outcome.duration_s for outcome in outcomes)
    # Not with a real model: that would cost its owner twice as much.
    measured = offline and sequential_s <= _PATIENCE_S and not outcomes.failed
    if measured:
        sequential_s = await _one_after_another(jobs)
    return _Report(jobs, outcomes, parallel_s, sequential_s, measured)


async def _at_once(jobs: Sequence[Job], model: str) -> tuple[Outcomes, float]:
    progress = Progress()
    with progress_shown(progress, f"{counted(len(jobs), 'crew')} at once on {model}"), reading(progress):
        runs = _runs(jobs, progress)
        began_s = time.perf_counter()
        outcomes = Outcomes(await fan_out([run.outcome for run in runs]))
        return outcomes, time.perf_counter() - began_s


async def _one_after_another(jobs: Sequence[Job]) -> float:
    progress = Progress()
    with progress_shown(progress, "The same crews one after another, for comparison"), reading(progress):
        runs = _runs(jobs, progress)
        began_s = time.perf_counter()
        for run in runs:
            await run.outcome()
        return time.perf_counter() - began_s


def _runs(jobs: Sequence[Job], progress: Progress) -> list[Run]:
    runs = [job.crew.start(job.inputs) for job in jobs]
    for job, run in zip(jobs, runs, strict=True):
        progress.follow(run.id, job.name)
    return runs


def _show(report: _Report, offline: bool) -> None:
    console = console_on()
    table = Table(title="What the crews answered", title_justify="left", show_lines=True)
    table.add_column("crew")
    table.add_column("answer", ratio=1)
    table.add_column("used", justify="right", no_wrap=True)
    for job, outcome in list(zip(report.jobs, report.outcomes, strict=True))[:_MOST_ROWS]:
        usage = outcome.token_usage
        used = (counted(usage.successful_requests, "call"), counted(usage.total_tokens, "token"))
        table.add_row(
            f"{job.name}\n{counted(len(job.crew.agents), 'agent')}",
            Text(_answer(outcome)),
            "\n".join((*used, f"{outcome.duration_s:.2f} s")),
        )
    console.print(table)
    if len(report.jobs) > _MOST_ROWS:
        console.print(f"and {counted(len(report.jobs) - _MOST_ROWS, 'crew')} more")
    how = "measured: the same crews with the same inputs" if report.measured else "the sum of the runs' own durations"
    console.print(f"\nOne after another  {report.sequential_s:6.2f} s  ({how})")
    console.print(f"At once            {report.parallel_s:6.2f} s  (measured)")
    console.print(f"Speed-up           {report.sequential_s / max(report.parallel_s, 1e-6):6.1f} x")
    if report.outcomes.failed:
        console.print(f"Failed             {len(report.outcomes.failed):6} of {len(report.outcomes)} crews")
    if offline:
        console.print(f"\n{_STAND_IN}")


def _answer(outcome: Outcome) -> str:
    """Return the points of an answer, each on a line; the beginning of one that has none; or why there is none."""
    if not isinstance(outcome, CrewOutput):
        return shortened(f"{outcome.status}: {outcome.error}", _ANSWER)
    points = [line for line in outcome.raw.splitlines() if line.lstrip().startswith(_BULLETS)]
    if not points:
        return shortened(outcome.raw, _ANSWER)
    return "\n".join(shortened(point, _POINT) for point in points[:_MOST_POINTS])
