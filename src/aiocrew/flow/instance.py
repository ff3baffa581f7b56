"""The object that a run works on, and what the run leaves on the flow that people hold.

A run's own copy of a flow begins with what the user set up, never with what another run has left: that is only shown.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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
    run_id: str = ""


def begin(flow: F, kind: Any, inputs: Mapping[str, Any] | None, name: str, run_id: str, record: object) -> F:
    """Return the object for one run of `flow`: with copies of the containers and the state that the user set up.

    `record` is what tells of the run.
    """
    with _lock:
        setup = _setup(flow)
    for attribute, value in _class_containers(type(flow)).items():
        setup.setdefault(attribute, value)
    own: State | None = setup.pop(_STATE, None)
    instance = copy.copy(flow)
    vars(instance).clear()
    vars(instance).update(copied(setup))
    vars(instance)[_STATE] = begin_state(own, kind, inputs, name, run_id)
    vars(instance)[_RECORD] = record
    return instance


def publish(flow: object, instance: object, run_id: str) -> None:
    """Show on `flow` what the run that worked on `instance` has left, in place of what another one has.

    Where `flow` is itself the object of a run, which was kicked off from within, nothing is: its state is in use.
    """
    if _RECORD in vars(flow) and _SHOWN not in vars(flow):
        return
    with _lock:
        setup = _setup(flow)
        values = dict(vars(instance))
        attributes = vars(flow)
        for name in attributes.keys() - setup.keys() - values.keys():
            del attributes[name]  # another run's
        attributes.update(values)
        attributes[_SHOWN] = _Shown(setup, values, likeness(values), run_id)


def show(flow: object, make: Callable[[], State]) -> State:
    """Return the flow's state; where there is none yet, one that `make` gives, which counts once it is changed."""
    attributes = vars(flow)
    state: State | None = attributes.get(_STATE)
    if state is None:
        state = make()
        with _lock:
            shown: _Shown = attributes.get(_SHOWN) or _Shown(_setup(flow), {}, {})
            likenesses = {**shown.likenesses, _STATE: likeness(state)}
            attributes[_SHOWN] = _Shown(shown.setup, {**shown.values, _STATE: state}, likenesses, shown.run_id)
            attributes[_STATE] = state
    return state


def _setup(flow: object) -> dict[str, Any]:
    """Return the attributes that the user set: what is shown is left out, unless it was changed since."""
    now = dict(vars(flow))
    shown: _Shown | None = now.pop(_SHOWN, None)
    if shown is None:
        now.pop(_RECORD, None)
        return now
    setup = dict(shown.setup)
    for name in now.keys() | shown.values.keys():
        if name not in now:
            setup.pop(name, None)  # the user deleted it
        elif name not in shown.values or not _is_as_shown(now[name], name, shown):
            setup[name] = now[name]
    state: State | None = setup.get(_STATE)
    if isinstance(state, dict) and shown.run_id and id_of(state) == shown.run_id:
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
