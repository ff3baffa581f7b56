from __future__ import annotations

from aiocrew import Usage
from aiocrew.batch.at_once import fan_out
from aiocrew.cli.demo_crews import research_jobs
from aiocrew.cli.readers import Progress, Tally
from aiocrew.seeing.recorder import reading
from aiocrew.types.events import (
    CrewKickoffFailed,
    Event,
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallRetried,
    LLMCallStarted,
    ToolUsageError,
    ToolUsageFinished,
    ToolUsageStarted,
)
from aiocrew.types.messages import Request
from aiocrew.types.paths import ROOT

CALL = LLMCallStarted("r", ROOT, 0.0, 0.0, "m", "Ann", Request(()))
REPLY = LLMCallCompleted("r", ROOT, 0.0, 0.0, "m", "Ann", "yes", (), Usage(7, 3), "stop")


def doing(progress: Progress, event: Event) -> str:
    progress.emit(event)
    return progress.lines["r"].doing


def test_a_line_says_what_its_crew_does_now() -> None:
    progress = Progress()
    progress.follow("r", "SQLite")
    assert doing(progress, CALL) == "Ann asks the model"
    retried = LLMCallRetried("r", ROOT, 0.0, 0.0, "m", 1, 2.0, "busy")
    assert doing(progress, retried) == "attempt 1 failed, the next in 2.0 s"
    progress.emit(REPLY)
    assert doing(progress, ToolUsageStarted("r", ROOT, 0.0, 0.0, "search", "Ann", "{}")) == "Ann uses search"
    assert doing(progress, ToolUsageStarted("r", ROOT, 0.0, 0.0, "count", "Ann", "{}")) == "Ann uses search, count"
    progress.emit(ToolUsageFinished("r", ROOT, 0.0, 0.0, "search", "Ann", "found"))
    progress.emit(ToolUsageError("r", ROOT, 0.0, 0.0, "count", "Ann", "broken"))
    progress.emit(ToolUsageError("r", ROOT, 0.0, 0.0, "unheard of", "Ann", "no such tool"))
    assert progress.lines["r"].tools == []
    assert doing(progress, CrewKickoffFailed("r", ROOT, 0.0, 0.0, "crew", "lost")) == "failed: lost"
    assert (progress.lines["r"].calls, progress.lines["r"].tokens, progress.lines["r"].ended) == (1, 10, True)


def test_runs_that_nobody_follows_are_no_concern() -> None:
    progress = Progress()
    progress.emit(CALL)
    assert progress.lines == {}


def test_a_tally_counts_calls_and_how_many_were_under_way() -> None:
    tally = Tally()
    for event in (CALL, CALL, REPLY, CALL, LLMCallFailed("r", ROOT, 0.0, 0.0, "m", "Ann", "no"), REPLY):
        tally.emit(event)
    assert (tally.calls, tally.under_way, tally.most_under_way) == (2, 0, 2)


async def test_the_runs_of_a_block_are_read_whole() -> None:
    tally, progress, told = Tally(), Progress(), list[str]()
    progress.told = told.append
    with reading(tally), reading(progress):
        runs = [job.crew.start(job.inputs) for job in research_jobs(4, "offline/instant")]
    for run in runs:
        progress.follow(run.id, run.id)
    outcomes = await fan_out([run.outcome for run in runs])
    used = [outcome.token_usage for outcome in outcomes]
    assert [line.calls for line in progress.lines.values()] == [usage.successful_requests for usage in used]
    assert [line.tokens for line in progress.lines.values()] == [usage.total_tokens for usage in used]
    assert (tally.runs_ended, tally.calls) == (4, sum(usage.successful_requests for usage in used))
    assert len([line for line in told if "done" in line]) == 4
