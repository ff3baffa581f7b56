"""Kickoffs that are gathered so that one that fails takes the results of the others along."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import takewhile

from aiocrew.seeing.check.awaiting import awaited_at
from aiocrew.seeing.check.doors import ASYNC_DOORS, async_door
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.functions import Functions
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Scope, holders

__all__ = ["gathers_without_isolation"]

_SINGLE = ASYNC_DOORS - {"kickoff_for_each_async", "akickoff_for_each"}
"""Doors whose failure is raised; those for many inputs give it as an outcome."""
_WRAPPERS = frozenset({"create_task", "ensure_future", "wait_for"})


def gathers_without_isolation(module: Module) -> Iterator[Found]:
    """Give each `asyncio.gather` of several kickoffs that does not return what they raise."""
    gathers = [call for call in module.calls if module.origin(call.node.func, call.scope) == "asyncio.gather"]
    if not gathers:
        return
    kickoffs = _Kickoffs(module)
    for call in gathers:
        if not _isolates(call.node) and kickoffs.are_several(call):
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


class _Kickoffs:
    """Says of what is gathered whether it is a kickoff, or a function of the module that lets one fail."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._functions = Functions(module)
        self._appended: defaultdict[tuple[Scope, str], list[ast.expr]] = defaultdict(list)
        self._failing: set[ast.AST] = set()
        for call in module.calls:
            match call.node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]):
                    self._appended[call.scope, name].append(item)
                case _:
                    pass
            if async_door(module, call) in _SINGLE and self._is_open(call):
                self._failing.add(call.scope.node)

    def _is_open(self, call: Call) -> bool:
        """Whether a kickoff is awaited, and what it raises is caught nowhere in its function."""
        holder = awaited_at(call.node, self._module.parents)
        if not isinstance(holder, ast.Await):
            return False
        inside = takewhile(lambda one: one is not call.scope.node, holders(holder, self._module.parents))
        return not any(isinstance(one, ast.Try | ast.TryStar | ast.With | ast.AsyncWith) for one in inside)

    def are_several(self, gather: Call) -> bool:
        kickoffs = 0
        for argument in gather.node.args:
            if isinstance(argument, ast.Starred):
                # One expression stands for many kickoffs here.
                if any(self._is_one(item, gather.scope) for item in self._items(argument.value, gather.scope)):
                    return True
            else:
                kickoffs += self._is_one(argument, gather.scope)
        return kickoffs > 1

    def _items(self, collection: ast.expr, scope: Scope) -> list[ast.expr]:
        match collection:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return items
            case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item):
                return [item]
            case ast.Name(id=name):
                binding = self._module.value(collection, scope)
                if binding is None or binding.scope is not scope or isinstance(binding.value, ast.Name | None):
                    return []
                return self._items(binding.value, scope) + self._appended.get((scope, name), [])
            case _:
                return []

    def _is_one(self, item: ast.expr, scope: Scope) -> bool:
        match item:
            case ast.Call(func=ast.Attribute(attr=name), args=[inner, *_]) if name in _WRAPPERS:
                return self._is_one(inner, scope)
            case ast.Call(func=ast.Attribute(attr=name)) if name in _SINGLE:
                return True
            case ast.Call(func=function):
                return self._functions.undecorated(function, scope) in self._failing
            case _:
                return False
