"""Runs that wait for one another although none needs the other, as findings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aiocrew.seeing.check.awaiting import awaited_at
from aiocrew.seeing.check.doors import async_door, sync_door
from aiocrew.seeing.check.finding import Found, Located
from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.serial import SerialAwait, SerialOrder

__all__ = ["runs_in_turn"]


def runs_in_turn(module: Module) -> Iterator[Found]:
    """Give each loop, comprehension and row of runs that could go on at once."""
    order = SerialOrder(module)
    told: set[tuple[str, int, int]] = set()
    for call in module.calls:
        is_async = bool(async_door(module, call)) and awaited_at(call.node, module.parents) is not None
        in_async = isinstance(call.scope.node, ast.AsyncFunctionDef)
        if not is_async and (in_async or sync_door(module, call) in {"", "call"}):
            continue
        serial = order.of(call.node)
        if serial is None or serial.kind in {"none", "unreadable"}:
            continue
        place = (serial.kind, serial.line, serial.column)
        if place in told or (serial.kind == "statements" and not is_async):
            continue  # two calls in a script wait for each other because a script does
        told.add(place)
        yield _found(call.node, _holder(module, call.node, serial), serial, is_async=is_async)


def _holder(module: Module, run: ast.Call, serial: SerialAwait) -> Located:
    """Return the loop or comprehension that was meant; of a row its first run is it."""
    place = (serial.line, serial.column)
    holder: ast.AST | None = run
    while holder is not None:
        # A comprehension may begin where its run does.
        is_it = serial.kind == "statements" or not isinstance(holder, ast.Call | ast.Await)
        if is_it and isinstance(holder, ast.expr | ast.stmt) and (holder.lineno, holder.col_offset) == place:
            return holder
        holder = module.parents.get(holder)
    return run


def _found(run: ast.Call, node: Located, serial: SerialAwait, *, is_async: bool) -> Found:
    assert isinstance(run.func, ast.Attribute)
    if serial.kind == "statements":
        lines = ", ".join(str(line) for line in serial.lines[:-1]) + f" and {serial.lines[-1]}"
        message = f"the runs in lines {lines} are awaited one after another, although none needs what the other gives"
        return Found(node, "AIC402", message, serial.instead)
    code, verb = ("AIC401", "awaits") if is_async else ("AIC403", "waits for")
    door = f"{run.func.attr}()"
    message = f"each pass of this {serial.kind} {verb} {door} before the next begins, although none needs the other"
    return Found(node, code, message, serial.instead)
