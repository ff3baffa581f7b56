"""What a cassette holds, as records, and its file: one JSON text, made to be read and compared in git."""

from __future__ import annotations

import json
import os
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.files import write_whole
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.redaction import Redactor
from aiocrew.types.paths import Path, path_order

__all__ = ["Ending", "RunKind", "Tape", "TapedRun", "TapedStep", "folded", "read_tape", "unfolded", "write_tape"]

VERSION = 1
_MARK = "aiocrew_cassette"
_LINES: Final = "\n"
"""The only key of an object that stands for a text."""

RunKind: TypeAlias = Literal["crew", "flow", "agent"]
Ending: TypeAlias = Literal["gave", "failed", "cut", "again"]
"""How a step ended: with a result; with an error; it was cancelled; with something that JSON does not hold, so that it
is done again in a replay."""


class TapedStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One effect of a run, and what came of it."""

    path: Path
    what: str
    """The model, the tool, or whoever was asked."""
    took_s: float
    asked: Any = None
    """What the result depends on; None where that is the path alone."""
    ended: Ending = "gave"
    gave: Any = None
    failed: Any = None
    streamed: bool = False


class TapedRun(msgspec.Struct, frozen=True):
    """One run, those inside it included."""

    kind: RunKind
    name: str
    inputs: Any
    steps: list[TapedStep]


class Tape(msgspec.Struct, frozen=True):
    """A cassette's content. `shared` holds, by name, what many steps refer to: tools, forms of answers."""

    runs: list[TapedRun]
    shared: dict[str, Any]


def write_tape(path: str, tape: Tape, redactor: Redactor) -> None:
    """Write `tape` to `path`, whole or not at all, without any of the redactor's secrets. Folders are made.

    Equal tapes give equal files, in whatever order runs and steps came. Raises CassetteError where it cannot be
    written.
    """
    runs = [msgspec.structs.replace(run, steps=sorted(run.steps, key=_place)) for run in tape.runs]
    document = redactor.clean(
        {
            _MARK: VERSION,
            "runs": sorted(msgspec.to_builtins(runs), key=_content),
            "shared": dict(sorted(tape.shared.items())),
        }
    )
    try:
        write_whole(path, _text_of(folded(document)), create_directory=True, token=local_runtime().new_id())
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise CassetteError(f"the cassette {path!r} was not written: {why}", path=path) from error


def _place(step: TapedStep) -> tuple[tuple[str, int], ...]:
    return path_order(step.path)


def _content(run: dict[str, Any]) -> bytes:
    """Return a sort key that does not depend on how long anything took."""
    steps = [{name: value for name, value in step.items() if name != "took_s"} for step in run["steps"]]
    return json.dumps([run["kind"], run["name"], run["inputs"], steps]).encode("ascii")


def _text_of(document: Any) -> str:
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: models do write them
        return json.dumps(document, indent=1) + "\n"
    return text


def read_tape(path: str) -> Tape | None:
    """Return what `path` holds, or None where there is no file. Raises CassetteError for what is no cassette."""
    try:
        with open(path, encoding="utf-8") as file:
            document: Any = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    found = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if found.get(_MARK) != VERSION:
        said = f"{_MARK}={found[_MARK]!r}" if _MARK in found else f"no {_MARK!r}"
        raise _unreadable(path, f"it says {said}, and this aiocrew reads {_MARK}={VERSION}")
    try:
        return msgspec.convert(unfolded(found), Tape)
    except (msgspec.ValidationError, TypeError, AttributeError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: str, why: str) -> CassetteError:
    return CassetteError(
        f"the cassette {path!r} cannot be read: {why}. Go back to a version of it that can, or record it anew with "
        "mode='all'",
        path=path,
    )


def folded(value: Any) -> Any:
    """Return JSON's `value` with every text of several lines as {"\\n": [its lines]}, for diffs of single lines."""
    if isinstance(value, str):
        return {_LINES: value.split("\n")} if "\n" in value else value
    if isinstance(value, list):
        return [folded(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        held = {name: folded(item) for name, item in cast("dict[str, Any]", value).items()}
        return {_LINES: held} if held.keys() == {_LINES} else held
    return value


def unfolded(value: Any) -> Any:
    """Return what `folded` was given."""
    if isinstance(value, list):
        return [unfolded(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    if held.keys() == {_LINES}:
        inner = held[_LINES]
        if isinstance(inner, list):
            return "\n".join(cast("list[str]", inner))
        held = cast("dict[str, Any]", inner)
    return {name: unfolded(item) for name, item in held.items()}
