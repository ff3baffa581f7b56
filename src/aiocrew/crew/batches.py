"""A crew as the worker of a batch."""

from __future__ import annotations

import reprlib
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

from aiocrew.batch.inputs import Inputs
from aiocrew.batch.options import BatchOptions
from aiocrew.batch.stream import OutcomeStream, stream_outcomes
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.files import check_distinct_files, output_path
from aiocrew.crew.fingerprint import digest_of
from aiocrew.crew.kickoff import Kickoff, checked_inputs
from aiocrew.errors import BlueprintError, UsageError
from aiocrew.models.lookup import resolve
from aiocrew.models.prices import load_price
from aiocrew.types.context import RunOptions, Runtime

__all__ = ["ManyInputs", "start_batch"]

ManyInputs: TypeAlias = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


def start_batch(
    crew: CrewBlueprint, inputs: ManyInputs, run_options: RunOptions | None, options: BatchOptions
) -> OutcomeStream:
    """Return the outcomes of `crew` for `inputs`; no work is done before they are iterated.

    Raises BlueprintError for inputs that are none, and for a list of which two would write one file.
    """
    if not _are_many(inputs):
        shown = reprlib.repr(inputs)
        raise BlueprintError(
            f"inputs={shown} must be a list of dicts (or another iterable of them, also an async one), one for each "
            "run; kickoff takes a single dict"
        )
    files = [(task.label, task.output_file) for task in crew.tasks if task.output_file]
    if not isinstance(inputs, Sequence):
        return stream_outcomes(inputs, _CrewWorker(crew, run_options, _WrittenFiles(files)), options)
    batch = [checked_inputs(item) for item in cast("Sequence[Any]", inputs)]
    if files:
        check_distinct_files(files, cast("list[dict[str, Any]]", batch))
    return stream_outcomes(batch, _CrewWorker(crew, run_options, _WrittenFiles(())), options)


def _are_many(inputs: Any) -> bool:
    return isinstance(inputs, Iterable | AsyncIterable) and not isinstance(inputs, Mapping | str | bytes)


class _CrewWorker:
    """Does each input in a kickoff of its own."""

    __slots__ = ("_crew", "_files", "_options")

    def __init__(self, crew: CrewBlueprint, options: RunOptions | None, files: _WrittenFiles) -> None:
        self._crew = crew
        self._options = options
        self._files = files

    async def load(self) -> None:
        for agent in [task.agent for task in self._crew.tasks if task.agent is not None]:
            with suppress(UsageError):  # each run will say what is wrong with the model
                await load_price(resolve(agent.llm).name)

    def check(self, inputs: Any, index: int) -> None:
        self._files.add(checked_inputs(inputs), index)

    def digest(self, inputs: Inputs) -> bytes:
        return digest_of(self._crew, inputs)

    def begin(self, inputs: Inputs, index: int, *, runtime: Runtime | None = None, attempts: int = 1) -> Kickoff:
        return Kickoff(self._crew, inputs, self._options, index=index, runtime=runtime, attempts=attempts)


class _WrittenFiles:
    """The files that the inputs of a stream write. Only the inputs that came are known; those fail that come second."""

    __slots__ = ("_templates", "_written")

    def __init__(self, templates: Sequence[tuple[str, str]]) -> None:
        self._templates = templates
        self._written: dict[str, int] = {}

    def add(self, inputs: Inputs, index: int) -> None:
        """Raise BlueprintError if an earlier input writes one of the files of this one."""
        for task, template in self._templates:
            try:
                path = output_path(template, inputs, ("task", task))
            except BlueprintError:
                continue  # the input's own run fails with it, or a before_kickoff callback adds what is missing
            first = self._written.setdefault(path, index)
            if first != index:
                raise BlueprintError(
                    f"task {task!r}: input {index} would write {path!r}, as input {first} does. "
                    f"Put a {{placeholder}} that differs between the inputs into output_file={template!r}."
                )
