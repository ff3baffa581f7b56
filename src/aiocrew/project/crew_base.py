"""`@CrewBase`: a class becomes a project, with its configurations, agents and tasks as attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from aiocrew.errors import BlueprintError
from aiocrew.project.config_source import ConfigSource, folder_of, is_source, load_source
from aiocrew.project.config_table import ConfigTable
from aiocrew.project.parts import agents_of, tasks_of
from aiocrew.project.references import OF_AGENTS, OF_TASKS, Reference, resolved
from aiocrew.project.state import state_of

__all__ = ["CrewBase"]

T = TypeVar("T")

_ABSENT = object()


def CrewBase(cls: type[T], /) -> type[T]:
    """Make `cls` a project: it stays the same class, with these attributes.

    agents_config, tasks_config: the class names a YAML file (absolute, or relative to the file of the class;
        "config/agents.yaml" and "config/tasks.yaml" where it names none) or gives a dict. An instance has a mapping of
        entries: `Agent(config=self.agents_config["researcher"])`. A file is read when it is first used. Names of
        decorated methods in an entry stand for what these give: they are called when the entry is looked up.
    agents, tasks: what the methods decorated with @agent and @task give, in order of definition.
    base_directory: the folder of the class's file.

    Whatever an instance makes is its own. Subclasses are projects, too. For a type checker the class says
    `agents: list[Agent]`, `tasks: list[Task]` and `agents_config: Any = "config/agents.yaml"`.
    """
    if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise BlueprintError(f"@CrewBase decorates a class, not {cls!r}")
    _install(cls)
    _install_in_subclasses(cls)
    return cls


class _Config:
    """The attribute of a configuration: the class has what was written there, an instance the entries."""

    def __init__(self, name: str, source: ConfigSource, references: Mapping[str, Reference]) -> None:
        self.source = source
        self._name = name
        self._references = references

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        if instance is None:
            return self.source
        state = state_of(instance)
        with state.lock:
            if self._name not in state.tables:
                source = vars(instance).get(self._name, self.source)
                load = partial(load_source, instance, self._name, source)
                resolve = partial(resolved, references=self._references, project=instance)
                state.tables[self._name] = ConfigTable(load, resolve, state)
            return state.tables[self._name]

    def __set__(self, instance: object, value: ConfigSource) -> None:
        state = state_of(instance)
        with state.lock:
            vars(instance)[self._name] = value
            state.tables.pop(self._name, None)


class _Parts:
    """The attribute `agents` or `tasks`: filled when it is first asked for, and by the method decorated with @crew."""

    def __init__(self, name: str, parts_of: Callable[[Any], list[Any]]) -> None:
        self._name = name
        self._parts_of = parts_of

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        parts = self._parts_of(instance)
        return vars(instance).setdefault(self._name, parts)  # from now on found there, before this attribute


def _install(cls: type) -> None:
    if "base_directory" not in vars(cls):
        type.__setattr__(cls, "base_directory", folder_of(cls))
    _install_config(cls, "agents_config", "config/agents.yaml", OF_AGENTS)
    _install_config(cls, "tasks_config", "config/tasks.yaml", OF_TASKS)
    for name, parts_of in (("agents", agents_of), ("tasks", tasks_of)):
        if not hasattr(cls, name):
            setattr(cls, name, _Parts(name, parts_of))


def _install_config(cls: type, name: str, default: str, references: Mapping[str, Reference]) -> None:
    written: Any = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _ABSENT)
    if written is _ABSENT:
        setattr(cls, name, _Config(name, default, references))
    elif is_source(written):
        setattr(cls, name, _Config(name, written, references))
    # Anything else is the class's own: a property, or what a class above has installed.


def _install_in_subclasses(cls: type) -> None:
    own = vars(cls).get("__init_subclass__")

    def install_in_subclass(subclass: type, **kwargs: Any) -> None:
        if own is None:
            super(cls, subclass).__init_subclass__(**kwargs)
        else:
            own.__get__(None, subclass)(**kwargs)
        _install(subclass)

    type.__setattr__(cls, "__init_subclass__", classmethod(install_in_subclass))
