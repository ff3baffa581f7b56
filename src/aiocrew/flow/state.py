"""The state with which a run of a flow begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast, get_origin

from pydantic import AliasChoices, BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import BlueprintError
from aiocrew.flow.copies import own_state

__all__ = ["FlowState", "State", "begin_state", "fresh_state", "id_of"]

State: TypeAlias = BaseModel | dict[str, Any]


def _new_id() -> str:
    return local_runtime().new_id()


class FlowState(BaseModel):
    """A base for states that have an id; unless it is given, each run has its own."""

    id: str = Field(default_factory=_new_id)


def id_of(state: State) -> str:
    """Return the state's id; empty where it has none."""
    return str((state.get("id") if isinstance(state, dict) else getattr(state, "id", None)) or "")


def fresh_state(kind: Any, flow: str, given: Mapping[str, Any] | None = None) -> State:
    """Return a new state of `kind`: None and dict give a dict, a model's class a model, an instance a copy of it.

    Raises BlueprintError, which names the flow, for another kind, and for what is given and does not fit.
    """
    if kind is None:
        return dict(given or {})
    kind = get_origin(kind) or kind
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _validated(kind, {}, given or {}, flow)
    state: Any = cast("Any", kind()) if isinstance(kind, type) and issubclass(kind, dict) else own_state(kind)
    if not isinstance(state, BaseModel | dict):
        shown = kind.__name__ if isinstance(kind, type) else type(kind).__name__
        raise BlueprintError(f"the state of flow {flow!r} must be a pydantic model or a dict, not {shown}")
    return _merged(cast("State", state), given or {}, flow)


def begin_state(own: State | None, kind: Any, inputs: Mapping[str, Any] | None, flow: str, run_id: str) -> State:
    """Return the state of one run: a copy of `own`, or a fresh one where that is None, with the inputs merged in.

    A state with an id that nobody gave has the run's. A model that knows of no id shows one all the same, as a plain
    attribute beside its fields.
    """
    inputs = inputs or {}
    state = fresh_state(kind, flow, inputs) if own is None else _merged(own_state(own), inputs, flow)
    if isinstance(state, dict):
        state.setdefault("id", run_id)
    elif isinstance(state, FlowState) and "id" not in state.model_fields_set:
        vars(state)["id"] = run_id
    elif _knows_no_id(type(state)) and "id" not in (state.model_extra or {}):
        vars(state)["id"] = str(inputs.get("id") or run_id)
    return state


def _knows_no_id(kind: type[BaseModel]) -> bool:
    return "id" not in kind.model_fields and not hasattr(kind, "id")


def _merged(state: State, given: Mapping[str, Any], flow: str) -> State:
    if isinstance(state, dict):
        state.update(given)
        return state
    if not given:
        return state
    set_fields = type(state).model_fields.keys() & state.model_fields_set
    had = {**{name: state.__dict__[name] for name in set_fields}, **(state.model_extra or {})}
    return _validated(type(state), had, given, flow, state)


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]


def _validated(
    kind: type[BaseModel], had: Mapping[str, Any], given: Mapping[str, Any], flow: str, old: BaseModel | None = None
) -> BaseModel:
    by_key = {key: name for name, field in kind.model_fields.items() for key in (name, *_aliases(field))}
    takes_more = kind.model_config.get("extra") == "allow"
    if not takes_more and "id" not in by_key and _knows_no_id(kind):
        given = {name: value for name, value in given.items() if name != "id"}  # begin_state shows it
    unknown = [name for name in given if name not in by_key]
    if unknown and not takes_more:
        raise BlueprintError(
            f"flow {flow!r} was given {', '.join(map(repr, unknown))}, but its state {kind.__name__} has no such "
            f"field: it has {', '.join(kind.model_fields) or 'none'}"
        )
    values = {**had, **{by_key.get(name, name): value for name, value in given.items()}}
    try:
        new = kind.model_validate(values, by_name=True, by_alias=True)
    except ValidationError as error:
        raise BlueprintError(f"what flow {flow!r} was given does not fit its state: {error}") from error
    if old is not None:  # what was not set stays as it is: a default may be made anew each time
        for name in kind.model_fields.keys() - values.keys():
            vars(new)[name] = vars(old)[name]
    return new
