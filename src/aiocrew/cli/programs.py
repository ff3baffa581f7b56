"""Running a Python program in this process, as `python script.py` and `python -m module` do."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any, Final

from aiocrew.errors import UsageError
from aiocrew.types.places import PACKAGE

__all__ = ["INTERRUPTED", "Program", "run_program"]

INTERRUPTED: Final = 130
"""128 + SIGINT, as a shell has it."""
_FAILED: Final = 1
_NOT_THE_PROGRAMS: Final = (PACKAGE, "<frozen importlib")
_WORKERS: Final = (
    ("concurrent.futures.thread", "_threads_queues"),
    ("concurrent.futures.process", "_threads_wakeups"),
)
"""Where the standard library keeps the threads of its executors: they end when the interpreter does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A script or a module, and what it is called with."""

    name: str
    """The path of a script; the name of a module, dots included."""
    is_module: bool
    arguments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the code of a program is."""

    file: str
    folder: str
    """What it can import from first."""
    spec: ModuleSpec | None = None


def run_program(program: Program) -> int:
    """Run a program to its end, its threads included, and return the exit code that Python would.

    It is `__main__` and has `sys.argv` and `sys.path[0]` of its own; they stay as they are afterwards. What it raises
    is shown as Python shows it. Raises UsageError where there is no such program.
    """
    source = None if program.is_module else _script(program.name)
    code, others = 0, set(threading.enumerate())
    with _terminated_orderly():
        try:
            _carry_out(program, source)
        except _NoModuleError as error:
            raise UsageError(str(error)) from None
        except SystemExit as leaving:
            code = _exit_code(leaving)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BaseException as error:
            _show(error)
            code = _FAILED
        try:
            _wait_for_threads(others)
        except KeyboardInterrupt:
            return INTERRUPTED
    return code


def _carry_out(program: Program, source: _Source | None) -> None:
    main = ModuleType("__main__")
    main.__annotations__ = {}
    sys.argv = ["-m" if source is None else program.name, *program.arguments]
    _import_from(os.getcwd() if source is None else source.folder)
    if source is None:
        source, code = _module(program.name)
        sys.argv[0] = source.file
    else:
        with io.open_code(source.file) as file:
            code = compile(file.read(), source.file, "exec", dont_inherit=True)
    main.__file__ = source.file
    main.__spec__ = source.spec
    main.__package__ = None if source.spec is None else source.spec.parent
    vars(main)["__cached__"] = None if source.spec is None else source.spec.cached
    main.__loader__ = SourceFileLoader("__main__", source.file) if source.spec is None else source.spec.loader
    sys.modules["__main__"] = main  # where pickle, dataclasses and pydantic look for what it defines
    exec(code, main.__dict__)


def _import_from(folder: str) -> None:
    # The place is that of the command's own folder, as for every Python program.
    if not sys.flags.safe_path:
        sys.path[:1] = [folder]


def _script(path: str) -> _Source:
    if os.path.isdir(path):
        raise UsageError(f"{path!r} is a folder: name a script in it, or give -m and the name of a module")
    if not os.path.exists(path):
        raise UsageError(f"there is no file {path!r} (the current folder is {os.getcwd()!r})")
    try:
        with open(path, "rb") as file:
            if b"\0" in file.read(4096):
                raise UsageError(f"{path!r} is no Python source")
    except OSError as error:
        raise UsageError(f"{path!r} cannot be read: {error.strerror}") from None
    return _Source(os.path.abspath(path), os.path.dirname(os.path.realpath(path)))


class _NoModuleError(Exception):
    """There is no module of that name that can be run."""


def _module(name: str) -> tuple[_Source, CodeType]:
    spec = _spec(name)
    if spec.submodule_search_locations is not None:
        name = f"{name}.__main__"
        spec = _spec(name)
    get_code: Any = getattr(spec.loader, "get_code", None)
    code = None if get_code is None else get_code(name)
    if not isinstance(code, CodeType):
        raise _NoModuleError(f"the module {name!r} is not written in Python")
    return _Source(spec.origin or code.co_filename, "", spec), code


def _spec(name: str) -> ModuleSpec:
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        raise _NoModuleError(
            f"{name!r} is no name of a module: give package.module, or the path of a script without -m"
        )
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None
    if spec is None:
        raise _NoModuleError(
            f"there is no module {name!r}: it was looked for in the current folder, {os.getcwd()!r}, and in what is "
            "installed"
        )
    return spec


def _exit_code(leaving: SystemExit) -> int:
    code = leaving.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return _FAILED


def _show(error: BaseException) -> None:
    """Show what the program raised as Python does, without the frames that called it."""
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_NOT_THE_PROGRAMS):
        traceback = traceback.tb_next
    error = error.with_traceback(traceback)
    try:
        sys.excepthook(type(error), error, traceback)
    except Exception as failure:  # the program's own
        for shown in (failure, error):
            sys.__excepthook__(type(shown), shown, shown.__traceback__)


def _wait_for_threads(others: set[threading.Thread]) -> None:
    """Wait for the threads that the program left, as Python does before it ends; those of executors have no end.

    others: those that were there before it.
    """
    while left := [thread for thread in threading.enumerate() if not thread.daemon and thread not in others]:
        workers = {worker for name, kept in _WORKERS for worker in getattr(sys.modules.get(name), kept, ())}
        ending = [thread for thread in left if thread not in workers]
        if not ending:
            return
        for thread in ending:
            thread.join()


@contextmanager
def _terminated_orderly() -> Generator[None]:
    """Let SIGTERM, which would end the process on the spot, end the program alone: servers are stopped that way."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is _leave:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # the second one is not asked for twice
    sys.exit(128 + number)
