"""Coroutines of crews that nobody awaits: the crew never runs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from aiocrew.seeing.check.doors import async_door, uses_crews
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.inlining import scope_of
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Function

__all__ = ["unawaited_coroutines"]

_OF_COROUTINES = frozenset({"send", "throw", "close", "add_done_callback"})
_SHOWN_BY = frozenset({"builtins.print", "builtins.str", "builtins.repr", "builtins.len"})


def unawaited_coroutines(module: Module) -> Iterator[Found]:
    """Give each call of an async door whose coroutine certainly comes to nothing."""
    if not uses_crews(module):
        return
    uses: dict[ast.AST, defaultdict[str, list[ast.Name]]] = {}
    for call in module.calls:
        door = async_door(module, call)
        if door and _is_lost(module, call, uses):
            yield Found(
                call.node,
                "AIC301",
                f"{door}() gives a coroutine that is never awaited, so nothing runs",
                f"await {_shown(call.node)}",
            )


def _shown(node: ast.Call) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{ast.unparse(node.func)}(...)"


def _is_lost(module: Module, call: Call, uses: dict[ast.AST, defaultdict[str, list[ast.Name]]]) -> bool:
    match module.parents.get(call.node):
        case ast.Expr():
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            if len(call.scope.bound.get(name, ())) != 1:
                return False
            around = call.scope.node
            if around not in uses:
                uses[around] = _names_read(around)
            read = uses[around][name]
            # Of a module's names others may make use, unless it treats one as an output itself.
            is_own = isinstance(around, Function) or any(scope_of(use, module) is call.scope for use in read)
            return is_own and all(_reads_output(module, use, call) for use in read)
        case _:
            return _reads_output(module, call.node, call)


def _names_read(around: ast.AST) -> defaultdict[str, list[ast.Name]]:
    found: defaultdict[str, list[ast.Name]] = defaultdict(list)
    for node in ast.walk(around):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            found[node.id].append(node)
    return found


def _reads_output(module: Module, use: ast.expr, made: Call) -> bool:
    """Whether the coroutine that `made` makes is used as if it were the output: `result.raw`, `print(result)`."""
    match module.parents.get(use):
        case ast.Attribute(attr=name):
            return name not in _OF_COROUTINES
        case ast.FormattedValue():
            return True
        case ast.Call() as taker:
            return module.origin(taker.func, made.scope) in _SHOWN_BY
        case _:
            return False
