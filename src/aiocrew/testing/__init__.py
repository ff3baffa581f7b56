"""Means for tests of crews: scripted models, virtual time, cassettes, and a switch that forbids model requests."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiocrew.testing.cassettes import Cassette, cassette
    from aiocrew.testing.errors import CassetteError, DeadlockError, ScriptError
    from aiocrew.testing.forbidding import ModelRequestForbiddenError, forbid_model_requests
    from aiocrew.testing.models import Answer, FunctionModel, ScriptedModel
    from aiocrew.testing.replies import calls, prompt, structured
    from aiocrew.testing.virtual_loop import VirtualTimeLoop
    from aiocrew.testing.virtual_runs import EPOCH_S, VirtualClock, run_virtual, virtual_runtime

__all__ = [
    "EPOCH_S",
    "Answer",
    "Cassette",
    "CassetteError",
    "DeadlockError",
    "FunctionModel",
    "ModelRequestForbiddenError",
    "ScriptError",
    "ScriptedModel",
    "VirtualClock",
    "VirtualTimeLoop",
    "calls",
    "cassette",
    "forbid_model_requests",
    "prompt",
    "run_virtual",
    "structured",
    "virtual_runtime",
]

_HOME = {
    "EPOCH_S": "virtual_runs",
    "Answer": "models",
    "Cassette": "cassettes",
    "CassetteError": "errors",
    "DeadlockError": "errors",
    "FunctionModel": "models",
    "ModelRequestForbiddenError": "forbidding",
    "ScriptError": "errors",
    "ScriptedModel": "models",
    "VirtualClock": "virtual_runs",
    "VirtualTimeLoop": "virtual_loop",
    "calls": "replies",
    "cassette": "cassettes",
    "forbid_model_requests": "forbidding",
    "prompt": "replies",
    "run_virtual": "virtual_runs",
    "structured": "replies",
    "virtual_runtime": "virtual_runs",
}
"""The pytest plugin lies in this package and loads in every run of pytest: nothing else does before it is used."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aiocrew.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"aiocrew.testing.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
