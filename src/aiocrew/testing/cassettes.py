"""Recording what models, tools and callbacks gave, and replaying it offline."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import UsageError
from aiocrew.testing.errors import CassetteError
from aiocrew.testing.forbidding import forbid_model_requests
from aiocrew.testing.keys import lent_keys
from aiocrew.testing.redaction import Redactor
from aiocrew.testing.session import Session
from aiocrew.testing.tape import Tape, read_tape
from aiocrew.testing.taping import RecordingSteps, ReplayingSteps
from aiocrew.types.context import active_runtime

__all__ = ["Cassette", "Mode", "cassette"]

Mode: TypeAlias = Literal["once", "none", "all"]


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
            active_runtime.reset(token)


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
    block ends without an error. It holds no key: neither an LLM's, nor the value of an environment variable whose name
    looks secret.

    Raises CassetteError: where a run asks something else (the message says what has changed), for what was not recorded
    or not asked for, and for a file that is none. What a batch turned into a FailedRun is raised at the end of the
    block.
    """
    path = os.path.abspath(path)
    tape = _tape_of(path, mode)
    redactor = Redactor(os.environ)
    for name, secret in (redact or {}).items():
        redactor.add(secret, name)
    session = Session(path, redactor, tape)
    used = Cassette(path, tape is not None, session, in_real_time)
    if tape is None:
        with used.playing():
            yield used
        session.save()
        return
    with (
        forbid_model_requests(f"the cassette {path!r} is being replayed, and this call is no step of a run on it"),
        lent_keys(),
        used.playing(),
    ):
        yield used
    session.check(allow_unused=allow_unused)


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
