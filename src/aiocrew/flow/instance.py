"""The object that a run works on, and what the run leaves on the flow that people hold.

A run's own copy of a flow begins with what the user set up, never with what another run has left: that is only shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from aiocrew.flow.copies import MUTABLE, copied, is_alike, likeness
from aiocrew.flow.state import State, begin_state, id_of

__all__ = ["begin", "publish", "show"]

F = TypeVar("F")

_SHOWN = "_flow_shown"
_RECORD = "_record"
_STATE = "_state"

_lock = threading.Lock()
"""Runs of one flow may end in the loops of several threads."""


class _Shown(msgspec.Struct, frozen=True):
    """What stands on a flow without being the user's."""

    setup: dict[str, Any]
    """The attributes that are."""
    values: dict[str, Any]
    likenesses: dict[str, Any]


class HasRunId(Protocol):
    """What tells of a run; a flow keeps it while it shows what that run has left."""

    @property
    def run_id(self) -> str: ...


def begin(flow: F, kind: Any, inputs: Mapping[str, Any] | None, name: str, record: HasRunId) -> F:
    """Return the object for one run of `flow`: with copies of the containers and the state that the user set up."""
    with _lock:
        setup = _setup(flow)
    for attribute, value in _class_containers(type(flow)).items():
        setup.setdefault(attribute, value)
    own: State | None = setup.pop(_STATE, None)
    instance = object.__new__(type(flow))  # not by copy.copy: how users have a flow copied is for copies of theirs
    vars(instance).update(copied(setup))
    vars(instance)[_STATE] = begin_state(own, kind, inputs, name, record.run_id)
    vars(instance)[_RECORD] = record
    return instance


def publish(flow: object, instance: object) -> None:
    """Show on `flow` what the run that worked on `instance` has left, in place of what another one has.

    Where `flow` is itself the object of a run, which was kicked off from within, nothing is: its state is in use.
    """
    if _RECORD in vars(flow) and _SHOWN not in vars(flow):
        return
    values = dict(vars(instance))
    likenesses = likeness(values)
    with _lock:
        setup = _setup(flow)
        attributes = vars(flow)
        for name in attributes.keys() - setup.keys() - values.keys():
            del attributes[name]  # another run's
        attributes.update(values)
        attributes[_SHOWN] = _Shown(setup, values, likenesses)


def show(flow: object, make: Callable[[], State]) -> State:
    """Return the flow's state; where there is none yet, one that `make` gives, which counts once it is changed."""
    attributes = vars(flow)
    if attributes.get(_STATE) is None:
        state = make()
        like = likeness(state)
        with _lock:
            if attributes.get(_STATE) is None:  # else another thread was first
                shown: _Shown = attributes.get(_SHOWN) or _Shown(_setup(flow), {}, {})
                values, likenesses = {**shown.values, _STATE: state}, {**shown.likenesses, _STATE: like}
                attributes[_SHOWN] = _Shown(shown.setup, values, likenesses)
                attributes[_STATE] = state
    return attributes[_STATE]


def _setup(flow: object) -> dict[str, Any]:
    """Return the attributes that the user set: what is shown is left out, unless it was changed since."""
    now = dict(vars(flow))
    record: HasRunId | None = now.get(_RECORD)
    shown: _Shown | None = now.pop(_SHOWN, None)
    if shown is None:
        setup = now
    else:
        setup = dict(shown.setup)
        for name in now.keys() | shown.values.keys():
            if name not in now:
                setup.pop(name, None)  # the user deleted it
            elif name not in shown.values or not _is_as_shown(now[name], name, shown):
                setup[name] = now[name]
    setup.pop(_RECORD, None)
    state: State | None = setup.get(_STATE)
    if isinstance(state, dict) and record is not None and id_of(state) == record.run_id:
        setup[_STATE] = {key: value for key, value in state.items() if key != "id"}  # that id was one run's
    return setup


def _is_as_shown(value: Any, name: str, shown: _Shown) -> bool:
    return value is shown.values[name] and is_alike(value, shown.likenesses[name])


def _class_containers(kind: type) -> dict[str, Any]:
    """Return the containers that stand in the flow's classes: a run must not change them for all others."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        found.update({name: value for name, value in vars(base).items() if not name.startswith("__")})
    return {name: value for name, value in found.items() if type(value) in MUTABLE}
