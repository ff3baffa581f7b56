"""From MODULE:CREW to the crew that is meant; what is wrong with it is one line."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, cast

from aiocrew.cli.words import shortened
from aiocrew.crew.crew import Crew
from aiocrew.errors import UsageError

__all__ = ["FoundCrew", "build_crew", "find_crew"]

FoundCrew: TypeAlias = Crew | Callable[[], Any]

_FILE_MODULE = "aiocrew_run_"
"""A file's module is called this and the file's name, so that it takes no other module's place."""
_OWN = str(Path(__file__).parents[1])
_MESSAGE = 500


def find_crew(spec: str) -> FoundCrew:
    """Return the crew that `spec` names, or what gives it: a function, or the crew() of a class with @CrewBase.

    spec: "package.module:name" or "path/to/file.py:name". The current folder can be imported from, as with
    `python -m`, and beside a file its own folder. Raises UsageError that says what there is.
    """
    where, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    if not where:
        raise UsageError(f"{spec!r} names no module: give MODULE:CREW, such as crews.research:crew or crew.py:crew")
    module = _imported(where)
    if not name:
        raise UsageError(f"{spec!r} names no crew: give {where}:NAME; {_there_is(module, where)}")
    found: Any = getattr(module, name, None)
    if found is None:
        raise UsageError(f"{where} has no {name!r}; {_there_is(module, where)}")
    if isinstance(found, Crew):
        return found
    if _is_project(found):
        _check_no_arguments(found, spec)
        return lambda: found().crew()
    if isinstance(found, type) or not callable(found):
        raise UsageError(
            f"{spec} is {_kind(found)}: give the name of a Crew, of a function that returns one, or of a class with "
            "@CrewBase"
        )
    _check_no_arguments(found, spec)
    return cast("FoundCrew", found)


async def build_crew(found: FoundCrew, spec: str) -> Crew:
    """Return the crew, made by the function where a function was found. Raises UsageError when it gives none."""
    if isinstance(found, Crew):
        return found
    try:
        made = found()
        if inspect.isawaitable(made):
            made = await made
    except Exception as error:
        raise UsageError(f"{spec} raised {_told(error)}") from error
    if not isinstance(made, Crew):
        raise UsageError(f"{spec}() must return a Crew, it returned {_kind(made)}")
    return made


def _imported(where: str) -> ModuleType:
    is_file = where.endswith(".py") or os.sep in where
    if is_file and not Path(where).is_file():
        raise UsageError(f"there is no file {where!r} (the current folder is {os.getcwd()!r})")
    _make_importable(os.getcwd())
    try:
        return _from_file(Path(where)) if is_file else importlib.import_module(where)
    except (Exception, SystemExit) as error:
        if not is_file and _is_missing(where, error):
            raise UsageError(
                f"there is no module {where!r}: it was looked for in the current folder, {os.getcwd()!r}, and in what "
                "is installed"
            ) from error
        raise UsageError(f"{where} cannot be imported: {_told(error)}") from error


def _from_file(path: Path) -> ModuleType:
    _make_importable(str(path.resolve().parent))
    name = _FILE_MODULE + path.stem
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(path)!r} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look up the names in annotations there
    spec.loader.exec_module(module)
    return module


def _make_importable(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _is_missing(where: str, error: BaseException) -> bool:
    """Return whether the error says that `where` itself, or a package that it is in, is not there."""
    return isinstance(error, ModuleNotFoundError) and f"{where}.".startswith(f"{error.name}.")


def _told(error: BaseException) -> str:
    """Return an exception on one line, with the place in the user's code where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({_place(error.filename, error.lineno)})"
    said = f"{type(error).__name__}: {shortened(str(error), _MESSAGE)}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{said} ({_place(frames[-1].filename, frames[-1].lineno)})" if frames else said


def _is_users(filename: str) -> bool:
    return not filename.startswith(("<frozen ", _OWN)) and "site-packages" not in filename


def _place(filename: str | None, line: int | None) -> str:
    return f"{os.path.relpath(filename) if filename else 'its text'}, line {line}"


def _there_is(module: ModuleType, where: str) -> str:
    crews = [name for name, value in vars(module).items() if _gives_crew(value)]
    return f"there is {', '.join(crews)}" if crews else f"there is no crew in {where} at all"


def _is_project(value: Any) -> bool:
    # Not by @CrewBase itself, which would load YAML and all that for whoever has no project.
    return isinstance(value, type) and callable(getattr(value, "crew", None))


def _gives_crew(value: Any) -> bool:
    if isinstance(value, Crew) or (_is_project(value) and value is not Crew):
        return True
    return inspect.isfunction(value) and value.__annotations__.get("return") in (Crew, "Crew")


def _check_no_arguments(function: Callable[..., Any], spec: str) -> None:
    try:
        needed = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):  # not every callable tells; then calling it will
        return
    if needed:
        raise UsageError(
            f"{spec} needs {', '.join(needed)}: give the name of a Crew, or of a function or project without arguments "
            "that gives one"
        )


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"something of type {type(value).__name__}"
