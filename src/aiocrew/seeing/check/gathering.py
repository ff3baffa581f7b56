"""Kickoffs that are gathered so that one that fails takes the results of the others along."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aiocrew.seeing.check.doors import ASYNC_DOORS
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Scope

__all__ = ["gathers_without_isolation"]

_SINGLE = ASYNC_DOORS - {"kickoff_for_each_async", "akickoff_for_each"}
"""Doors whose failure is raised; those for many inputs give it as an outcome."""
_WRAPPERS = frozenset({"create_task", "ensure_future", "wait_for"})


def gathers_without_isolation(module: Module) -> Iterator[Found]:
    """Give each `asyncio.gather` of several kickoffs that does not return what they raise."""
    appended: dict[tuple[Scope, str], list[ast.expr]] | None = None
    for call in module.calls:
        if module.origin(call.node.func, call.scope) != "asyncio.gather" or _isolates(call.node):
            continue
        if appended is None:
            appended = _appended(module)
        if _gathers_kickoffs(module, call, appended):
            yield Found(
                call.node,
                "AIC501",
                "when one of these kickoffs fails, gather raises at once: the outputs of the others are lost, and they "
                "go on unseen",
                "await crew.kickoff_for_each_async(inputs), whose outcomes stand each for itself, or "
                "gather(..., return_exceptions=True)",
            )


def _isolates(gather: ast.Call) -> bool:
    for keyword in gather.keywords:
        if keyword.arg is None:
            return True  # **options may hold it
        if keyword.arg == "return_exceptions":
            return not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    return False


def _gathers_kickoffs(module: Module, call: Call, appended: dict[tuple[Scope, str], list[ast.expr]]) -> bool:
    kickoffs = 0
    for argument in call.node.args:
        if isinstance(argument, ast.Starred):
            # One expression stands for many kickoffs here.
            if any(_is_kickoff(item) for item in _items(module, argument.value, call.scope, appended)):
                return True
        else:
            kickoffs += _is_kickoff(argument)
    return kickoffs > 1


def _items(
    module: Module, collection: ast.expr, scope: Scope, appended: dict[tuple[Scope, str], list[ast.expr]]
) -> list[ast.expr]:
    match collection:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return items
        case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item):
            return [item]
        case ast.Name(id=name):
            binding = module.value(collection, scope)
            if binding is None or binding.scope is not scope or isinstance(binding.value, ast.Name | None):
                return []
            return _items(module, binding.value, scope, appended) + appended.get((scope, name), [])
        case _:
            return []


def _appended(module: Module) -> dict[tuple[Scope, str], list[ast.expr]]:
    """Return what is appended to each list, by the scope in which that happens."""
    found: dict[tuple[Scope, str], list[ast.expr]] = {}
    for call in module.calls:
        match call.node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]):
                found.setdefault((call.scope, name), []).append(item)
            case _:
                pass
    return found


def _is_kickoff(item: ast.expr) -> bool:
    match item:
        case ast.Call(func=ast.Attribute(attr=name), args=[inner, *_]) if name in _WRAPPERS:
            return _is_kickoff(inner)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SINGLE
        case _:
            return False
