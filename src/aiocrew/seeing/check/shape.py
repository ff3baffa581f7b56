"""Which loops and rows could run their runs at once, by their shape alone: no early end, nobody who is asked. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["can_run_at_once", "is_awaited", "is_recorded", "own_nodes", "plain_between"]

_DELIBERATE = frozenset(
    # A person or another party answers in between; or the loop keeps a pace, or measures.
    {"input", "prompt", "confirm", "ask", "receive", "receive_text", "receive_json", "recv", "get_message", "readline"}
    | {"sleep", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "process_time"}
)
_AGAIN = re.compile(r"attempt|retry|retries|\btries|\btry|round|turn|epoch|trial|warm", re.IGNORECASE)
_OTHER_PARTY = re.compile(r"socket|\bws\b|chat|session|queue|messages|stdin|listen", re.IGNORECASE)
_PLAIN_CALLS = frozenset({"str", "int", "float", "len", "list", "dict", "tuple", "set", "repr", "sorted", "print"})
_PLAIN_METHODS = frozenset(
    {"debug", "info", "format", "join", "strip", "copy", "items", "keys", "values", "model_dump"}
)


def own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Give all nodes of `body` but those inside functions and classes that are only defined there."""
    ahead = list(body)
    while ahead:
        node = ahead.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            ahead.extend(ast.iter_child_nodes(node))


def is_awaited(run: ast.Call, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the coroutine of `run` is awaited where it is made: `await run`, `await asyncio.wait_for(run, 60)`."""
    holder = parents.get(run)
    if isinstance(holder, ast.Call) and _name(holder) in {"wait_for", "shield"} and run in holder.args:
        holder = parents.get(holder)
    return isinstance(holder, ast.Await)


def is_recorded(run: ast.Call) -> bool:
    """Whether a run writes a journal, from which the next one may go on."""
    return any(keyword.arg == "journal" for keyword in run.keywords)


def can_run_at_once(loop: ast.For | ast.AsyncFor) -> bool:
    """Whether every pass of `loop` is carried out whatever came of the others, and without waiting for anyone else."""
    if _AGAIN.search(ast.unparse(loop.target)) or _ends_early(loop.body, inside=False):
        return False
    if isinstance(loop, ast.AsyncFor) and not _is_plain_source(loop):
        return False
    return not any(
        isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Assert | ast.Global | ast.Nonlocal)
        or (isinstance(node, ast.Call) and _name(node) in _DELIBERATE)
        for node in own_nodes(loop.body)
    )


def _is_plain_source(loop: ast.AsyncFor) -> bool:
    source = ast.unparse(loop.iter)
    root = re.split(r"\W", source, maxsplit=1)[0]
    talks_back = any(isinstance(node, ast.Name) and node.id == root for node in own_nodes(loop.body))
    return not _OTHER_PARTY.search(source) and not (talks_back and root != "self")


def _ends_early(body: Sequence[ast.AST], *, inside: bool) -> bool:
    """Whether a pass may end the whole loop: `break`, or `raise` outside of a handler, which a failure is anyway."""
    for node in body:
        match node:
            case ast.Break():
                if not inside:
                    return True
            case ast.Raise():
                return True
            case ast.ExceptHandler():
                if any(isinstance(inner, ast.Break) for inner in own_nodes(node.body)) and not inside:
                    return True
            case ast.For() | ast.AsyncFor() | ast.While():
                if _ends_early(node.body, inside=True) or _ends_early(node.orelse, inside=inside):
                    return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                pass
            case _:
                if _ends_early(list(ast.iter_child_nodes(node)), inside=inside):
                    return True
    return False


def plain_between(statement: ast.stmt) -> bool:
    """Whether a statement between two runs is one that could as well stand before or after both."""
    match statement:
        case ast.Pass():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call() as call):
            return _name(call) in {"print", "debug", "info"} and _is_simple(call)
        case ast.Assign(targets=targets, value=value):
            return all(isinstance(target, ast.Name | ast.Tuple) for target in targets) and _is_simple(value)
        case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
            return _is_simple(value)
        case _:
            return False


def _is_simple(value: ast.expr) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda):
            return False
        if isinstance(node, ast.Call):
            name = _name(node)
            if not (name in _PLAIN_CALLS or name in _PLAIN_METHODS or name[:1].isupper()):
                return False
    return True


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
