"""Names of CrewAI's internals that its test files import, so that the files can be collected: none of them works."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, NoReturn

__all__ = ["put_up"]

_INTERNALS = {
    "crewai.agents.agent_builder.utilities.base_token_process": ("TokenProcess",),
    "crewai.agents.crew_agent_executor": ("CrewAgentExecutor",),
    "crewai.agents.parser": ("CrewAgentParser", "OutputParserException"),
    "crewai.memory.contextual.contextual_memory": ("ContextualMemory",),
    "crewai.tools.tool_calling": ("InstructorToolCalling",),
    "crewai.tools.tool_usage": ("ToolUsage",),
    "crewai.utilities": ("Logger", "RPMController"),
    "crewai.utilities.converter": (
        "convert_to_model",
        "convert_with_instructions",
        "create_converter",
        "get_conversion_instructions",
        "handle_partial_json",
        "validate_model",
    ),
    "crewai.utilities.pydantic_schema_parser": ("PydanticSchemaParser",),
    "crewai.utilities.rpm_controller": ("RPMController",),
    "crewai.utilities.task_output_storage_handler": ("TaskOutputStorageHandler",),
    "crewai.utilities.token_counter_callback": ("TokenCalcHandler",),
    "instructor": (),
}
"""Modules and the names that are asked of them. Instructor is a library that CrewAI calls, and aiocrew does not."""


class _Absent(type):
    """A class that is there by name only."""

    def __getattr__(cls, name: str) -> NoReturn:
        raise AttributeError(f"{cls.__module__}.{cls.__name__} is an internal of CrewAI: it has no {name} here")

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"{cls.__module__}.{cls.__name__} is an internal of CrewAI: it cannot be used here")


def put_up() -> None:
    """Leave every name of the table importable; what the compat member has itself is left alone."""
    for path, names in _INTERNALS.items():
        module = _module(path)
        for name in names:
            if module is not None and not hasattr(module, name):
                bases = (Exception,) if name.endswith("Exception") else ()
                setattr(module, name, _Absent(name, bases, {"__module__": path}))


def _module(path: str) -> ModuleType | None:
    """Return a module, an empty one where there is none; None for one that is there and does not load."""
    above, _, name = path.rpartition(".")
    parent = _module(above) if above else None
    if above and parent is None:
        return None
    if path in sys.modules or PathFinder.find_spec(path, getattr(parent, "__path__", None)) is not None:
        # The test that imports it is to show why it does not load.
        with suppress(ImportError):
            return importlib.import_module(path)
        return None
    module = sys.modules[path] = ModuleType(path)
    module.__path__ = []  # others may lie below it
    if parent is not None:
        setattr(parent, name, module)
    return module
