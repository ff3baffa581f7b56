"""Where a task's output is written, and writing it whole."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from aiocrew.agent.interpolation import interpolate, placeholders
from aiocrew.errors import BlueprintError
from aiocrew.types.effects import Harmless
from aiocrew.types.outputs import TaskOutput

__all__ = ["FileWriting", "WrittenFiles", "output_path", "text_of_file", "write_whole"]


def output_path(template: str, inputs: Mapping[str, Any] | None, owner: tuple[str, str]) -> str:
    """Return the absolute path that `template` names, filled in.

    Raises BlueprintError if what was filled in leads out of the folder that the template itself names.
    """
    filled = os.path.abspath(os.path.expanduser(interpolate(template, inputs, owner, "output_file")))
    if inputs is None or not placeholders(template):
        return filled
    written_by_hand = template.partition("{")[0]
    folder = os.path.abspath(os.path.expanduser(os.path.dirname(written_by_hand)))
    if "\0" in filled or filled == folder or os.path.commonpath([filled, folder]) != folder:
        raise BlueprintError(
            f"{owner[0]} {owner[1]!r}: output_file={template!r}, filled in, is {filled!r} and leads out of its folder "
            f"{folder!r}"
        )
    return filled


def text_of_file(output: TaskOutput) -> str:
    """Return what an output_file holds: the answer's text, or JSON where the task has a form."""
    fields = output.json_dict if output.pydantic is None else output.pydantic.model_dump(mode="json")
    return output.raw if fields is None else json.dumps(fields, indent=2, ensure_ascii=False)


class WrittenFiles:
    """The files that the inputs of a batch write. `templates` holds (task, output_file)."""

    __slots__ = ("_templates", "_written")

    def __init__(self, templates: Sequence[tuple[str, str]]) -> None:
        self._templates = templates
        self._written: dict[str, int] = {}

    def add(self, inputs: Mapping[str, Any] | None, index: int) -> None:
        """Note the files of one more input. Raises BlueprintError if an earlier input writes one of them."""
        for task, template in self._templates:
            try:
                path = output_path(template, inputs, ("task", task))
            except BlueprintError:
                continue  # the input's own run fails with it, or a before_kickoff callback adds what is missing
            first = self._written.setdefault(path, index)
            if first != index:
                raise BlueprintError(
                    f"task {task!r}: inputs {first} and {index} would both write {path!r}. "
                    f"Put a {{placeholder}} that differs between the inputs into output_file={template!r}."
                )


class FileWriting(Harmless, msgspec.Struct, frozen=True, gc=False):
    """Writing a text to a file, as an Effect: another text, or another file, is written even where this one was."""

    path: str
    text: str

    @property
    def label(self) -> str:
        return self.path

    def content(self) -> bytes:
        return json.dumps((self.path, self.text)).encode("ascii")


def write_whole(
    path: str, text: str, *, create_directory: bool, token: str, wanted: Callable[[], bool] = lambda: True
) -> None:
    """Write `text` to `path` by rename, so that no reader ever sees half of it. `token` makes the draft's name unique.

    Where it is not `wanted` any more when the draft stands, nothing is written. Raises OSError that names `path`, after
    which neither the file nor a draft of it was touched.
    """
    try:
        _write_whole(path, text, create_directory, token, wanted)
    except OSError as error:
        missing = "" if create_directory or error.errno != errno.ENOENT else ", and create_directory is off"
        raise OSError(error.errno, f"output_file: {error.strerror}{missing}", path) from error


def _write_whole(path: str, text: str, create_directory: bool, token: str, wanted: Callable[[], bool]) -> None:
    folder = os.path.dirname(path)
    if create_directory:
        os.makedirs(folder, exist_ok=True)
    draft = os.path.join(folder, f".{token}.tmp")
    try:
        with open(draft, "x", encoding="utf-8", errors="replace") as file:  # half a surrogate pair loses no report
            file.write(text)
        if wanted():
            os.replace(draft, path)
    finally:
        with suppress(OSError):
            os.unlink(draft)
