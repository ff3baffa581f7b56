"""Loops in other forms as plain ones, and with which run a pass begins. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Mapping, Sequence

from aiocrew.seeing.check.names import Function, Scope
from aiocrew.seeing.check.rows import rest_of
from aiocrew.seeing.check.shape import own_nodes

__all__ = ["ends_with", "first_run", "loop_of_comprehension", "loop_that_takes_apart"]

_ITEMS = ("item", "one", "each")


def loop_of_comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp) -> ast.For | ast.AsyncFor:
    """Return the loop that carries out what `node` does."""
    element = ast.Tuple([node.key, node.value], ast.Load()) if isinstance(node, ast.DictComp) else node.elt
    body: list[ast.stmt] = [ast.copy_location(ast.Expr(element), node)]
    loop: ast.For | ast.AsyncFor | None = None
    for part in reversed(node.generators):
        for test in reversed(part.ifs):
            body = [ast.copy_location(ast.If(test, body, []), node)]
        kind = ast.AsyncFor if part.is_async else ast.For
        loop = ast.copy_location(kind(part.target, part.iter, body, []), node)
        body = [loop]
    assert loop is not None
    return loop


def loop_that_takes_apart(loop: ast.While, scope: Scope) -> ast.For | None:
    """Return `while todo: item = todo.pop()` as a loop over it, where the list is the function's own; else None."""
    name = _tested(loop.test)
    # A list that others reach may be the queue of several workers.
    own = scope.bound.get(name, []) if name else []
    if not own or any(binding.value is None for binding in own) or loop.orelse:
        return None
    item = next((one for one in _ITEMS if one not in {node.id for node in _names(loop)}), "")
    taking = _Taking(name, item)
    body = [taking.visit(copy.deepcopy(statement)) for statement in loop.body]
    uses = [node for node in _names(loop) if node.id == name]
    tested = [node for node in ast.walk(loop.test) if isinstance(node, ast.Name) and node.id == name]
    # Taken once in a pass, and used for nothing else: nothing is put back.
    if not item or taking.times != 1 or len(uses) - len(tested) != 1 or _is_reached(scope.node, name):
        return None
    target, source = ast.Name(item, ast.Store()), ast.Name(name, ast.Load())
    return ast.copy_location(ast.For(target, ast.copy_location(source, loop), body, []), loop)


def _names(node: ast.AST) -> list[ast.Name]:
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]


def _tested(test: ast.expr) -> str:
    match test:
        case ast.Name(id=name) | ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
            return name
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]),
            ops=[ast.Gt()],
            comparators=[ast.Constant(value=0)],
        ):
            return name
        case _:
            return ""


def _is_reached(around: ast.AST, name: str) -> bool:
    """Whether a function that is defined inside `around` uses the name."""
    inner = [node for node in ast.walk(around) if isinstance(node, Function | ast.Lambda) and node is not around]
    return any(isinstance(node, ast.Name) and node.id == name for one in inner for node in ast.walk(one))


class _Taking(ast.NodeTransformer):
    def __init__(self, name: str, item: str) -> None:
        self._name, self._item = name, item
        self.times = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Put the item in the place of the call that takes it."""
        match node.func:
            case ast.Attribute(value=ast.Name(id=name), attr="pop" | "popleft") if name == self._name:
                self.times += 1
                return ast.copy_location(ast.Name(self._item, ast.Load()), node)
            case _:
                return self.generic_visit(node)


def ends_with(run: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the loop around `run` ends when it has succeeded: it is tried again until then."""
    for one in rest_of(run, parents):
        if not isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr):
            return isinstance(one, ast.Return | ast.Break)
    return False


def first_run(body: Sequence[ast.stmt], runs: Collection[ast.Call]) -> ast.Call | None:
    """Return the run that each pass begins with, just once; None where that cannot be told."""
    if len(runs) == 1:
        only = next(iter(runs))
        in_loops = [node for node in own_nodes(body) if any(inner is only for inner in own_nodes(_repeated(node)))]
        return None if in_loops else only
    return _first(body, runs)


def _first(body: Sequence[ast.stmt], runs: Collection[ast.Call]) -> ast.Call | None:
    for statement in body:
        inside = [node for node in own_nodes([statement]) if node in runs]
        if not inside:
            continue
        match statement:
            case ast.With(items=items) | ast.AsyncWith(items=items):
                in_heads = [node for node in own_nodes([item.context_expr for item in items]) if node in runs]
                return _earliest(in_heads) if in_heads else _first(statement.body, runs)
            case ast.Try() | ast.TryStar():
                return _first(statement.body, runs)
            case ast.For(iter=head) | ast.AsyncFor(iter=head):
                return _earliest([node for node in own_nodes([head]) if node in runs])
            case ast.If() | ast.While() | ast.Match():
                return None
            case _:
                return None if _is_conditional(statement) else _earliest(inside)
    return None


def _earliest(nodes: Sequence[ast.AST]) -> ast.Call | None:
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return min(calls, key=lambda call: (call.lineno, call.col_offset), default=None)


def _is_conditional(statement: ast.stmt) -> bool:
    """Whether something within a statement decides how often its runs are carried out, one after another."""
    return any(isinstance(node, ast.IfExp | ast.BoolOp) or _repeated(node) for node in own_nodes([statement]))


def _repeated(node: ast.AST) -> list[ast.AST]:
    """Return what `node` carries out again and again, each time when it is done with the last: its body or elements."""
    match node:
        case ast.For(body=body) | ast.AsyncFor(body=body):
            return [*body]
        case ast.While(test=test, body=body):
            return [test, *body]
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            awaits = any(isinstance(inner, ast.Await) for inner in ast.walk(node))
            return [node] if awaits else []
        case _:
            return []
