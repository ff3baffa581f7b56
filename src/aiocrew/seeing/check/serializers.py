"""What makes crews wait for one another by hand: a lock around a kickoff, a thread for each, a patched loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from aiocrew.seeing.check.awaiting import awaited_at
from aiocrew.seeing.check.data_paths import is_run
from aiocrew.seeing.check.doors import SYNC_DOORS, async_door, sync_door
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.functions import Functions
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Scope, holders

__all__ = ["locked_kickoffs", "patched_loops", "threads_for_kickoffs"]

_LOCKS = frozenset({"asyncio.Lock()", "threading.Lock()", "threading.RLock()"})
_SEMAPHORES = frozenset({"asyncio.Semaphore()", "asyncio.BoundedSemaphore()", "threading.Semaphore()"})
_HANDS_TO_THREAD = frozenset({"run_in_executor", "to_thread", "run_in_threadpool", "Thread", "sync_to_async"})
_THREADS = frozenset(
    {"anyio.to_thread.run_sync", "trio.to_thread.run_sync"}
    | {"fastapi.BackgroundTasks().add_task", "starlette.background.BackgroundTasks().add_task"}
)
_POOLS = frozenset({"concurrent.futures.ThreadPoolExecutor()", "multiprocessing.pool.ThreadPool()"})
_POOL = re.compile(r"(?:^|_|\b)(?:pool|executor)$", re.IGNORECASE)


def locked_kickoffs(module: Module) -> Iterator[Found]:
    """Give each block that holds a lock, shared by its callers, while a crew runs."""
    runs = list(_runs(module))
    for block, scope in module.blocks:
        held = (item.context_expr for item in block.items)
        lock = next((expression for expression in held if _lets_one_pass(module, expression, scope)), None)
        if lock is None:
            continue
        if any(call.scope is scope and block in holders(where, module.parents) for call, where in runs):
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


def _runs(module: Module) -> Iterator[tuple[Call, ast.AST]]:
    """Give each call of a door, or of a function of the module that calls one, and where its end is waited for."""
    functions = Functions(module)
    doors = [call for call in module.calls if async_door(module, call) or sync_door(module, call)]
    kicking = {call.scope.node for call in doors}
    helpers = {call: functions.undecorated(call.node.func, call.scope) for call in module.calls}
    for call in [*doors, *(call for call, helper in helpers.items() if helper in kicking)]:
        is_async = async_door(module, call) or isinstance(helpers[call], ast.AsyncFunctionDef)
        where = awaited_at(call.node, module.parents) if is_async else call.node
        if where is not None:
            yield call, where


def threads_for_kickoffs(module: Module) -> Iterator[Found]:
    """Give each call that hands a synchronous kickoff to a thread, itself or in a plain function of the module."""
    plain = Functions(module)
    for call in module.calls:
        if not _starts_thread(module, call):
            continue
        given = [*call.node.args, *(keyword.value for keyword in call.node.keywords if keyword.arg == "target")]
        runs = (run for value in given for run in [_run_given(module, plain, value, call.scope)] if run is not None)
        what, instead = next(runs, ("", ""))
        if what:
            message = f"each {what} takes a thread of its own here: when the pool is full, the other crews wait"
            yield Found(call.node, "AIC405", message, instead)


def _starts_thread(module: Module, call: Call) -> bool:
    origin = module.origin(call.node.func, call.scope)
    base, _, name = origin.rpartition(".")
    match call.node.func:
        case ast.Attribute(value=pool, attr="submit" | "map"):
            return base in _POOLS or (not origin and _POOL.search(ast.unparse(pool)) is not None)
        case ast.Attribute(attr="run_sync" | "add_task"):
            return origin in _THREADS
        case ast.Attribute(attr=name):
            return name in _HANDS_TO_THREAD
        case _:
            return name in _HANDS_TO_THREAD


def _run_given(module: Module, plain: Functions, value: ast.expr, scope: Scope) -> tuple[str, str] | None:
    """Return what runs in the thread that is given `value`, and what to write instead; None where no crew does."""
    match value:
        case ast.Attribute(value=receiver, attr="kickoff" | "kickoff_for_each" as name):
            if not module.own_method(receiver, name, scope):
                return f"{name}()", f"await {ast.unparse(receiver)}.{SYNC_DOORS[name]}(...)"
        case ast.Lambda(body=ast.Call(func=function)):
            return _run_given(module, plain, function, scope)
        case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[inner, *_]):
            return _run_given(module, plain, inner, scope)
        case ast.Call(func=ast.Attribute(attr=name)) as run if async_door(module, Call(run, scope)):
            return f"{name}()", f"await {ast.unparse(run)}"
        case _:
            pass
    function = plain.called(value, scope)
    block = plain.run(function) if function is not None else None
    if block is None or (block.code == "AIC104" and not any(_is_run(argument) for argument in block.node.args)):
        return None  # a loop in a thread may be for anything
    name, line = ast.unparse(value), block.node.lineno
    return f"{name}()", f"make {name} an async function, in which line {line} is: {block.instead}"


def _is_run(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Call) and is_run(argument)


def patched_loops(module: Module) -> Iterator[Found]:
    """Give each `nest_asyncio.apply()`."""
    for call in module.calls:
        if module.origin(call.node.func, call.scope) == "nest_asyncio.apply":
            yield Found(
                call.node,
                "AIC105",
                "nest_asyncio lets kickoff() and asyncio.run() block inside a running loop, instead of failing there",
                "nothing: leave it out, and await the coroutine; of a crew that is kickoff_async(...)",
            )
