"""Which data a piece of syntax reads, as paths: `self.crew.name` is ("self", "crew", "name"). Pure."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from aiocrew.seeing.check.doors import ASYNC_DOORS, SYNC_DOORS

__all__ = ["CALLED", "LEFT", "WORLD", "DataPath", "is_run", "named", "overlap", "path_of", "reads"]

DataPath: TypeAlias = tuple[str, ...]

CALLED = "()"
"""The end of a path whose object is only kicked off: what a run leaves on it is not looked at."""
LEFT = "*"
"""The end of a path that means whatever a run leaves on its crew or flow: usage, state, output."""
WORLD: DataPath = ("<world>",)
"""What functions may know of that no name stands for: files, databases, globals. Further names in such a path are those
that say which of them: it is another one where they are."""

_READ_FILES = frozenset({"read", "read_text", "read_bytes", "readlines", "load", "fetchall", "fetchone", "execute"})
_KNOW_NOTHING = frozenset(
    {"str", "int", "float", "bool", "len", "list", "tuple", "dict", "set", "frozenset", "range", "enumerate", "zip"}
    | {"sorted", "reversed", "min", "max", "sum", "any", "all", "repr", "format", "isinstance", "print", "round", "abs"}
    | {"getattr", "hasattr", "type", "map", "filter", "next", "iter"}
)


def is_run(call: ast.Call) -> bool:
    """Whether a call is that of a crew's, flow's or agent's door, by its name."""
    return isinstance(call.func, ast.Attribute) and (call.func.attr in ASYNC_DOORS or call.func.attr in SYNC_DOORS)


def overlap(written: Iterable[DataPath], read: Iterable[DataPath]) -> bool:
    """Whether what was written may be what is read: one path holds the other."""
    by_root: defaultdict[str, list[DataPath]] = defaultdict(list)
    for path in read:
        by_root[path[0]].append(path)
    return any(_meet(one, other) for one in written for other in by_root.get(one[0], ()))


def _meet(written: DataPath, read: DataPath) -> bool:
    for one, other in zip(written, read, strict=False):
        if LEFT in {one, other} or CALLED in {one, other}:
            return (one, other) != (LEFT, CALLED)
        if one != other:
            return False
    return True


def path_of(expression: ast.expr) -> DataPath:
    """Return the path of a name or an attribute; of `a.b[0].c` it is that of a.b; () where there is none."""
    match expression:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=attribute):
            base = path_of(value)
            whole = isinstance(value, ast.Name | ast.Attribute)
            return (*base, attribute) if base and whole else base
        case ast.Subscript(value=value) | ast.Starred(value=value):
            return path_of(value)
        case _:
            return ()


def named(paths: Iterable[DataPath]) -> set[DataPath]:
    """Return those that a name stands for."""
    return {path for path in paths if path[0] != WORLD[0]}


def reads(node: ast.AST) -> set[DataPath]:
    """Return the paths that are read anywhere in `node`, with WORLD where a function may read what has no name."""
    return set(_reads(node))


def _reads(node: ast.AST) -> Iterator[DataPath]:
    match node:
        case ast.Call():
            yield from _read_by_call(node)
        case ast.Name(id=name, ctx=context):
            if not isinstance(context, ast.Store):
                yield (name,)
        case ast.Attribute(value=value, ctx=context):
            path = path_of(node)
            if not isinstance(context, ast.Load) or not path:
                yield from _reads(value)
            else:
                yield path
                yield from _slices(value)
        case ast.BinOp():
            operand: ast.expr = node
            while isinstance(operand, ast.BinOp):  # a long sum is deep on its left
                yield from _reads(operand.right)
                operand = operand.left
            yield from _reads(operand)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            bound = {name for part in node.generators for name in _names(part.target)}
            yield from (path for path in _of_children(node) if path[0] not in bound)
        case ast.Lambda(args=arguments):
            bound = {argument.arg for argument in arguments.args}
            yield from (path for path in _of_children(node) if path[0] not in bound)
        case _:
            yield from _of_children(node)


def _of_children(node: ast.AST) -> Iterator[DataPath]:
    for child in ast.iter_child_nodes(node):
        yield from _reads(child)


def _slices(node: ast.expr) -> Iterator[DataPath]:
    """Give what the indices within a path read: of `rows[i].name` the i."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript):
            yield from _reads(node.slice)
        node = node.value


def _read_by_call(call: ast.Call) -> Iterator[DataPath]:
    for argument in call.args:
        yield from _reads(argument)
    for keyword in call.keywords:
        yield from _reads(keyword.value)
    match call.func:
        case ast.Attribute(value=receiver) if is_run(call):
            path = path_of(receiver)
            if path:
                yield (*path, CALLED)
                yield from _slices(receiver)
            else:
                # What makes a crew is asked for a crew, not for what an earlier one said.
                yield from named(_reads(receiver))
        case ast.Attribute(value=receiver, attr=name):
            read = set(_reads(receiver))
            yield from read
            if name in _READ_FILES:
                which = {path[0] for part in (receiver, *call.args) for path in named(_reads(part))}
                yield (*WORLD, *sorted(which))
        case ast.Name(id=name):
            yield (name,)
            if name not in _KNOW_NOTHING and not name[:1].isupper():
                yield WORLD
        case function:
            yield from _reads(function)


def _names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
