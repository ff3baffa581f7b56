"""The doors of crews, flows, agents, tasks and models: which of them wait in place, which give a coroutine."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocrew.seeing.check.module import Call, Module

__all__ = ["ASYNC_DOORS", "SYNC_DOORS", "async_door", "is_crew", "may_use_crews", "sync_door", "uses_crews"]

SYNC_DOORS = {
    "kickoff": "kickoff_async",
    "kickoff_for_each": "kickoff_for_each_async",
    "execute_sync": "aexecute_sync",
}
"""Methods that run something and return when it has ended, and what to await in their place."""

ASYNC_DOORS = frozenset(
    {"kickoff_async", "akickoff", "kickoff_for_each_async", "akickoff_for_each", "aexecute_sync"},
)
"""Methods that give a coroutine."""

_FAMILIES = frozenset({"aiocrew", "crewai", "crewai_tools"})
_WORDS = re.compile("crew|kickoff|aexecute_sync")
_UNMISTAKABLE = ASYNC_DOORS | {"kickoff_for_each"}
_CREWS = frozenset({"aiocrew.Crew()", "aiocrew.crew.Crew()", "crewai.Crew()", "crewai.crew.Crew()"})
_MODELS = frozenset({"aiocrew.LLM()", "aiocrew.models.llm.LLM()", "crewai.LLM()", "crewai.llm.LLM()"})


def may_use_crews(text: str) -> bool:
    """Whether a text can be that of a module that works with crews: without these words none of it can stand there."""
    return _WORDS.search(text) is not None


def uses_crews(module: Module) -> bool:
    """Whether a module works with aiocrew or CrewAI: by its imports, or by a name that no other library has."""
    return bool(module.imported & _FAMILIES) or any(_is_marked(call.node) for call in module.calls)


def sync_door(module: Module, call: Call) -> str:
    """Return the name of the synchronous door that is called, "" for any other call; of a model that is "call"."""
    match call.node.func:
        case ast.Attribute(value=receiver, attr=name) if name in SYNC_DOORS:
            certain = name != "kickoff" or module.imported & _FAMILIES or _is_marked(call.node)
            return name if certain and not module.own_method(receiver, name, call.scope) else ""
        case ast.Attribute(value=receiver, attr="call") if module.origin(receiver, call.scope) in _MODELS:
            return "call"
        case _:
            return ""


def async_door(module: Module, call: Call) -> str:
    """Return the name of the door whose coroutine is made, "" for any other call."""
    match call.node.func:
        case ast.Attribute(value=receiver, attr=name) if name in ASYNC_DOORS:
            return "" if module.own_method(receiver, name, call.scope) else name
        case ast.Attribute(value=receiver, attr="acall") if module.origin(receiver, call.scope) in _MODELS:
            return "acall"
        case _:
            return ""


def is_crew(module: Module, call: Call) -> bool:
    """Whether the receiver of a door is certainly a Crew, not an agent or a flow."""
    if not isinstance(call.node.func, ast.Attribute):
        return False
    receiver = call.node.func.value
    return module.origin(receiver, call.scope) in _CREWS or _gives_crew(receiver)


def _is_marked(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(attr=name) if name in _UNMISTAKABLE:
            return True
        case ast.Attribute(value=receiver, attr="kickoff"):
            return _gives_crew(receiver) or any(keyword.arg == "inputs" for keyword in call.keywords)
        case _:
            return False


def _gives_crew(receiver: ast.expr) -> bool:
    """Whether this is `Project().crew()`, as every project of CrewAI's template has it."""
    match receiver:
        case ast.Call(func=ast.Attribute(attr="crew"), args=[], keywords=[]):
            return True
        case _:
            return False
