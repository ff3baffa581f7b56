"""Whose line it is: the user's, a library's or aiocrew's own. Pure, but for where libraries lie."""

from __future__ import annotations

import asyncio
import os
import sysconfig
from enum import Enum, auto
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, Final

import msgspec

from aiocrew.aio.watch import Frame, Stack
from aiocrew.seeing.report import Cause
from aiocrew.types.places import PACKAGE

__all__ = [
    "NO_SITE",
    "Blame",
    "Caller",
    "Owner",
    "Site",
    "blame_for_block",
    "calling_site",
    "lines_until_loop",
    "owner_of",
    "owner_of_task",
    "runs_the_loop",
]


class Owner(Enum):
    """To whom a file belongs."""

    USER = auto()
    OURS = auto()
    LIBRARY = auto()
    """Somebody else's distribution."""
    STANDARD = auto()


_STANDARD: Final = tuple(
    os.path.normcase(os.path.realpath(path)) + os.sep
    for path in {sysconfig.get_path("stdlib"), os.path.dirname(os.__file__)}
)
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_RUNS_LOOP: Final = frozenset({"_run", "_run_once", "run_forever", "run_until_complete", "run", "start"})
_CALLBACKS: Final = tuple(
    PACKAGE + os.path.join(*parts) for parts in (("agent", "callbacks.py"), ("agent", "judging.py"))
)
_READERS: Final = PACKAGE + os.path.join("types", "context.py")
_TELLING: Final = frozenset({"tell", "emit", "_tell_each"})
_DOOR: Final = PACKAGE + os.path.join("aio", "door.py")
_CLIENT: Final = PACKAGE + "net" + os.sep
_GIVEN: Final = tuple(
    PACKAGE + os.path.join(*parts)
    for parts in (
        ("tools", "calling.py"),
        ("aio", "functions.py"),
        ("models", "foreign_calls.py"),
        ("agent", "asking.py"),
    )
)
"""From here somebody else's code is called because the user gave it to us."""


_CALLERS: Final = (
    (PACKAGE + "tools" + os.sep, "tool"),
    (PACKAGE + os.path.join("agent", "judging.py"), "guardrail"),
    (PACKAGE + os.path.join("agent", "callbacks.py"), "callback"),
    (PACKAGE + "flow" + os.sep, "method"),
    (PACKAGE + "models" + os.sep, ""),
)
"""Where somebody else's code is called, and as what; a model that somebody wrote is named by its own lines."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """The function of the user's that aiocrew called, by way of which a line was reached."""

    kind: str
    """tool, guardrail, callback, or method of a flow."""
    frame: Frame
    """Where it stands: in this function, at the line that called on."""


class Blame(msgspec.Struct, frozen=True, gc=False):
    """Which line keeps a loop from going on, and in what part."""

    cause: Cause
    frame: Frame
    doing: str
    """What it was doing: the function that it called, "" where it is its own work."""
    caller: Caller | None = None
    """On whose behalf; None where aiocrew did not call it."""


@lru_cache(maxsize=4096)
def owner_of(file: str) -> Owner:
    """Return to whom the code of `file` belongs."""
    if file.startswith(PACKAGE):
        return Owner.OURS
    if any(part in file for part in _INSTALLED):
        return Owner.LIBRARY
    if file.startswith("<frozen ") or os.path.normcase(os.path.realpath(file)).startswith(_STANDARD):
        return Owner.STANDARD
    return Owner.USER


@lru_cache(maxsize=4096)
def _is_of_loop(file: str) -> bool:
    name = file.replace("\\", "/")
    return "/asyncio/" in name or "/uvloop/" in name


def runs_the_loop(file: str, function: str) -> bool:
    """Return whether that is where an event loop calls what it runs."""
    return function in _RUNS_LOOP and _is_of_loop(file)


def _runs_the_loop(frame: Frame) -> bool:
    return runs_the_loop(frame.file, frame.function)


def blame_for_block(stack: Stack) -> Blame | None:
    """Return which line keeps a loop from going on, of what was seen of its thread; None where it is nobody's fault.

    The innermost line of the user's is to blame, unless aiocrew stands between it and what goes on. Of a library that
    was given to aiocrew (a tool, a callback) its own line is.
    """
    inner: list[Frame] = []
    for place, frame in enumerate(stack):
        owner = owner_of(frame.file)
        if owner is Owner.USER:
            outer = stack[place + 1 :]
            if _in_our_client(outer) or _in_a_socket(outer):
                return None
            return Blame(_cause(outer), frame, _doing(inner), _caller(frame, outer))
        if owner is Owner.OURS:
            theirs = next((other for other in inner if owner_of(other.file) is Owner.LIBRARY), None)
            if theirs is None or frame.file not in _GIVEN:
                return None
            outer = stack[place:]
            return Blame(_cause(outer), theirs, _doing(inner[: inner.index(theirs)]), _caller(theirs, outer))
        if _runs_the_loop(frame):
            return None
        inner.append(frame)
    return None


def _in_our_client(outer: Stack) -> bool:
    """Return whether code of the user's is called by what sends our own requests: a patched socket, say."""
    ours = next((frame for frame in outer if owner_of(frame.file) is Owner.OURS or _runs_the_loop(frame)), None)
    return ours is not None and ours.file.startswith(_CLIENT)


def _in_a_socket(outer: Stack) -> bool:
    """Return whether code of the user's stands in for a method of a socket that asyncio calls, which never waits."""
    return bool(outer) and outer[0].function.lstrip("_").startswith("sock_") and _is_of_loop(outer[0].file)


def _cause(outer: Stack) -> Cause:
    """Return what kind of code it is that was called from `outer`."""
    for frame in outer:
        if _runs_the_loop(frame):
            break
        if frame.file == _READERS and frame.function in _TELLING:
            return Cause.SLOW_READER
        if frame.file in _CALLBACKS:
            return Cause.BLOCKING_CALLBACK
        if frame.file in _GIVEN and "tools" in frame.file:
            break
    return Cause.BLOCKED_LOOP


def _caller(blamed: Frame, outer: Stack) -> Caller | None:
    """Return which of the user's functions was called for `blamed` to be reached from `outer`."""
    entered, is_ours = blamed, False
    for frame in outer:
        if _runs_the_loop(frame):
            break
        owner = owner_of(frame.file)
        if owner is Owner.OURS:
            is_ours = True
            kind = next((kind for place, kind in _CALLERS if frame.file.startswith(place)), None)
            if kind is not None:
                return Caller(kind, entered) if kind else None
        elif owner is Owner.USER:
            if is_ours:
                break
            entered = frame
    return None


def _doing(inner: list[Frame]) -> str:
    """Return what the line called, the outermost of it: `requests.get` rather than the socket below."""
    if not inner:
        return ""
    called = inner[-1]
    module = os.path.splitext(os.path.basename(called.file))[0]
    if module == "__init__":
        module = os.path.basename(os.path.dirname(called.file))
    return f"{module}.{called.function}"


class Site(msgspec.Struct, frozen=True, gc=False):
    """Where something was begun."""

    lines: tuple[Frame, ...]
    """The user's lines that await it, the innermost first; empty where a task of its own does."""
    is_sync: bool
    """By a synchronous door, so that its thread waited."""


NO_SITE: Final = Site((), is_sync=False)


def calling_site(frame: FrameType | None) -> Site:
    """Return which lines of the user's await what goes on in `frame`, or wait for the loop that it runs on."""
    lines, frame = lines_until_loop(frame)
    if lines:
        return Site(lines, is_sync=False)
    while frame is not None:  # below the loop: did one of our own doors start it?
        if frame.f_code.co_filename == _DOOR:
            lines, _ = lines_until_loop(frame)
            return Site(lines, is_sync=True) if lines else NO_SITE
        frame = frame.f_back
    return NO_SITE


def lines_until_loop(frame: FrameType | None) -> tuple[tuple[Frame, ...], FrameType | None]:
    """Return the lines of the user's from `frame` on, up to where an event loop runs it, and that frame.

    It is called for every run, so it is quick.
    """
    lines: list[Frame] = []
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        owner = _OWNERS.get(file) or _known(file)
        if owner is Owner.USER:
            lines.append(Frame(file, frame.f_lineno or code.co_firstlineno, code.co_name))
        elif owner is Owner.STANDARD and runs_the_loop(file, code.co_name):
            break
        frame = frame.f_back
    return tuple(lines), frame


def owner_of_task(task: asyncio.Task[Any]) -> Owner:
    """Return to whom the coroutine belongs that `task` was made of; a library's, where it is none of Python's."""
    code: CodeType | None = getattr(task.get_coro(), "cr_code", None)
    return Owner.LIBRARY if code is None else _OWNERS.get(code.co_filename) or _known(code.co_filename)


_OWNERS: Final[dict[str, Owner]] = {}


def _known(file: str) -> Owner:
    owner = _OWNERS[file] = owner_of(file)
    return owner
