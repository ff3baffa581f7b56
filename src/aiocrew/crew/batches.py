"""A crew as the worker of a batch."""

from __future__ import annotations

import reprlib
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

from aiocrew.agent.run_frame import checked_inputs, checked_options
from aiocrew.batch.inputs import Inputs
from aiocrew.batch.options import BatchOptions
from aiocrew.batch.stream import OutcomeStream, stream_outcomes
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.files import WrittenFiles
from aiocrew.crew.fingerprint import digest_of
from aiocrew.crew.kickoff import Kickoff
from aiocrew.crew.restored import with_instances
from aiocrew.errors import BlueprintError, UsageError
from aiocrew.models.lookup import resolve
from aiocrew.models.prices import load_price
from aiocrew.types.context import RunOptions, Runtime
from aiocrew.types.outputs import Outcome

__all__ = ["ManyInputs", "start_batch"]

ManyInputs: TypeAlias = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


class InputsTypeError(BlueprintError, TypeError):
    """A TypeError too: programs written for CrewAI catch that one."""


def start_batch(
    crew: CrewBlueprint, inputs: ManyInputs, run_options: RunOptions | None, options: BatchOptions
) -> OutcomeStream:
    """Return the outcomes of `crew` for `inputs`; no work is done before they are iterated.

    Raises BlueprintError for inputs that are none, and for a list of which two would write one file.
    """
    if not _are_many(inputs):
        shown = reprlib.repr(inputs)
        raise InputsTypeError(
            f"inputs={shown} must be a list of dicts (or another iterable of them, also an async one), one for each "
            "run; kickoff takes a single dict"
        )
    if run_options is not None:
        checked_options(run_options)
    files = [(task.label, task.output_file) for task in crew.tasks if task.output_file]
    written = WrittenFiles(files)
    if not isinstance(inputs, Sequence):
        return stream_outcomes(inputs, _CrewWorker(crew, run_options, written), options)
    batch = [checked_inputs(item) for item in cast("Sequence[Any]", inputs)]
    for index, item in enumerate(batch):
        written.add(item, index)
    return stream_outcomes(batch, _CrewWorker(crew, run_options, WrittenFiles(())), options)


def _are_many(inputs: Any) -> bool:
    return isinstance(inputs, Iterable | AsyncIterable) and not isinstance(inputs, Mapping | str | bytes)


class _CrewWorker:
    """Does each input in a kickoff of its own."""

    __slots__ = ("_crew", "_files", "_options")

    def __init__(self, crew: CrewBlueprint, options: RunOptions | None, files: WrittenFiles) -> None:
        self._crew = crew
        self._options = options
        self._files = files

    async def load(self) -> None:
        for llm in self._crew.models():
            with suppress(UsageError):  # each run will say what is wrong with the model
                await load_price(resolve(llm).name)

    def check(self, inputs: Any, index: int) -> None:
        self._files.add(checked_inputs(inputs), index)

    def digest(self, inputs: Inputs) -> bytes:
        return digest_of(self._crew, inputs)

    def restored(self, outcome: Outcome) -> Outcome:
        return with_instances(outcome, self._crew)

    def begin(self, inputs: Inputs, index: int, *, runtime: Runtime | None = None, attempts: int = 1) -> Kickoff:
        return Kickoff(self._crew, inputs, self._options, index=index, runtime=runtime, attempts=attempts)
