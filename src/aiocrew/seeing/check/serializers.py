"""What makes crews wait for one another by hand: a lock around a kickoff, a thread for each, a patched loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aiocrew.seeing.check.doors import async_door, sync_door
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Scope

__all__ = ["locked_kickoffs", "patched_loops", "threads_for_kickoffs"]

_LOCKS = frozenset({"asyncio.Lock()", "threading.Lock()", "threading.RLock()"})
_SEMAPHORES = frozenset({"asyncio.Semaphore()", "asyncio.BoundedSemaphore()", "threading.Semaphore()"})
_HANDS_TO_THREAD = frozenset({"run_in_executor", "submit", "map", "to_thread", "run_in_threadpool", "Thread"})


def locked_kickoffs(module: Module) -> Iterator[Found]:
    """Give each block that holds a lock, shared by its callers, while a crew runs."""
    doors = [call for call in module.calls if async_door(module, call) or sync_door(module, call)]
    for block, scope in module.blocks:
        held = (item.context_expr for item in block.items)
        lock = next((expression for expression in held if _lets_one_pass(module, expression, scope)), None)
        if lock is None:
            continue
        if any(call.scope is scope and _stands_in(module, call, block) for call in doors):
            name = ast.unparse(lock)
            yield Found(
                lock,
                "AIC404",
                f"{name} is held while a crew runs, so all crews that come here run one after another",
                f"kick off outside of `with {name}`, and guard only what is shared; to bound how many run at once, "
                "kickoff_for_each_async(inputs, max_concurrency=...)",
            )


def _lets_one_pass(module: Module, expression: ast.expr, scope: Scope) -> bool:
    binding = module.value(expression, scope)
    if binding is None or not isinstance(binding.value, ast.Call) or not _is_shared(expression, binding.scope, scope):
        return False
    origin = module.origin(binding.value, binding.scope)
    match binding.value.args:
        case []:
            return origin in _LOCKS or (origin in _SEMAPHORES and not binding.value.keywords)
        case [ast.Constant(value=1)]:
            return origin in _SEMAPHORES
        case _:
            return False


def _is_shared(expression: ast.expr, home: Scope, scope: Scope) -> bool:
    """Whether other callers of the function meet the same lock: its home is a module, or the object around."""
    return isinstance(expression, ast.Attribute) or (home is not scope and isinstance(home.node, ast.Module))


def _stands_in(module: Module, call: Call, block: ast.With | ast.AsyncWith) -> bool:
    holder: ast.AST | None = call.node
    while holder is not None and holder is not block:
        holder = module.parents.get(holder)
    return holder is block


def threads_for_kickoffs(module: Module) -> Iterator[Found]:
    """Give each call that hands a synchronous kickoff to a thread."""
    for call in module.calls:
        function = call.node.func
        name = function.attr if isinstance(function, ast.Attribute) else module.origin(function, call.scope)
        if name.rpartition(".")[2] not in _HANDS_TO_THREAD:
            continue
        given = [*call.node.args, *(keyword.value for keyword in call.node.keywords if keyword.arg == "target")]
        door = next((found for value in given if (found := _door_given(module, call, value))), None)
        if door is not None:
            yield Found(
                call.node,
                "AIC405",
                f"each {door.attr}() takes a thread of its own here: when the pool is full, the other crews wait",
                f"await {ast.unparse(door.value)}.{door.attr}_async(...)",
            )


def _door_given(module: Module, call: Call, value: ast.expr) -> ast.Attribute | None:
    match value:
        case ast.Attribute(value=receiver, attr="kickoff" | "kickoff_for_each" as name):
            return None if module.own_method(receiver, name, call.scope) else value
        case ast.Lambda(body=ast.Call(func=ast.Attribute(attr="kickoff" | "kickoff_for_each") as door)):
            return _door_given(module, call, door)
        case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[inner, *_]):
            return _door_given(module, call, inner)
        case _:
            return None


def patched_loops(module: Module) -> Iterator[Found]:
    """Give each `nest_asyncio.apply()`."""
    for call in module.calls:
        if module.origin(call.node.func, call.scope) == "nest_asyncio.apply":
            yield Found(
                call.node,
                "AIC105",
                "nest_asyncio lets kickoff() block inside a running loop, instead of saying that it does",
                "nothing: leave it out, and await crew.kickoff_async(...)",
            )
