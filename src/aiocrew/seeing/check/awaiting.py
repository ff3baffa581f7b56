"""Where the end of a run is waited for: at once, as a task, in a group, or as a stream or handle. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from aiocrew.seeing.check.data_paths import reads
from aiocrew.seeing.check.names import Function, called_name, holders
from aiocrew.seeing.check.rows import block_of, rest_of
from aiocrew.seeing.check.shape import own_nodes, starts_loop

__all__ = ["as_kickoffs", "awaited_at", "makes_coroutine", "opened_in", "started_lines"]

_TASKS = frozenset({"create_task", "ensure_future"})
_TAKERS = frozenset({"wait_for", "shield", "gather", "wait", "aclosing", "list", "tuple", *_TASKS})
_STARTERS = frozenset({"shield", "gather", *_TASKS})
_HANDLES = frozenset({"stream", "start"})

Parents = Mapping[ast.AST, ast.AST]


def as_kickoffs(tree: ast.Module) -> None:
    """Turn `async with crew.start(...)`, and streams that are iterated, into kickoffs: to the order they are that."""
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFor(iter=opened):
                _turn(opened)
            case ast.AsyncWith(items=items):
                for item in items:
                    _turn(item.context_expr)
            case _:
                pass


def _turn(opened: ast.expr) -> None:
    match opened:
        case ast.Call(func=ast.Attribute(attr=name) as door) if name in _HANDLES:
            door.attr = "kickoff_async"
        case ast.Call(func=ast.Name(id="aclosing") | ast.Attribute(attr="aclosing"), args=[inner]):
            _turn(inner)
        case _:
            pass


def opened_in(tree: ast.Module, line: int) -> Iterator[ast.Call]:
    """Give what `async with` and `async for` open whose head covers `line`."""
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFor(iter=head):
                heads = [head]
            case ast.AsyncWith(items=items):
                heads = [item.context_expr for item in items]
            case _:
                continue
        if node.lineno <= line <= (heads[-1].end_lineno or node.lineno):
            yield from (inner for head in heads for inner in ast.walk(head) if isinstance(inner, ast.Call))


def makes_coroutine(call: ast.Call, doors: frozenset[str]) -> bool:
    """Whether a call gives what is to be awaited still, by its name."""
    name = called_name(call)
    return name in _TASKS or name == "gather" or (isinstance(call.func, ast.Attribute) and name in doors)


def awaited_at(run: ast.Call, parents: Parents) -> ast.AST | None:
    """Return what waits until `run` has ended: an await, a block or a loop; None where its coroutine goes elsewhere.

    A task that is kept counts as awaited where the same pass awaits what it was kept in.
    """
    child: ast.AST = run
    holder = parents.get(run)
    while holder is not None:
        match holder:
            case ast.Await():
                return holder
            case ast.Call() if child in holder.args and starts_loop(holder):
                return holder
            case ast.AsyncFor(iter=opened) if opened is child:
                return holder
            case ast.withitem():
                block = parents.get(holder)
                return block if isinstance(block, ast.AsyncWith) else None
            case ast.Call() if child in holder.args and called_name(holder) in _TAKERS:
                group = _group_of(holder, parents) if called_name(holder) in _TASKS else None
                if group is not None:
                    return group
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "add")) if child in holder.args:
                return _awaited_later(name, holder, parents)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                return _awaited_later(name, holder, parents)
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt) if elt is child:
                pass
            case ast.Starred() | ast.List() | ast.Tuple() | ast.Set():
                pass
            case _:
                return None
        child, holder = holder, parents.get(holder)
    return None


def started_lines(run: ast.Call, parents: Parents) -> list[int]:
    """Return the lines in which the interpreter may be while it begins `run`, the likeliest first.

    Where a task is made of it that is the line that makes it, else the one that awaits it.
    """
    child: ast.AST = run
    holder = parents.get(run)
    while isinstance(holder, ast.Call | ast.Starred | ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.List):
        if isinstance(holder, ast.Call) and child in holder.args and called_name(holder) in _STARTERS:
            return [_line_of(holder)]
        child, holder = holder, parents.get(holder)
    match holder:
        case ast.Await():
            return [holder.lineno]
        case ast.AsyncFor(iter=opened):
            return _each_once(holder.lineno, opened.lineno)
        case ast.withitem(context_expr=opened):
            block = parents.get(holder)
            return _each_once(block.lineno if isinstance(block, ast.AsyncWith) else opened.lineno, opened.lineno)
        case ast.Assign() | ast.AnnAssign() if isinstance(place := awaited_at(run, parents), ast.Await):
            return [_line_of(place.value) if isinstance(place.value, ast.Call) else place.lineno]
        case _:
            return [_line_of(run)]


def _line_of(call: ast.Call) -> int:
    """Return the line of a call: of a method it is that of the method's name."""
    match call.func:
        case ast.Attribute(end_lineno=int(line)):
            return line
        case _:
            return call.lineno


def _each_once(*lines: int) -> list[int]:
    return list(dict.fromkeys(lines))


def _group_of(call: ast.Call, parents: Parents) -> ast.AsyncWith | None:
    """Return the block at whose end the group has waited for the task that `call` makes."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=group)):
            pass
        case _:
            return None
    for holder in holders(call, parents):
        if isinstance(holder, Function | ast.Lambda):
            break
        if isinstance(holder, ast.AsyncWith):
            given = [item.optional_vars for item in holder.items]
            if any(isinstance(one, ast.Name) and one.id == group for one in given):
                return holder
    return None


def _awaited_later(name: str, node: ast.AST, parents: Parents) -> ast.AST | None:
    """Return what awaits `name` after `node`, in the innermost block that gives it a value of its own."""
    while rest := rest_of(node, parents):
        before = block_of(node, parents)[: -len(rest)]
        if any(_binds(one, name) for one in [*before, rest[0]]):
            return next((found for one in rest[1:] for found in _awaits_of(one, name)), None)
        node = parents[rest[0]]
        if isinstance(node, Function | ast.Lambda):
            break
    return None


def _binds(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Name) and target.id == name for target in targets)
        case ast.AnnAssign(target=ast.Name(id=given), value=ast.expr()):
            return given == name
        case _:
            return False


def _awaits_of(statement: ast.stmt, name: str) -> Iterator[ast.AST]:
    """Give what in `statement` waits for what `name` holds: an await of it, or a loop that awaits its items."""
    match statement:
        case ast.AsyncFor(iter=head) if (name,) in reads(head):
            yield statement
        case ast.For(iter=head, body=body) if (name,) in reads(head):
            yield from [statement] if any(isinstance(one, ast.Await) for one in own_nodes(body)) else []
        case _:
            pass
    for node in own_nodes([statement]):
        if isinstance(node, ast.Await) and any(path[0] == name for path in reads(node.value)):
            yield node
