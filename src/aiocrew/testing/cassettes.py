"""Recording what models, tools and callbacks gave, and replaying it offline."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from aiocrew.aio.runtime import local_runtime
from aiocrew.aio.variables import set_back
from aiocrew.errors import UsageError
from aiocrew.models.providers import PROVIDERS
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.forbidding import forbid_model_requests
from aiocrew.testing.redaction import Redactor
from aiocrew.testing.session import Session
from aiocrew.testing.tape import Tape, read_tape
from aiocrew.testing.taping import RecordingSteps, ReplayingSteps
from aiocrew.types.context import active_runtime

__all__ = ["Cassette", "Mode", "cassette"]

Mode: TypeAlias = Literal["once", "none", "all"]

_LENT: Final = "lent-for-a-replay:"
_lock = threading.Lock()
_blocks = 0
_before: dict[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class Cassette:
    """A cassette that is in use."""

    path: str
    replays: bool
    """Its file is replayed; otherwise it is being recorded."""
    _session: Session
    _in_real_time: bool

    @contextmanager
    def playing(self) -> Generator[None]:
        """Let the cassette hold for runs that are made in this block, where the context is another one.

        Such as a coroutine's that a test runner started before.
        """
        runtime, session = local_runtime(), self._session
        if session in runtime.sinks:
            yield
            return
        if self.replays:
            steps = ReplayingSteps(runtime.steps, session, in_real_time=self._in_real_time)
        else:
            steps = RecordingSteps(runtime.steps, session)
        token = active_runtime.set(replace(runtime, steps=steps, sinks=(*runtime.sinks, session)))
        try:
            yield
        finally:
            set_back(token)


@contextmanager
def cassette(
    path: str | os.PathLike[str],
    mode: Mode = "once",
    *,
    in_real_time: bool = False,
    allow_unused: bool = False,
    redact: Mapping[str, str] | None = None,
) -> Generator[Cassette]:
    """Record every step of the runs that are made in this block to the file `path`, or replay them from it.

    mode: "once" replays where the file exists and records where it does not, "none" only replays, "all" records anew.
    in_real_time: replayed steps take as long as they took. Without it they do so on virtual time only, and else
        nothing.
    allow_unused: it is no error that recorded steps are not asked for.
    redact: more secrets, by the names that are to stand in their place.

    A step is found by its run (name and inputs), its path in it and what it asks. While replaying no tool, callback,
    guardrail or human is called and no request to a model may leave, in the whole process. The file is written when the
    block ends without an error. It holds no key: neither an LLM's, nor the value of an environment variable that looks
    secret, nor what looks like a key.

    Raises CassetteError: where a run asks something else (the message says what has changed), for what was not recorded
    or not asked for, and for a file that is none or cannot be written. What a batch turned into a FailedRun is raised
    at the end of the block. Raises UsageError for another mode, and for a `redact` without a value.
    """
    path = os.path.abspath(path)
    tape = _tape_of(path, mode)
    if tape is None:
        session = Session(path, _redactor(redact), None)
        used = Cassette(path, False, session, in_real_time)
        with used.playing():
            yield used
        session.save()
        return
    because = f"the cassette {path!r} is being replayed, and this call is no step of a run on it"
    with forbid_model_requests(because), _lent_keys():
        session = Session(path, _redactor(redact), tape)
        used = Cassette(path, True, session, in_real_time)
        with used.playing():
            yield used
    session.check(allow_unused=allow_unused)


def _redactor(redact: Mapping[str, str] | None) -> Redactor:
    redactor = Redactor(os.environ)
    for name, secret in (redact or {}).items():
        if not secret.strip():
            raise UsageError(
                f"cassette(redact={{{name!r}: ...}}): its value is empty, so that nothing can be taken out"
            )
        redactor.add(secret, name, shortest=1)
    return redactor


def _tape_of(path: str, mode: Mode) -> Tape | None:
    """Return what is to be replayed; None where it is to be recorded."""
    if mode not in get_args(Mode):
        raise UsageError(f"cassette(mode={mode!r}): it is one of {', '.join(map(repr, get_args(Mode)))}")
    tape = None if mode == "all" else read_tape(path)
    if tape is None and mode == "none":
        raise CassetteError(
            f"there is no cassette {path!r}: record it with mode='once' (pytest: --aiocrew-record=once)", path=path
        )
    return tape


@contextmanager
def _lent_keys() -> Generator[None]:
    """Let the environment have a key for every provider in this block: planning a run wants one, who replays has none.

    Those that it has stay as they are.
    """
    global _blocks
    with _lock:
        _blocks += 1
        if _blocks == 1:
            _lend()
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                _take_back()


def _lend() -> None:
    for provider in PROVIDERS.values():
        if provider.key_variables and not any(map(os.environ.get, provider.key_variables)):
            name = provider.key_variables[0]
            _before[name] = os.environ.get(name)
            os.environ[name] = _LENT + name


def _take_back() -> None:
    for name, value in _before.items():
        if os.environ.get(name) != _LENT + name:
            continue  # somebody has set it meanwhile
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    _before.clear()
