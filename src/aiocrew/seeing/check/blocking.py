"""Calls in async functions that stop the event loop, and with it every crew on it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from aiocrew.seeing.check.doors import SYNC_DOORS, is_crew, sync_door
from aiocrew.seeing.check.finding import Found
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Function
from aiocrew.seeing.check.roles import roles_of
from aiocrew.seeing.check.waits import wait_of

__all__ = ["blocking_calls"]

_TRANSPARENT = frozenset({"builtins.staticmethod", "builtins.classmethod", "functools.cache", "functools.lru_cache"})
"""Decorators whose function still runs where it is called."""
_ASKS_FOR_LOOP = frozenset({"get_running_loop", "_get_running_loop", "is_running", "current_task"})
_IF_NO_LOOP = frozenset({"AIC101", "AIC102", "AIC103", "AIC104"})
"""What a plain function may do under a test that async code never passes."""
_LONGEST_NAME = 40
_STARTS_LOOP = frozenset({"asyncio.run", "asyncio.Runner().run", "anyio.run", "uvloop.run"})


@dataclass(frozen=True, slots=True)
class _Block:
    """A call that blocks, and how."""

    node: ast.Call
    code: str
    what: str
    instead: str


def blocking_calls(module: Module) -> Iterator[Found]:
    """Give what stops the loop in the async functions of `module`: directly, or in a plain function called there."""
    roles = roles_of(module)
    plain = _PlainFunctions(module)
    for call in module.calls:
        function = call.scope.node
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        role = roles.get(function, "")
        block = _blocking(module, call)
        if block is not None:
            if block.code != "AIC205" or role:
                yield Found(call.node, block.code, _message(block, role), block.instead)
            continue
        through = plain.called(call)
        inner = plain.block(through) if through is not None else None
        if inner is not None and not _is_awaited(module, call.node) and (inner.code != "AIC205" or role):
            name = ast.unparse(call.node.func)
            message = f"{name}() stops the event loop: in line {inner.node.lineno} it calls {inner.what}"
            yield Found(call.node, inner.code, message, _instead_of_calling(name, inner))


def _instead_of_calling(name: str, inner: _Block) -> str:
    if inner.code in _IF_NO_LOOP:
        return f"make {name} an async function, in which line {inner.node.lineno} is: {inner.instead}"
    return f"await asyncio.to_thread({name}, ...)"


def _message(block: _Block, role: str) -> str:
    where = f"async {role}" if role else "async def"
    if block.code == "AIC104":
        return f"{block.what} inside {where} fails: this thread runs an event loop already"
    return f"{block.what} inside {where} stops the event loop, and every crew on it"


def _is_awaited(module: Module, node: ast.AST) -> bool:
    return isinstance(module.parents.get(node), ast.Await)


def _blocking(module: Module, call: Call) -> _Block | None:
    """Return how a call blocks the thread it is made on, None where it does not, or that is not certain."""
    door = sync_door(module, call)
    if door:
        # A method of this name may be a coroutine function elsewhere; a Crew's never is.
        if _is_awaited(module, call.node) and not is_crew(module, call):
            return None
        return _door(call.node, door)
    if _is_awaited(module, call.node):
        return None
    name = call.node.func.attr if isinstance(call.node.func, ast.Attribute) else ""
    origin = module.origin(call.node.func, call.scope)
    if origin in _STARTS_LOOP or name == "run_until_complete":
        return _Block(call.node, "AIC104", f"{origin or name}()", "await the coroutine itself")
    wait = wait_of(origin)
    return None if wait is None else _Block(call.node, wait.code, f"{_shown(origin, call.node)}()", wait.instead)


def _shown(origin: str, node: ast.Call) -> str:
    """Return what a call is known by: a function by its full name, a method as it is written."""
    written = ast.unparse(node.func)
    return written if "()" in origin and len(written) <= _LONGEST_NAME else origin.removeprefix("builtins.")


def _door(node: ast.Call, door: str) -> _Block:
    assert isinstance(node.func, ast.Attribute)
    receiver = ast.unparse(node.func.value)
    shown = receiver if len(receiver) <= _LONGEST_NAME else "..."
    code, instead = {
        "kickoff_for_each": ("AIC102", SYNC_DOORS["kickoff_for_each"]),
        "call": ("AIC103", "acall"),
    }.get(door, ("AIC101", SYNC_DOORS.get(door, "")))
    return _Block(node, code, f"{door}()", f"await {shown}.{instead}(...)")


class _PlainFunctions:
    """The plain functions of a module, and the first call in each that blocks, whatever other function it is in."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[Function, _Block | None] = {}
        self._generators = {scope.node for scope in module.yielding}
        self._calls: defaultdict[ast.AST, list[Call]] = defaultdict(list)
        for call in module.calls:
            self._calls[call.scope.node].append(call)

    def called(self, call: Call) -> ast.FunctionDef | None:
        """Return the plain function that a call runs in place; None where a decorator may have changed it."""
        definition = self._module.definition(call.node.func, call.scope)
        if not isinstance(definition, ast.FunctionDef):
            return None
        around = self._module.scopes[definition].parent
        for decorator in definition.decorator_list:
            named = decorator.func if isinstance(decorator, ast.Call) else decorator
            if around is None or self._module.origin(named, around) not in _TRANSPARENT:
                return None
        return definition

    def block(self, function: ast.FunctionDef) -> _Block | None:
        """Return what blocks in `function`, None where nothing certainly does."""
        if function not in self._known:
            self._known[function] = None  # one that calls itself blocks only by what else it calls
            self._known[function] = self._first(function)
        return self._known[function]

    def _first(self, function: ast.FunctionDef) -> _Block | None:
        calls = sorted(self._calls[function], key=_end)
        if any(_asks_for_loop(call.node) for call in calls) or function in self._generators:
            return None
        for call in calls:
            block = _blocking(self._module, call)
            inner = self.called(call) if block is None else None
            block = self.block(inner) if inner is not None else block
            if block is not None and not (block.code in _IF_NO_LOOP and self._is_under_test(call.node)):
                return block
        return None

    def _is_under_test(self, node: ast.AST) -> bool:
        holder = self._module.parents.get(node)
        while holder is not None and not isinstance(holder, ast.FunctionDef):
            if isinstance(holder, ast.If | ast.IfExp | ast.ExceptHandler | ast.Match):
                return True
            holder = self._module.parents.get(holder)
        return False


def _end(call: Call) -> tuple[int, int]:
    """Where a call ends: what stands in its parentheses is carried out before it."""
    return call.node.end_lineno or 0, call.node.end_col_offset or 0


def _asks_for_loop(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in _ASKS_FOR_LOOP
