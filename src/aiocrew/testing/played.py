"""Finding, for a run that asks, the recorded run that it repeats."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from aiocrew.testing.differences import described
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.tape import RunKind, Tape, TapedRun, TapedStep
from aiocrew.types.paths import Path

__all__ = ["PlayedRun", "Player"]


class Player:
    """A tape that is being played: each of its runs is given out once, whichever loop or thread asks.

    A run is found by its kind, its name and its inputs; among those that are equal in that, by the first thing that it
    asks. So runs may start in any order.
    """

    def __init__(self, path: str, tape: Tape, look_up: Callable[[str], Any], clean: Callable[[Any], Any]) -> None:
        self.look_up = look_up
        self._clean = clean
        self.problem: CassetteError | None = None
        """The first that there was."""
        self._path = path
        self._lock = threading.Lock()
        self._left: dict[bytes, list[TapedRun]] = {}
        for run in tape.runs:
            self._left.setdefault(_key(run.kind, run.name, run.inputs), []).append(run)
        self._played: list[PlayedRun] = []

    def run(self, kind: RunKind, name: str, inputs: Any) -> PlayedRun:
        """Return a run that begins."""
        played = PlayedRun(self, kind, name, inputs)
        self._played.append(played)
        return played

    def claim(self, played: PlayedRun, path: Path, asked: Any) -> TapedRun:
        """Return the recorded run that `played`, which asks this first, repeats; nobody else gets it."""
        # Not before: the keys of the models that a run asks are known when it asks.
        name, inputs = self._clean(played.name), self._clean(played.inputs)
        with self._lock:
            equal = self._left.get(_key(played.kind, name, inputs), [])
            same = (run for run in equal if any(step.path == path and step.asked == asked for step in run.steps))
            found = next(same, equal[0] if equal else None)
            if found is not None:
                equal.remove(found)
                return found
            left = self._all_left()
        raise self.failure(self._no_run(played.kind, name, inputs, left))

    def _all_left(self) -> list[TapedRun]:
        return [run for runs in self._left.values() for run in runs]

    def _no_run(self, kind: RunKind, name: str, inputs: Any, left: list[TapedRun]) -> str:
        what = f"the cassette {self._path!r} has no run of the {kind} {name!r} with these inputs"
        alike = next((run for run in left if (run.kind, run.name) == (kind, name)), None)
        if alike is None:
            names = sorted({f"{run.kind} {run.name!r}" for run in left})
            return f"{what} left. What it has left: {', '.join(names) or 'nothing'}"
        changed = described({"inputs": alike.inputs}, {"inputs": inputs})
        return f"{what}. The next one that it has of it has others (- recorded, + now):\n{changed}"

    def failure(self, message: str) -> CassetteError:
        """Return an error, which is remembered."""
        error = CassetteError(message, path=self._path)
        self.problem = self.problem or error
        return error

    def unused(self) -> list[str]:
        """Return what was recorded and not asked for."""
        left = [f"{run.kind} {run.name!r}: the whole run, with inputs {run.inputs!r}" for run in self._all_left()]
        return [*left, *(line for played in self._played for line in played.unused())]


def _key(kind: RunKind, name: str, inputs: Any) -> bytes:
    return json.dumps([kind, name, inputs], sort_keys=True).encode("ascii")


class PlayedRun:
    """One run that is answered from the tape."""

    def __init__(self, player: Player, kind: RunKind, name: str, inputs: Any) -> None:
        self.kind: RunKind = kind
        self.name = name
        self.inputs = inputs
        self._player = player
        self._lock = threading.Lock()
        self._steps: dict[Path, TapedStep] | None = None

    def take(self, path: Path, what: str, asked: Any) -> TapedStep:
        """Return the step at `path`, which is thereby used up. Raises CassetteError where it is not there, or asks
        something else.
        """
        with self._lock:  # runs inside this one may have loops of their own
            if self._steps is None:
                self._steps = {step.path: step for step in self._player.claim(self, path, asked).steps}
            taped = self._steps.pop(path, None)
        if taped is None:
            raise self.failure(
                f"{path} ({what}) of the {self.kind} {self.name!r} was not recorded. It asks:\n"
                f"{described({}, asked if isinstance(asked, dict) else {'text': asked}, self._player.look_up)}"
            )
        changed = described(taped.asked, asked, self._player.look_up)
        if changed:
            raise self.failure(
                f"{path} ({what}) of the {self.kind} {self.name!r} asks something else than what was recorded "
                f"(- recorded, + now):\n{changed}\nRecord anew where that is meant"
            )
        return taped

    def failure(self, message: str) -> CassetteError:
        """Return an error, which is remembered."""
        return self._player.failure(message)

    def unused(self) -> list[str]:
        """Return the recorded steps that were not asked for. Those that were cancelled then need not come now."""
        steps = (self._steps or {}).values()
        return [f"{self.kind} {self.name!r}: {step.path} ({step.what})" for step in steps if step.ended != "cut"]
