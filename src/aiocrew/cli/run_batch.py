"""`aiocrew run`: a crew for every input of a file, with a journal that knows what is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiocrew.admission.budget import Budget
from aiocrew.aio.door import run_sync
from aiocrew.aio.signals import Drain
from aiocrew.cli.batch_counts import BatchCounts
from aiocrew.cli.batch_report import BatchCall, Ending, report_lines
from aiocrew.cli.batch_screen import BatchScreen
from aiocrew.cli.crew_lookup import FoundCrew, build_crew, find_crew
from aiocrew.cli.inputs import InputStream, open_inputs
from aiocrew.cli.new_files import check_apart
from aiocrew.cli.open_files import allow_many_files
from aiocrew.cli.results import Results
from aiocrew.cli.screen import Lines
from aiocrew.cli.words import dollars
from aiocrew.crew.crew import Crew
from aiocrew.errors import BudgetExceededError, UsageError
from aiocrew.models.lookup import resolve
from aiocrew.models.prices import load_price
from aiocrew.seeing.recorder import reading
from aiocrew.types.context import RunOptions
from aiocrew.types.outputs import FailedRun, Outcome

__all__ = ["carry_out_batch"]

_INTERRUPTED = 130  # 128 + SIGINT, as a shell has it; for SIGTERM too, because both mean: go on later


def carry_out_batch(call: BatchCall) -> int:
    """Carry out a batch and return the exit code of the command.

    0: every input gave its output. 1: some did not. 130: a signal came before all inputs were done. Raises UsageError
    before anything runs for a call that cannot be, JournalError for a journal that cannot be used, and AiocrewError
    when inputs cannot be read or results not be written; what was written until then stays.
    """
    inputs = open_inputs(call.inputs)
    check_apart((("--inputs", call.inputs), ("--output", call.output), ("--journal", call.journal)))
    found = find_crew(call.crew)
    allow_many_files()
    with Results(call.output, keep_part=call.journal is None) as results, Lines(sys.stderr) as lines:
        return run_sync(_Batch(call, inputs, found, results, lines).carry_out)


class _Batch:
    """One batch under way."""

    def __init__(self, call: BatchCall, inputs: InputStream, found: FoundCrew, results: Results, lines: Lines) -> None:
        self._call = call
        self._inputs = inputs
        self._found = found
        self._results = results
        self._lines = lines
        self._began_s = time.perf_counter()
        self._counts = BatchCounts(inputs, self._began_s)
        self._spent = False
        self._screen = BatchScreen(
            inputs, self._counts, lines, quiet=call.quiet, results_on_stdout=results.place == "stdout"
        )

    async def carry_out(self) -> int:
        async with Drain(self._drain) as drain:
            crew = await build_crew(self._found, self._call.crew)
            await _check_models(crew, priced=self._call.budget_usd is not None)
            await self._inputs.count()
            async with self._screen.shown():
                with reading(self._counts):
                    await self._take_all(crew)
        ending = self._ending(drain)
        if ending != "cut":
            self._results.finish()
        seconds = time.perf_counter() - self._began_s
        for line in report_lines(
            self._call,
            ending,
            inputs=self._inputs,
            counts=self._counts,
            place=self._results.file,
            seconds=seconds,
        ):
            self._lines.write(line)
        if ending in ("drained", "cut"):
            return _INTERRUPTED
        return 1 if self._counts.failed or ending != "whole" else 0

    def _drain(self) -> None:
        self._inputs.end()
        self._screen.say(f"draining: {self._counts.in_flight:,} under way, Ctrl-C again to stop them")

    async def _take_all(self, crew: Crew) -> None:
        call = self._call
        budget = None if call.budget_usd is None else Budget(usd=call.budget_usd)
        stream = crew.map(
            self._inputs,
            options=RunOptions(deadline_s=call.deadline_s, budget=budget),
            max_concurrency=call.concurrency,
            key=None if call.key is None else _key_from(call.key),
            journal=call.journal,
            retry_failed=call.retry_failed,
            max_failures=call.max_failures,
        )
        async with stream as outcomes:
            async for outcome in outcomes:
                await self._take(self._explained(outcome))

    async def _take(self, outcome: Outcome) -> None:
        self._counts.take(outcome)
        budget_usd = self._call.budget_usd
        if budget_usd is not None and isinstance(outcome.error, BudgetExceededError) and not self._spent:
            # Further inputs would be refused as well, and their lines would only say so once more.
            self._spent = True
            self._inputs.end()
            self._screen.say(f"{dollars(budget_usd)} is spent: no further inputs are begun")
        await self._results.write(outcome)

    def _explained(self, outcome: Outcome) -> Outcome:
        """Return the outcome; that of an input which is none says what is wrong with it, and where it stands."""
        problem = self._inputs.problems.pop(outcome.index, None)
        if problem is not None and isinstance(outcome, FailedRun):
            outcome.error = problem
        return outcome

    def _ending(self, drain: Drain) -> Ending:
        if drain.cut:
            return "cut"
        if self._counts.unfinished:
            return "too many failures"
        if self._spent:
            return "spent"
        if self._inputs.exhausted:
            return "whole"
        return "too many failures" if drain.first is None else "drained"


async def _check_models(crew: Crew, *, priced: bool) -> None:
    """Load what tells the cost of the crew's models.

    Raises UsageError for a model that cannot be called, and if `priced` for one whose price is not known: said once,
    and not for each input.
    """
    for agent in [task.agent for task in crew.tasks if task.agent is not None]:
        model = resolve(agent.llm)
        if model.price is None and await load_price(model.name) is None and priced:
            raise UsageError(
                f"--budget-usd needs the price of {model.name}, which is not known: give its LLM price=..., or install "
                'the price list: pip install "aiocrew[cost]"'
            )


def _key_from(field: str) -> Callable[[Mapping[str, Any]], str]:
    def key(inputs: Mapping[str, Any]) -> str:
        if inputs.get(field) in (None, ""):
            raise LookupError(f"it has no {field!r}, which --key names")
        return str(inputs[field])

    return key
