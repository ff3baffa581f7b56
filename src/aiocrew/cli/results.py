"""The results of a batch: a line of JSON for each outcome, written when it is there."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from aiocrew.aio.pool import run_in_thread
from aiocrew.cli.open_files import lock_alone
from aiocrew.errors import AiocrewError, Location, UsageError
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome

__all__ = ["Results", "result_line"]

_STDOUT = 1
_FOR_THE_UMASK = 0o666
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029]")
"""JSON may hold these as they are, but some drive a terminal, and some end a line for str.splitlines."""


class Results:
    """Where the lines go: `with Results(output, ...) as results`.

    output: a path, or "-" for stdout. The lines stand in "<output>.part" until `finish` gives them their name, so what
    an earlier batch left there is whole until then. What is no regular file (a pipe, a device) is written as it is.
    keep_part: raise UsageError where a .part is left of a batch that did not end, instead of writing over it. One that
        another batch is writing is never written over.
    """

    def __init__(self, output: str, *, keep_part: bool) -> None:
        self._descriptor = -1
        self._target: Path | None = None
        self._keep_part = keep_part
        self._written = False
        self.place = "stdout" if output == "-" else output
        """Where the lines are now."""
        if output != "-" and not _is_special(output):
            self._target = Path(os.path.realpath(output))  # a link stays one
            self.place = f"{self._target}.part"

    @property
    def file(self) -> str | None:
        """The file that has the lines; None for stdout, and while there is no line to keep."""
        kept = self._written or self._target is None or self.place == str(self._target)
        return self.place if kept and self.place != "stdout" else None

    def __enter__(self) -> Results:
        if self.place == "stdout":
            if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - it is, where there was none
                raise UsageError("stdout is closed: name a file by --output")
            self._descriptor = _STDOUT
            return self
        with ExitStack() as undo:
            undo.callback(self._close)
            try:
                self._descriptor = os.open(self.place, os.O_WRONLY | os.O_CREAT, _FOR_THE_UMASK)
                if self._target is not None:
                    self._take_part()
            except OSError as error:
                raise UsageError(f"--output: {self.place!r} cannot be written: {error.strerror}") from error
            undo.pop_all()
        return self

    def _take_part(self) -> None:
        """Make the open .part this batch's own, and empty."""
        # Who had it may have renamed it since it was opened here: then it is a whole result.
        if not lock_alone(self._descriptor) or not _is_at(self.place, self._descriptor):
            raise UsageError(
                f"another batch is writing {self.place!r}: give this one another --output. Two may share a --journal, "
                "and each writes all results"
            )
        if self._keep_part and os.fstat(self._descriptor).st_size:
            raise UsageError(
                f"{self.place!r} holds the results of a batch that did not end: move it away or delete it. With "
                "--journal a batch that did not end goes on where it stopped"
            )
        os.ftruncate(self._descriptor, 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._target is not None and self.file is None:
            with suppress(OSError):
                os.unlink(self.place)
        self._close()

    async def write(self, outcome: Outcome) -> None:
        """Write the line of an outcome; it is with the system then. Raises AiocrewError when that fails."""
        line = result_line(outcome)
        self._written = True
        try:
            if self._target is not None:
                _write_all(self._descriptor, line)
            else:
                await run_in_thread(_write_all, self._descriptor, line)  # who reads may be slow
        except OSError as error:
            raise self._failure(error) from error

    def finish(self) -> None:
        """Give the lines their name, durably. Raises AiocrewError when that fails."""
        if self._target is None:
            return
        try:
            os.fsync(self._descriptor)
            if os.name != "posix":
                self._close()  # only a closed file can be renamed there
            os.replace(self.place, self._target)  # while it is locked
            self._close()
        except OSError as error:
            raise self._failure(error) from error
        self.place = str(self._target)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor > _STDOUT:
            with suppress(OSError):
                os.close(descriptor)

    def _failure(self, error: OSError) -> AiocrewError:
        return AiocrewError(f"the results cannot be written to {self.place!r} any further: {error.strerror or error}")


def result_line(outcome: Outcome) -> bytes:
    """Return an outcome as a line of JSON; what is not JSON in it stands there as its repr."""
    fields = _fields(outcome)
    try:
        text = _dumped(fields)
    except (TypeError, ValueError, RecursionError):  # a callback put it there
        fields.update(inputs=repr(fields["inputs"]), json=repr(fields["json"]))
        text = _dumped(fields)
    # Half a surrogate pair has no UTF-8, but \ud800 is how JSON writes it.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _dumped(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _fields(outcome: Outcome) -> dict[str, Any]:
    output = outcome if isinstance(outcome, CrewOutput) else None
    return {
        "index": outcome.index,
        "inputs": outcome.inputs,
        "status": outcome.status,
        "raw": None if output is None else output.raw,
        "json": None if output is None else _as_json(output),
        "error": _error(outcome) if isinstance(outcome, FailedRun) else None,
        "token_usage": outcome.token_usage.model_dump(),
        "cost_usd": outcome.cost_usd,
        "duration_s": round(outcome.duration_s, 6),
        "attempts": outcome.attempts,
    }


def _as_json(output: CrewOutput) -> dict[str, Any] | None:
    if output.json_dict is None and output.pydantic is not None:
        return output.pydantic.model_dump(mode="json")
    return output.json_dict


def _error(failed: FailedRun) -> dict[str, Any]:
    error = failed.error
    said = {"type": type(error).__name__, "message": str(error)}
    if not isinstance(error, AiocrewError):
        return said
    said["message"] = error.message
    return said if error.at is None else {**said, "at": _place(error.at)}


def _place(at: Location) -> dict[str, str]:
    return {name: value for name, value in (("crew", at.crew), ("task", at.task), ("agent", at.agent)) if value}


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _is_at(path: str, descriptor: int) -> bool:
    """Return whether an open file has the name `path`."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
