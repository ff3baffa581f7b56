"""Runs that wait for one another although none needs the other, as findings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from aiocrew.seeing.check.awaiting import awaited_at
from aiocrew.seeing.check.doors import async_door, sync_door
from aiocrew.seeing.check.finding import Found, Located
from aiocrew.seeing.check.functions import Functions
from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.names import holders
from aiocrew.seeing.check.serial import SerialAwait, SerialOrder

__all__ = ["runs_in_turn"]


@dataclass(frozen=True, slots=True)
class _Run:
    """A call that carries out a run, and where its end is waited for."""

    call: ast.Call
    where: ast.AST
    before: str = ""
    """What is to be done before that can be written which is said of it."""

    @property
    def is_awaited(self) -> bool:
        """Whether others may go on meanwhile: what waits is no call that returns when the run has ended."""
        return not isinstance(self.where, ast.Call)


def runs_in_turn(module: Module) -> Iterator[Found]:
    """Give each loop, comprehension and row of runs that could go on at once."""
    order = SerialOrder(module)
    told: set[tuple[str, int, int]] = set()
    for run in _runs(module, order):
        serial = order.of_awaited(run.where, run.call)
        if serial is None or serial.kind in {"none", "unreadable"}:
            continue
        place = (serial.kind, serial.line, serial.column)
        if place in told or (serial.kind == "statements" and not run.is_awaited):
            continue  # two calls in a script wait for each other because a script does
        told.add(place)
        yield _found(run, _holder(module, run.call, serial), serial)


def _runs(module: Module, order: SerialOrder) -> Iterator[_Run]:
    """Give the calls of doors, and of functions of the module that kick off, where their end is waited for.

    What blocks in an async function has a rule of its own.
    """
    functions = Functions(module)
    for call in module.calls:
        helper = functions.undecorated(call.node.func, call.scope)
        helper = helper if helper is not None and order.kicks_off(call.node) else None
        if async_door(module, call) or isinstance(helper, ast.AsyncFunctionDef):
            where, before = awaited_at(call.node, module.parents), "in one async function, run once: "
        elif helper is not None:
            where, before = call.node, f"make {helper.name} an async function, and in another: "
        else:
            where, before = call.node if sync_door(module, call) not in {"", "call"} else None, ""
        if where is None:
            continue
        run = _Run(call.node, where, before if isinstance(where, ast.Call) else "")
        if run.is_awaited or not isinstance(call.scope.node, ast.AsyncFunctionDef):
            yield run


def _holder(module: Module, run: ast.Call, serial: SerialAwait) -> Located:
    """Return the loop or comprehension that was meant; of a row its first run is it."""
    place = (serial.line, serial.column)
    for holder in (run, *holders(run, module.parents)):
        # A comprehension may begin where its run does.
        is_it = serial.kind == "statements" or not isinstance(holder, ast.Call | ast.Await)
        if is_it and isinstance(holder, ast.expr | ast.stmt) and (holder.lineno, holder.col_offset) == place:
            return holder
    return run


def _found(run: _Run, node: Located, serial: SerialAwait) -> Found:
    if serial.kind == "statements":
        lines = ", ".join(str(line) for line in serial.lines[:-1]) + f" and {serial.lines[-1]}"
        message = f"the runs in lines {lines} are awaited one after another, although none needs what the other gives"
        return Found(node, "AIC402", message, serial.instead)
    code, verb = ("AIC401", "awaits") if run.is_awaited else ("AIC403", "waits for")
    door = f"{ast.unparse(run.call.func).rpartition('.')[2]}()"
    message = f"each pass of this {serial.kind} {verb} {door} before the next begins, although none needs the other"
    return Found(node, code, message, f"{run.before}{serial.instead}")
