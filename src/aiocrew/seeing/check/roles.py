"""What an async function is for: a tool, a callback, a route, a method of a flow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from aiocrew.seeing.check.names import decorators_of

if TYPE_CHECKING:
    from aiocrew.seeing.check.module import Module
    from aiocrew.seeing.check.names import Function, Scope

__all__ = ["roles_of"]

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_route", "route"})
_FLOW = frozenset({"start", "listen", "router"})
_CALLBACKS = frozenset({"callback", "before_kickoff", "after_kickoff", "before_llm_call", "after_llm_call"})
_KEYWORDS = frozenset(
    {"step_callback", "task_callback", "callback", "guardrail", "guardrails", "callbacks", "condition"}
    | {"before_kickoff_callbacks", "after_kickoff_callbacks", "cache_function"}
)
_FAMILIES = ("aiocrew.", "crewai.", "crewai_tools.")


def roles_of(module: Module) -> dict[ast.AST, str]:
    """Return the role of each function of `module` that has one."""
    roles: dict[ast.AST, str] = {}
    for node, scope in module.scopes.items():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and scope.parent is not None:
            role = _role(module, node, scope.parent)
            if role:
                roles[node] = role
    for call in module.calls:
        for keyword in call.node.keywords:
            if keyword.arg not in _KEYWORDS:
                continue
            listed = keyword.value.elts if isinstance(keyword.value, ast.List | ast.Tuple) else [keyword.value]
            for value in listed:
                given = module.definition(value, call.scope)
                if given is not None:
                    roles.setdefault(given, "callback")
    return roles


def _role(module: Module, function: Function, around: Scope) -> str:
    if isinstance(around.node, ast.ClassDef) and function.name in {"_run", "_arun"}:
        return "tool"
    for decorator, named in zip(function.decorator_list, decorators_of(function), strict=True):
        origin = module.origin(named, around)
        name = origin.rpartition(".")[2]
        if origin.startswith(_FAMILIES):
            if name == "tool":
                return "tool"
            if name in _FLOW:
                return "method of a flow"
            if name in _CALLBACKS:
                return "callback"
        elif isinstance(decorator, ast.Call) and isinstance(named, ast.Attribute) and named.attr in _VERBS:
            return "route"
    return ""
