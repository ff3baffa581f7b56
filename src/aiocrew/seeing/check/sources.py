"""Whether what a loop goes through is there already, or comes in while the loop goes on. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from aiocrew.seeing.check.data_paths import DataPath, named, reads
from aiocrew.seeing.check.inlining import locals_of
from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.names import Function, Scope, arguments_of
from aiocrew.seeing.check.shape import own_nodes, waits_for_others

__all__ = ["is_live", "is_whole", "read_between_passes"]

_LIVE = re.compile(
    r"(?:stdin|stdout|stderr|fileinput|input|makefile|socket|consumer|incoming|inotify)$|pub_?sub|long_?poll"
    r"|^as_completed$|^imap(?:_unordered)?$|^stream$"
    r"|^(?:a?tail|a?watch|listen|subscribe|subscription|consume|follow|poll|recv|receive)(?:_\w+)?$",
    re.IGNORECASE,
)
_LIVE_IF_ASYNC = re.compile(
    r"socket|\bws\b|chat|session|queue|message|channel|inbox|mail|event|update|stream|feed|notif|connection|change"
    r"|request|reader|\bbus\b|mqtt|signal",
    re.IGNORECASE,
)
_WHOLE = frozenset(
    {"list", "tuple", "set", "frozenset", "dict", "sorted", "reversed", "read", "readlines", "splitlines", "split"}
    | {"read_text", "read_bytes", "load", "loads", "fetchall", "fetchmany", "range", "copy", "deepcopy", "to_dict"}
)
_PASSES_ON = frozenset(
    {"enumerate", "zip", "map", "filter", "tqdm", "track", "islice", "chain", "reader", "DictReader"}
)
_DEEPEST = 4


def is_whole(source: ast.expr) -> bool:
    """Whether `source` was made in full before the first pass: of a copy no pass sees what another one changes."""
    match source:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _WHOLE or (
                name in {"enumerate", "zip", "tqdm", "track"} and bool(source.args) and all(map(is_whole, source.args))
            )
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.Await():
            return True
        case ast.List() | ast.Tuple() | ast.Set() | ast.Constant():
            return True
        case _:
            return False


def is_live(loop: ast.For | ast.AsyncFor, module: Module, scope: Scope) -> bool:
    """Whether the next item of `loop` may wait for somebody who waits for an answer, or is not there yet."""
    if _is_live(loop.iter, module, scope, 0):
        return True
    if not isinstance(loop, ast.AsyncFor) or _made_by(loop.iter, module, scope) is not None:
        return False
    return any(_LIVE_IF_ASYNC.search(name) for name in _names(loop.iter)) or any(
        _LIVE_IF_ASYNC.search(name) for name in _names(loop.target)
    )


def _is_live(source: ast.expr, module: Module, scope: Scope, depth: int) -> bool:
    match source:
        case ast.Call(func=ast.Name(id="iter"), args=[_, _]):
            return True  # what it calls is asked until it says that there is no more
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _WHOLE:
            return False
        case ast.Await() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            return False
        case _:
            pass
    if any(_LIVE.search(name) for name in _names(source)):
        return True
    made = _made_by(source, module, scope)
    if made is not None:
        return _waits_outside(made)
    return any(
        _is_live(value, module, where, depth + 1) for value, where in _values(source, module, scope) if depth < _DEEPEST
    )


def _values(source: ast.expr, module: Module, scope: Scope) -> Iterator[tuple[ast.expr, Scope]]:
    """Give what the names in `source` were given."""
    for node in ast.walk(source):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            found = module.value(node, scope)
            if found is not None and found.value is not None and found.value is not source:
                yield found.value, found.scope


def _names(source: ast.AST) -> Iterator[str]:
    for node in ast.walk(source):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case _:
                pass


def _made_by(source: ast.expr, module: Module, scope: Scope) -> Function | None:
    """Return the generator function of this module whose items these are, as they are or counted."""
    match source:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in _PASSES_ON:
            return _made_by(first, module, scope)
        case ast.Call(func=function):
            made = module.definition(function, scope)
            return made if isinstance(made, Function) and made in module.generators else None
        case _:
            return None


def _waits_outside(generator: Function) -> bool:
    nodes = list(own_nodes(generator.body))
    endless = any(
        isinstance(node, ast.While)
        and isinstance(node.test, ast.Constant)
        and not any(isinstance(inner, ast.Break | ast.Return) for inner in own_nodes(node.body))
        for node in nodes
    )
    waits = any(isinstance(node, ast.Call) and waits_for_others(node) for node in nodes)
    return endless or waits or any(_LIVE.search(name) for statement in generator.body for name in _names(statement))


def read_between_passes(loop: ast.For | ast.AsyncFor, module: Module, scope: Scope) -> set[DataPath]:
    """Return what is read each time that the next item of `loop` is fetched."""
    if is_whole(loop.iter):
        return set()
    read = named(reads(loop.iter))
    made = _made_by(loop.iter, module, scope)
    if made is not None:
        own = locals_of(made, module) - {argument.arg for argument in arguments_of(made) if argument.arg == "self"}
        inner = {path for node in made.body for path in named(reads(node))}
        read |= {path for path in inner if path[0] not in own}
    return read
