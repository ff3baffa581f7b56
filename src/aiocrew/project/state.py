"""What one instance of a project has made: each thing once, and nothing of it seen by another instance."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from aiocrew.errors import BlueprintError
from aiocrew.project.places import Entry
from aiocrew.project.refusals import in_configuration

__all__ = ["State", "Work", "following", "note", "state_of"]

T = TypeVar("T")

_ATTRIBUTE = "_aiocrew_project"
_new_state = Lock()


@dataclass(frozen=True, slots=True)
class Work:
    """One call of a decorated method, as what tells it from other calls."""

    method: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Work:
        """Return the work of `method(self, *args, **kwargs)`."""
        return cls(method, args, tuple(sorted(kwargs.items())))

    def key(self) -> Hashable | None:
        """Return what is equal for equal work, None where an argument is not hashable."""
        # With the types: 1 and True are equal, and not the same.
        values: list[object] = [*self.args, *(value for _, value in self.kwargs)]
        key = (self, tuple(type(value) for value in values))
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def __str__(self) -> str:
        return f"{getattr(self.method, '__name__', self.method)}()"


@dataclass(slots=True)
class _Making:
    """A call of a decorated method."""

    owner: object
    work: Work
    key: Hashable | None
    used: list[Entry] = field(default_factory=list[Entry])
    at: str = ""
    """The place of the reference that it follows just now."""
    has_ended: bool = False
    """A thread or a task that the call began may outlive it."""


_under_way: ContextVar[tuple[_Making, ...]] = ContextVar("aiocrew_project_under_way", default=())
"""The calls that led here, the innermost last; what a method has done in threads and tasks belongs to them, too."""


class State:
    """What one instance has made so far.

    No lock is held while a method runs: what it kicks off may call methods of the same instance in other threads.
    """

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.tables: dict[str, Any] = {}
        self.lock = RLock()
        """Guards the tables; nobody calls the owner's methods while holding it."""
        self._made: dict[Hashable, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return State, (None,)  # a copy of the instance makes its own

    def once(self, work: Work, make: Callable[[], T]) -> T:
        """Return what `make` gave when this work was first asked for; unhashable arguments make anew every time.

        Threads that ask before it is there may make it each for itself; all are given what was there first. Raises
        BlueprintError for work that needs itself, and with file, line and key for what an Agent or a Task refuses of a
        configuration.
        """
        key = work.key()
        if key in self._made:
            return cast("T", self._made[key])
        self._refuse_circle(work, key)
        made = _make(_Making(self.owner, work, key), make)
        return made if key is None else cast("T", self._made.setdefault(key, made))

    def _refuse_circle(self, work: Work, key: Hashable | None) -> None:
        makings = [making for making in _under_way.get() if making.owner is self.owner and not making.has_ended]
        start = next((number for number, making in enumerate(makings) if making.key == key), None)
        if start is None or key is None:
            return
        chain = makings[start:]
        needed = [*(making.work for making in chain[1:]), work]
        steps = [
            f"{making.work} needs {other}" + (f" ({making.at})" if making.at else "")
            for making, other in zip(chain, needed, strict=True)
        ]
        raise BlueprintError(f"{type(self.owner).__name__} goes round in a circle: {', '.join(steps)}")


def note(entry: Entry) -> None:
    """Keep in mind that what is being made uses `entry`."""
    if makings := _under_way.get():
        makings[-1].used.append(entry)


@contextmanager
def following(place: str) -> Generator[None]:
    """Keep in mind, within the block, that what is being made follows the reference at `place`."""
    makings = _under_way.get()
    if not makings:
        yield
        return
    before, makings[-1].at = makings[-1].at, place
    try:
        yield
    finally:
        makings[-1].at = before


def _make(making: _Making, make: Callable[[], T]) -> T:
    token = _under_way.set((*_under_way.get(), making))
    try:
        return make()
    except ValidationError as error:
        placed = in_configuration(error, making.used)
        if placed is None:
            raise
        raise placed from error
    finally:
        making.has_ended = True
        _under_way.reset(token)


def state_of(instance: object) -> State:
    """Return the state of `instance`: always the same, and never that of a copy. BlueprintError if it can have none."""
    try:
        attributes = vars(instance)
    except TypeError:
        raise BlueprintError(
            f"{type(instance).__name__} has no room for what its decorated methods make: leave out its __slots__"
        ) from None
    state = attributes.get(_ATTRIBUTE)
    if not isinstance(state, State) or state.owner is not instance:
        with _new_state:
            state = attributes.get(_ATTRIBUTE)
            if not isinstance(state, State) or state.owner is not instance:
                state = attributes[_ATTRIBUTE] = State(instance)
    return state
