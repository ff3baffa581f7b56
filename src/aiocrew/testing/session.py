"""A cassette in use: which runs it is about, and what was written onto it or taken from it."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from aiocrew.models.endpoint import Endpoint
from aiocrew.testing.asked import Shared, asked_of, endpoint_of
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.played import PlayedRun, Player
from aiocrew.testing.redaction import Redactor, secrets_of
from aiocrew.testing.tape import RunKind, Tape, TapedRun, TapedStep, write_tape
from aiocrew.types.events import CrewKickoffStarted, Event, FlowStarted, LiteAgentExecutionStarted, LLMStreamChunk
from aiocrew.types.paths import Path
from aiocrew.types.ports import Effect

__all__ = ["Session"]


class Session:
    """Reads the events of the runs in a block, to know which run a step belongs to: one inside another is that one's.

    Without a tape it records, with one it replays.
    """

    def __init__(self, path: str, redactor: Redactor, tape: Tape | None) -> None:
        self.path = path
        self._redactor = redactor
        self._shared = Shared(redactor, None if tape is None else tape.shared)
        self._player = None if tape is None else Player(path, tape, self._shared.held.get, redactor.clean)
        self._recorded: list[TapedRun] = []
        self._recording: dict[str, TapedRun] = {}
        self._playing: dict[str, PlayedRun] = {}
        self._endpoints: dict[int, Endpoint] = {}
        """Those whose secrets are known. They are kept, so that no other can have the same id."""
        self._streamed: set[tuple[str, Path]] = set()
        self._steps_under_way = 0
        self._problem: CassetteError | None = None

    def emit(self, event: Event) -> None:
        """Note where a run begins, and what streams."""
        match event:
            case CrewKickoffStarted(run_id=run_id, crew=name, inputs=inputs, outer=outer):
                self._begin(run_id, "crew", name, inputs, outer)
            case FlowStarted(run_id=run_id, flow=name, inputs=inputs, outer=outer):
                self._begin(run_id, "flow", name, inputs, outer)
            case LiteAgentExecutionStarted(run_id=run_id, agent=name, outer=outer):
                self._begin(run_id, "agent", name, None, outer)
            case LLMStreamChunk(run_id=run_id, path=path):
                self._streamed.add((run_id, path))
            case _:
                pass

    def _begin(self, run_id: str, kind: RunKind, name: str, inputs: Mapping[str, Any] | None, outer: str) -> None:
        plain = _plain(inputs)
        self._redactor.learn(plain)
        if self._player is not None:
            self._playing[run_id] = self._playing.get(outer) or self._player.run(kind, name, plain)
            return
        run = self._recording.get(outer)
        if run is None:
            run = TapedRun(kind, name, plain, [])
            self._recorded.append(run)
        self._recording[run_id] = run

    def is_unknown(self, run_id: str) -> bool:
        """Whether the run began before the block."""
        return run_id not in (self._recording if self._player is None else self._playing)

    def asked(self, effect: Effect | None) -> Any:
        """Return what `effect` asks, without secrets."""
        endpoint = endpoint_of(effect)
        if endpoint is not None and id(endpoint) not in self._endpoints:
            self._endpoints[id(endpoint)] = endpoint
            for secret, name in secrets_of(endpoint):
                self._redactor.add(secret, name)
        return self._redactor.clean(asked_of(effect, self._shared))

    # Recording

    def write(self, run_id: str, step: TapedStep) -> None:
        """Write down a step that has ended."""
        self._recording[run_id].steps.append(step)

    def has_streamed(self, run_id: str, path: Path) -> bool:
        """Whether the reply came in chunks."""
        return (run_id, path) in self._streamed

    @contextmanager
    def under_way(self) -> Generator[None]:
        """Count a step that is under way."""
        self._steps_under_way += 1
        try:
            yield
        finally:
            self._steps_under_way -= 1

    def save(self) -> None:
        """Write the file. Raises CassetteError where there is nothing to write, or not all of it yet."""
        if self._problem is not None:
            raise self._problem
        if self._steps_under_way:
            raise self.failure(
                f"{self._steps_under_way} steps are still under way at the end of the block: await the runs inside it"
            )
        if not self._recorded:
            raise self.failure(
                "no run was started in this block, so that there is nothing to record. A run in a thread that has not "
                "the block's context variables is not seen"
            )
        runs = [run for run in self._recorded if run.steps]
        write_tape(self.path, Tape(runs, self._shared.held), self._redactor)

    def failure(self, reason: str) -> CassetteError:
        """Return the error that the cassette could not be recorded."""
        self._problem = CassetteError(f"the cassette {self.path!r} was not written: {reason}", path=self.path)
        return self._problem

    # Replaying

    def played(self, run_id: str) -> PlayedRun:
        """Return the run that answers the steps of `run_id`."""
        return self._playing[run_id]

    def check(self, *, allow_unused: bool) -> None:
        """Raise the first CassetteError that there was, or one for what was recorded and not asked for."""
        if self._player is None:
            return
        if self._player.problem is not None:
            raise self._player.problem
        unused = self._player.unused()
        if unused and not allow_unused:
            shown = "\n".join(f"  {line}" for line in unused[:10])
            more = f"\n  and {len(unused) - 10} more" if len(unused) > 10 else ""
            raise CassetteError(
                f"the cassette {self.path!r} holds steps that were not asked for:\n{shown}{more}\nRecord anew, or give "
                "allow_unused=True where only a part of it is replayed",
                path=self.path,
            )


def _plain(inputs: Mapping[str, Any] | None) -> Any:
    """Return inputs as JSON gives them back; of a value that is none only its type."""
    if inputs is None:
        return None
    return {name: _plain_value(value) for name, value in inputs.items()}


def _plain_value(value: Any) -> Any:
    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_type_of, order="deterministic")
        return json.loads(json.dumps(plain), parse_constant=str)  # not a number is not equal to itself
    except (TypeError, ValueError, RecursionError):
        return _type_of(value)


def _type_of(value: Any) -> str:
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
