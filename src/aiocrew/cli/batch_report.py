"""What is said at the end of a batch: what became of the inputs, where the results are, how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from aiocrew.cli.batch_counts import BatchCounts
from aiocrew.cli.inputs import InputStream
from aiocrew.cli.words import counted, dollars

__all__ = ["BatchCall", "Ending", "report_lines"]

Ending: TypeAlias = Literal["whole", "drained", "cut", "spent", "too many failures"]
"""How a batch ended: every input was done; a signal ended it, in order or by cutting off what was under way; its budget
was spent; more inputs failed than were allowed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCall:
    """What `aiocrew run` was asked for."""

    crew: str
    inputs: str | None = None
    output: str = "-"
    concurrency: int
    journal: str | None = None
    retry_failed: bool = False
    key: str | None = None
    max_failures: int | None = None
    deadline_s: float | None = None
    budget_usd: float | None = None
    quiet: bool = False

    def command_line(self) -> str:
        """Return the call as it is typed into a shell."""
        given = {
            "--inputs": self.inputs,
            "--output": None if self.output == "-" else self.output,
            "--concurrency": self.concurrency,
            "--journal": self.journal,
            "--key": self.key,
            "--max-failures": self.max_failures,
            "--deadline": self.deadline_s,
            "--budget-usd": self.budget_usd,
        }
        words = ["aiocrew", "run", self.crew]
        for name, value in given.items():
            if value is not None:
                words += [name, str(value)]
        words += ["--retry-failed"] * self.retry_failed + ["--quiet"] * self.quiet
        return shlex.join(words)


def report_lines(
    call: BatchCall, ending: Ending, *, inputs: InputStream, counts: BatchCounts, place: str | None, seconds: float
) -> Iterator[str]:
    """Give the lines of the report; `place` is the file that has the results."""
    if call.quiet and ending == "whole" and not counts.failed:
        return
    recorded = 0 if ending == "cut" else counts.recorded
    known = f" ({recorded:,} were in the journal already)" if recorded else ""
    yield f"{_ended(call, ending, inputs, counts)}: {counts.ok:,} ok, {counts.failed:,} failed{known}"
    with_them = " (those in the journal counted)" if recorded else ""
    yield f"It took {seconds:,.1f} s; {counted(counts.calls, 'call')}, {', '.join(counts.used())}{with_them}"
    yield from counts.failures.lines()
    if place is not None:
        yield f"Results: {place}"
    if ending != "whole":
        yield from _how_to_go_on(call, ending)
    elif counts.failed and call.journal is not None:
        yield "To run the failed ones again:"
        yield f"  {replace(call, retry_failed=True).command_line()}"


def _ended(call: BatchCall, ending: Ending, inputs: InputStream, counts: BatchCounts) -> str:
    if ending == "whole":
        return counted(counts.done, "input")
    of_all = "" if inputs.total is None else f" of {inputs.total:,}"
    done = f"{counts.done:,}{of_all} done"
    match ending:
        case "drained":
            return f"Interrupted with {done}"
        case "cut":
            return f"Interrupted with {done} and {counts.in_flight:,} cut off"
        case "spent":
            return f"Ended, because the budget of {dollars(call.budget_usd or 0)} is spent, with {done}"
        case "too many failures":
            return f"Ended, because more than --max-failures {call.max_failures} failed, with {done}"


def _how_to_go_on(call: BatchCall, ending: Ending) -> Iterator[str]:
    command = f"  {call.command_line()}"
    if call.journal is None:
        yield "No journal was kept, so all inputs have to be run again. With one it would go on where it stopped:"
        yield f"  {replace(call, journal='batch.sqlite').command_line()}"
        return
    with_more = {"spent": " with more --budget-usd", "too many failures": " with more --max-failures"}.get(ending, "")
    with_inputs = ", with the same lines on stdin" if call.inputs == "-" else ""
    yield f"The journal {call.journal} has what is done. To go on{with_more}{with_inputs}:"
    yield command
