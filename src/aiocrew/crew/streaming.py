"""The streams of a crew: of its events, and of chunks as CrewAI gives them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from aiocrew.agent.chunks import ChunkMaker, Ids, StreamChunk, StreamChunkType, ToolCallChunk
from aiocrew.agent.event_stream import EventStream, StreamNotEndedError
from aiocrew.agent.run_frame import checked_inputs, checked_options
from aiocrew.agent.streaming_output import StreamingOutput
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.kickoff import Kickoff
from aiocrew.errors import UsageError
from aiocrew.types.context import RunOptions
from aiocrew.types.outputs import CrewOutput, Outcome, Outcomes

__all__ = [
    "CrewStreamingOutput",
    "StreamChunk",
    "StreamChunkType",
    "ToolCallChunk",
    "chunks_of_batch",
    "chunks_of_run",
    "events_of_run",
    "refuse_for_streams",
]

_INSTEAD = "crew.kickoff_async"


class CrewStreamingOutput(StreamingOutput[Any]):
    """What `kickoff` of a Crew(stream=True) gives: the chunks of its run, or of those of a whole batch as they come."""

    @property
    def result(self) -> CrewOutput:
        """What the run gave. Raises its error where it failed; StreamNotEndedError, a RuntimeError, before the end.

        Of a batch there are `results`: then this is a StreamNotEndedError, too.
        """
        output = super().result
        if isinstance(output, Outcomes):
            raise StreamNotEndedError("the stream is that of a batch: ask for its `results`")
        return output

    @property
    def results(self) -> list[Outcome]:
        """What the runs gave, in the order of their inputs: of a batch its Outcomes, else the one result."""
        output: CrewOutput | Outcomes = super().result
        return output if isinstance(output, Outcomes) else [output]


def events_of_run(
    crew: CrewBlueprint, inputs: Mapping[str, Any] | None, options: RunOptions | None
) -> EventStream[CrewOutput]:
    """Return the events of a run that begins when they are iterated. Raises BlueprintError as a kickoff does."""
    return EventStream(_run_of(crew, inputs, options))


def chunks_of_run(
    crew: CrewBlueprint, inputs: Mapping[str, Any] | None, options: RunOptions | None
) -> CrewStreamingOutput:
    """Return the chunks of a run that begins when they are iterated. Raises BlueprintError as a kickoff does."""
    return CrewStreamingOutput(_run_of(crew, inputs, options), ChunkMaker(_ids_of(crew)), instead=_INSTEAD)


def chunks_of_batch(crew: CrewBlueprint, begin: Callable[[], Coroutine[Any, Any, Outcomes]]) -> CrewStreamingOutput:
    """Return the chunks of a batch that `begin` carries out."""
    maker = ChunkMaker(_ids_of(crew))
    return CrewStreamingOutput(begin, maker, instead="crew.kickoff_for_each_async", door="kickoff_for_each")


def _run_of(
    crew: CrewBlueprint, inputs: Mapping[str, Any] | None, options: RunOptions | None
) -> Callable[[], Coroutine[Any, Any, CrewOutput]]:
    checked = checked_inputs(inputs)
    if options is not None:
        checked_options(options)
    # The Kickoff is made where the stream is set up: that decides who reads it.
    return lambda: Kickoff(crew, checked, options).carry_out()


def _ids_of(crew: CrewBlueprint) -> Ids:
    def ids(index: int, role: str) -> tuple[str, str]:
        if index >= len(crew.tasks):  # somebody took it out meanwhile
            return "", ""
        task = crew.tasks[index]
        doer = crew.doer(task)
        named = next((agent for agent in crew.everyone() if agent.role == role), doer)
        return str(task.id), "" if named is None else str(named.id)

    return ids


def refuse_for_streams(inputs: object, **given: Any) -> None:
    """Raise UsageError for `inputs` that need `async`, and for an argument that streams of single runs cannot have."""
    if not isinstance(inputs, Iterable):
        raise UsageError(
            "kickoff_for_each of a crew with stream=True cannot iterate asynchronous inputs: use "
            "kickoff_for_each_async, which gives one stream of all of them"
        )
    named = [name for name, value in given.items() if value]
    if named:
        raise UsageError(
            f"kickoff_for_each({', '.join(f'{name}=...' for name in named)}) of a crew with stream=True gives a stream "
            "for each input, and each begins by itself: use kickoff_for_each_async, which gives one of the whole batch"
        )
