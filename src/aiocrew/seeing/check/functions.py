"""The functions of a module that its calls run, and what blocks in the plain ones."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from aiocrew.seeing.check.doors import SYNC_DOORS, is_crew, sync_door
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Function, Scope, called_name, decorators_of, holders
from aiocrew.seeing.check.waits import wait_of

__all__ = ["Block", "Functions", "how_it_blocks", "is_awaited"]

_TRANSPARENT = frozenset({"builtins.staticmethod", "builtins.classmethod", "functools.cache", "functools.lru_cache"})
"""Decorators whose function still runs where it is called."""
_ASKS_FOR_LOOP = frozenset({"get_running_loop", "_get_running_loop", "is_running", "current_task"})
_LONGEST_NAME = 40
_STARTS_LOOP = frozenset(
    {"asyncio.run", "asyncio.Runner().run", "anyio.run", "uvloop.run", "asgiref.sync.async_to_sync()"}
)


@dataclass(frozen=True, slots=True)
class Block:
    """A call that blocks, and how."""

    node: ast.Call
    code: str
    what: str
    instead: str

    @property
    def is_of_run(self) -> bool:
        """Whether it is a run, or a loop for one, that is waited for."""
        return self.code.startswith("AIC1")


def is_awaited(module: Module, node: ast.AST) -> bool:
    """Whether a call stands right behind `await`."""
    return isinstance(module.parents.get(node), ast.Await)


def how_it_blocks(module: Module, call: Call) -> Block | None:
    """Return how a call blocks the thread it is made on, None where it does not, or that is not certain."""
    door = sync_door(module, call)
    if door:
        # A method of this name may be a coroutine function elsewhere; a Crew's never is.
        if is_awaited(module, call.node) and not is_crew(module, call):
            return None
        return _door(call.node, door)
    if is_awaited(module, call.node):
        return None
    name = call.node.func.attr if isinstance(call.node.func, ast.Attribute) else ""
    origin = module.origin(call.node.func, call.scope)
    if origin in _STARTS_LOOP or name == "run_until_complete":
        return Block(call.node, "AIC104", f"{origin.removesuffix('()') or name}()", "await the coroutine itself")
    wait = wait_of(origin)
    return None if wait is None else Block(call.node, wait.code, f"{_shown(origin, call.node)}()", wait.instead)


def _shown(origin: str, node: ast.Call) -> str:
    """Return what a call is known by: a function by its full name, a method as it is written."""
    written = ast.unparse(node.func)
    return written if "()" in origin and len(written) <= _LONGEST_NAME else origin.removeprefix("builtins.")


def _door(node: ast.Call, door: str) -> Block:
    assert isinstance(node.func, ast.Attribute)
    receiver = ast.unparse(node.func.value)
    shown = receiver if len(receiver) <= _LONGEST_NAME else "..."
    code = {"kickoff_for_each": "AIC102", "call": "AIC103"}.get(door, "AIC101")
    return Block(node, code, f"{door}()", f"await {shown}.{SYNC_DOORS.get(door, 'acall')}(...)")


class Functions:
    """The functions that calls of a module run, and the first call in each plain one that blocks, however deep."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._known: dict[Function, tuple[Block | None, bool]] = {}
        self._calls: defaultdict[ast.AST, list[Call]] = defaultdict(list)
        for call in module.calls:
            self._calls[call.scope.node].append(call)

    def called(self, function: ast.expr, scope: Scope) -> ast.FunctionDef | None:
        """Return the plain function that a call of `function` runs; None where a decorator may have changed it."""
        definition = self.undecorated(function, scope)
        return definition if isinstance(definition, ast.FunctionDef) else None

    def undecorated(self, function: ast.expr, scope: Scope) -> Function | None:
        """Return the function that a call of `function` calls; None where a decorator may have changed it.

        Nor is it one that yields: a call only makes a generator.
        """
        definition = self._module.callee(function, scope)
        if not isinstance(definition, Function) or definition in self._module.generators:
            return None
        around = self._module.scopes[definition].parent
        is_plain = around is not None and all(
            self._module.origin(decorator, around) in _TRANSPARENT for decorator in decorators_of(definition)
        )
        return definition if is_plain else None

    def block(self, function: ast.FunctionDef) -> Block | None:
        """Return what blocks first in `function`, None where nothing certainly does."""
        return self._blocks(function)[0]

    def run(self, function: ast.FunctionDef) -> Block | None:
        """Return the run that blocks `function`, None where there is none, or where it waits for something else too."""
        block, waits_otherwise = self._blocks(function)
        return None if waits_otherwise else block

    def _blocks(self, function: ast.FunctionDef) -> tuple[Block | None, bool]:
        """Return what blocks first in `function`, and whether anything in it does that is no run."""
        if function not in self._known:
            self._known[function] = None, False  # one that calls itself blocks only by what else it calls
            self._known[function] = self._found(function)
        return self._known[function]

    def _found(self, function: ast.FunctionDef) -> tuple[Block | None, bool]:
        calls = sorted(self._calls[function], key=_end)
        if any(called_name(call.node) in _ASKS_FOR_LOOP for call in calls):
            return None, False
        first, waits_otherwise = None, False
        for call in calls:
            block = how_it_blocks(self._module, call)
            inner = self.called(call.node.func, call.scope) if block is None else None
            if inner is not None:
                block, inner_waits = self._blocks(inner)
                waits_otherwise |= inner_waits
            if block is None or (block.is_of_run and self._is_under_test(call.node)) or self._is_put_off(call.node):
                continue
            waits_otherwise |= not block.is_of_run
            first = first or block
        return first, waits_otherwise

    def _is_under_test(self, node: ast.AST) -> bool:
        """Whether a call may be one that async code never reaches."""
        return any(isinstance(one, ast.If | ast.IfExp | ast.ExceptHandler | ast.Match) for one in self._inside(node))

    def _is_put_off(self, node: ast.AST) -> bool:
        """Whether a call is that of a generator's items, which somebody else may fetch."""
        parents = self._module.parents
        return any(
            isinstance(maker, ast.GeneratorExp)
            and not isinstance(parents[maker], ast.Call | ast.For | ast.Starred)
            # What the first part goes through is made at once.
            and node not in ast.walk(maker.generators[0].iter)
            for maker in self._inside(node)
        )

    def _inside(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give what `node` stands in, within its function."""
        return takewhile(lambda one: not isinstance(one, ast.FunctionDef), holders(node, self._module.parents))


def _end(call: Call) -> tuple[int, int]:
    """Where a call ends: what stands in its parentheses is carried out before it."""
    return call.node.end_lineno or 0, call.node.end_col_offset or 0
