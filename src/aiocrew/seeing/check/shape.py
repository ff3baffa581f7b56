"""Which loops and rows could run their runs at once, by their shape alone: no early end, nobody who is asked. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from aiocrew.seeing.check.names import called_name

__all__ = [
    "can_run_at_once",
    "is_awaited",
    "is_deliberate",
    "is_recorded",
    "own_nodes",
    "plain_between",
    "starts_loop",
    "waits_for_others",
]

_ASKS = frozenset(
    {"input", "prompt", "confirm", "ask", "receive", "receive_text", "receive_json", "recv", "get_message", "readline"}
)
"""A person or another party answers in between."""
_PACES = frozenset({"sleep"})
_MEASURES = frozenset({"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "process_time"})
_CHANGE_ALL = frozenset(
    {"chdir", "fchdir", "putenv", "setenv", "seed", "system", "popen", "Popen", "check_call", "check_output"}
    | {"create_subprocess_exec", "create_subprocess_shell"}
)
"""What the whole process has, or what another program does to the files that the runs may work on."""
_DELIBERATE = _ASKS | _PACES | _MEASURES | _CHANGE_ALL
_IN_ORDER = re.compile(
    r"(?<![a-z])(?:attempts?|retr(?:y|ies)|tr(?:y|ies)|rounds?|turns?|epochs?|trials?|warm_?up|iterations?|generations?"
    r"|cycles?|ticks?|steps?|stages?|phases?)(?![a-z])",
    re.IGNORECASE,
)
"""What a later one of comes after an earlier one: a retry, a round, the step of a plan."""
_SHOWS = frozenset({"print", "write", "send", "send_text", "send_json", "echo", "put", "put_nowait"})
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


def waits_for_others(call: ast.Call) -> bool:
    """Whether a call returns when somebody else has done something, or a time has passed."""
    name = called_name(call)
    return name in _ASKS or name in _PACES or (name == "get" and not call.args)


def starts_loop(call: ast.Call) -> bool:
    """Whether a call runs a coroutine in a loop of its own, and returns when it has ended."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="asyncio"), attr="run") | ast.Attribute(attr="run_until_complete"):
            return True
        case _:
            return False


def is_deliberate(function: ast.FunctionDef | ast.AsyncFunctionDef, visible: Collection[str]) -> bool:
    """Whether a helper asks somebody, keeps a pace or measures; waiting before it tries again is no pace.

    visible: names of functions whose inside is looked at, so that their names say nothing.
    """
    again = {
        node
        for handler in own_nodes(function.body)
        if isinstance(handler, ast.ExceptHandler)
        for node in own_nodes(handler.body)
        if isinstance(node, ast.Call) and called_name(node) in _PACES
    }
    return any(_is_deliberate(node, visible) and node not in again for node in own_nodes(function.body))


def _is_deliberate(node: ast.AST, visible: Collection[str]) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr="run" | "call")):
            return True
        case ast.Call():
            return called_name(node) in _DELIBERATE.difference(visible)
        case ast.Subscript(value=ast.Attribute(attr="environ"), ctx=ast.Store()):
            return True
        case _:
            return False


def is_awaited(run: ast.Call, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the coroutine of `run` is awaited where it is made: `await run`, `await asyncio.wait_for(run, 60)`."""
    holder = parents.get(run)
    if isinstance(holder, ast.Call) and called_name(holder) in {"wait_for", "shield"} and run in holder.args:
        holder = parents.get(holder)
    return isinstance(holder, ast.Await)


def is_recorded(run: ast.Call) -> bool:
    """Whether a run writes a journal, from which the next one may go on."""
    return any(keyword.arg == "journal" for keyword in run.keywords)


def can_run_at_once(loop: ast.For | ast.AsyncFor, visible: Collection[str]) -> bool:
    """Whether every pass of `loop` is carried out whatever came of the others, and without waiting for anyone else.

    visible: names of functions whose inside is looked at, so that their names say nothing.
    """
    if _goes_in_order(loop) or _ends_early(loop.body, inside=False):
        return False
    if isinstance(loop, ast.AsyncFor) and _talks_back(loop):
        return False
    if any(_is_shown_as_it_comes(node) for node in own_nodes(loop.body)):
        return False
    return not any(
        isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Assert | ast.Global | ast.Nonlocal)
        or _is_deliberate(node, visible)
        for node in own_nodes(loop.body)
    )


def _goes_in_order(loop: ast.For | ast.AsyncFor) -> bool:
    is_range = isinstance(loop.iter, ast.Call) and called_name(loop.iter) == "range"
    return any(_IN_ORDER.search(ast.unparse(part)) for part in (loop.target, *([loop.iter] if is_range else [])))


def _talks_back(loop: ast.AsyncFor) -> bool:
    """Whether a pass speaks to what the items come from."""
    root = re.split(r"\W", ast.unparse(loop.iter), maxsplit=1)[0]
    return root != "self" and any(isinstance(node, ast.Name) and node.id == root for node in own_nodes(loop.body))


def _is_shown_as_it_comes(node: ast.AST) -> bool:
    """Whether a stream is read by somebody: of two at once nobody could read either."""
    if not isinstance(node, ast.AsyncFor):
        return False
    calls = [inner for inner in own_nodes(node.body) if isinstance(inner, ast.Call)]
    return any(called_name(call) in _SHOWS for call in calls)


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
            return called_name(call) in {"print", "debug", "info"} and _is_simple(call)
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
            name = called_name(node)
            if not (name in _PLAIN_CALLS or name in _PLAIN_METHODS or name[:1].isupper()):
                return False
    return True
