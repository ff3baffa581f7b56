"""Runs that wait for one another although none needs the other: where they stand, and what to write instead. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiocrew.seeing.check.data_paths import WORLD, is_run, overlap, reads
from aiocrew.seeing.check.doors import ASYNC_DOORS
from aiocrew.seeing.check.effects import Links, Runs, changes_in, inputs_of, outputs_of
from aiocrew.seeing.check.exposure import exposed_names
from aiocrew.seeing.check.names import Function, targets_of
from aiocrew.seeing.check.parsing import ParseError, parse
from aiocrew.seeing.check.rows import block_of, rows_in
from aiocrew.seeing.check.shape import can_run_at_once, is_awaited, is_recorded, own_nodes
from aiocrew.seeing.check.wording import instead_of_comprehension, instead_of_loop, instead_of_row

__all__ = ["SerialAwait", "SerialKind", "SerialOrder", "serial_awaits"]

SerialKind: TypeAlias = Literal["loop", "comprehension", "statements", "none", "unreadable"]
_Loop: TypeAlias = ast.For | ast.AsyncFor


@dataclass(frozen=True, slots=True)
class SerialAwait:
    """What stands where runs were carried out one after another."""

    kind: SerialKind
    """loop, comprehension: its passes do not need each other, as far as can be seen.
    statements: a row of runs that do not need each other.
    none: the line is in no loop and in no row; who calls its function may hold the loop.
    unreadable: the source cannot be parsed, or has no call in that line.
    """
    line: int
    """That of the loop or comprehension, or of the row's first run; else the line that was asked for."""
    lines: tuple[int, ...] = ()
    """Those of the runs in it, in their order."""
    column: int = 0
    """Of the loop, comprehension or first run, counted from 0 in bytes of UTF-8, as `ast` does."""
    instead: str = ""
    """What to write instead; "" for none and unreadable."""


def serial_awaits(source: str, line: int) -> SerialAwait | None:
    """Say how the runs that were carried out in `line` of `source` stand to each other, awaited or synchronous.

    None where one of them needs another's output, or may need it: then nobody can say that they should be gathered.
    A call that is in no loop may be a helper's; ask again with the line that called the helper.
    """
    try:
        tree = parse(source)
        target = _run_in(tree, line)
        if target is None:
            return SerialAwait("unreadable", line)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        return SerialOrder(tree, parents).of(target)
    except (ParseError, RecursionError):
        return SerialAwait("unreadable", line)


def _run_in(tree: ast.Module, line: int) -> ast.Call | None:
    """Return the run whose text covers `line`: a door of a crew, else what is awaited there, else what is called."""
    covering = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Await | ast.Call) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    calls = [node for node in covering if isinstance(node, ast.Call)]
    awaited = [node.value for node in covering if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)]
    for candidates in ([call for call in calls if is_run(call)], awaited, calls):
        # Of calls that span several lines the one that begins in this line, or nearest before it, is meant.
        best = max(candidates, key=lambda call: (call.lineno, -call.col_offset), default=None)
        if best is not None:
            return best
    return None


class SerialOrder:
    """Answers for the runs of one module; what it found out about a loop is asked for only once."""

    def __init__(self, tree: ast.Module, parents: Mapping[ast.AST, ast.AST]) -> None:
        self._tree = tree
        self._parents = parents
        self._links: dict[ast.AST, Links] = {}
        self._loops: dict[_Loop, SerialAwait | None] = {}
        self._rows: dict[ast.stmt, dict[ast.Call, list[ast.Call]]] = {}

    def of(self, target: ast.Call) -> SerialAwait | None:
        """Say what the run `target` stands in; None where it needs another run, or may need it."""
        if _name(target) in ASYNC_DOORS and not is_awaited(target, self._parents):
            return SerialAwait("none", target.lineno)  # its coroutine goes elsewhere
        if is_recorded(target):
            return None
        in_loop = False
        child: ast.AST = target
        holder = self._parents.get(target)
        while holder is not None and not isinstance(holder, ast.Lambda | ast.ClassDef | Function):
            match holder:
                case ast.GeneratorExp():
                    return None  # who iterates it decides when it goes on
                case ast.ListComp() | ast.SetComp() | ast.DictComp():
                    in_loop = True
                    if not isinstance(child, ast.comprehension) and _is_plain_comprehension(holder, target):
                        return _comprehension(holder, target)
                case ast.For() | ast.AsyncFor():
                    # A run that gives what is iterated is carried out once.
                    inside = child not in holder.orelse and child is not holder.iter
                    in_loop = in_loop or inside
                    found = self._loop(holder, target) if inside else None
                    if found is not None:
                        return found
                case ast.While():
                    in_loop = True
                case _:
                    pass
            child, holder = holder, self._parents.get(holder)
        if in_loop:
            return None
        return self._in_row(target)

    def _in_row(self, target: ast.Call) -> SerialAwait | None:
        block = block_of(target, self._parents)
        if not block:
            return SerialAwait("none", target.lineno)
        rows = self._rows.get(block[0]) if is_run(target) else None
        if rows is None:
            links = self._links_of(self._around(target))
            found = rows_in(block, self._parents, _like(target), links)
            rows = {run: row for row in found for run in row}
            if is_run(target):
                self._rows[block[0]] = rows
        if len(rows) < 2 or target not in rows:
            return SerialAwait("none", target.lineno)
        row = rows[target]
        if len(row) == 1:
            return None
        lines = tuple(run.lineno for run in row)
        return SerialAwait("statements", lines[0], lines, row[0].col_offset, instead_of_row(row))

    def _loop(self, loop: _Loop, target: ast.Call) -> SerialAwait | None:
        """Return what is to be said of `loop`, None where its passes may need each other."""
        if is_run(target) and loop in self._loops:
            return self._loops[loop]
        found = None
        if self._passes_are_independent(loop, target):
            lines = sorted({call.lineno for call in _runs(loop.body, _like(target))})
            found = SerialAwait("loop", loop.lineno, tuple(lines), loop.col_offset, instead_of_loop(loop, target))
        if is_run(target):
            self._loops[loop] = found
        return found

    def _passes_are_independent(self, loop: _Loop, target: ast.Call) -> bool:
        """Whether no run in a pass reads what an earlier pass's runs left behind."""
        if not can_run_at_once(loop):
            return False
        runs, links = _like(target), self._links_of(self._around(loop))
        bound = _bound(loop.target)
        outputs = outputs_of(loop.body, runs, links, fields=False)
        changes = changes_in(loop.body, runs, links, bound)
        if outputs is None or changes is None:
            return False
        inputs = inputs_of(loop.body, runs)
        if bound.isdisjoint(path[0] for path in inputs):
            return False  # the same once more: what makes the passes differ cannot be seen
        exposed = exposed_names(loop.body, bound)
        carried = {path for path in inputs if path == WORLD or path[0] in exposed} | (reads(loop.iter) - {WORLD})
        return not overlap(outputs | changes, carried)

    def _around(self, node: ast.AST) -> ast.AST:
        holder = self._parents.get(node)
        while holder is not None and not isinstance(holder, Function):
            holder = self._parents.get(holder)
        return holder or self._tree

    def _links_of(self, around: ast.AST) -> Links:
        if around not in self._links:
            is_function = isinstance(around, Function)
            self._links[around] = (
                Links(around.body, self._links_of(self._tree)) if is_function else Links(self._tree.body)
            )
        return self._links[around]


def _like(target: ast.Call) -> Runs:
    """Return what tells runs from other calls, where `target` is one: a helper of the user's counts by its name."""
    if is_run(target):
        return is_run
    helper = ast.dump(target.func)
    return lambda call: call is target or is_run(call) or ast.dump(call.func) == helper


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _runs(body: Sequence[ast.stmt], runs: Runs) -> list[ast.Call]:
    return [node for node in own_nodes(body) if isinstance(node, ast.Call) and runs(node)]


def _bound(target: ast.expr) -> set[str]:
    return {name.id for name in targets_of(target) if isinstance(name, ast.Name)}


def _is_plain_comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp, target: ast.Call) -> bool:
    """Whether the elements are made independently: no condition asks for a run, no name goes from one to the next."""
    inner = list(ast.walk(node))
    conditions = [test for part in node.generators for test in part.ifs]
    if any(isinstance(one, ast.Await) or one is target for test in conditions for one in ast.walk(test)):
        return False
    bound = {name for part in node.generators for name in _bound(part.target)}
    differ = not bound.isdisjoint(path[0] for path in reads(target))
    return differ and not any(isinstance(one, ast.NamedExpr) for one in inner)


def _comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp, target: ast.Call) -> SerialAwait:
    instead = instead_of_comprehension(node, target)
    return SerialAwait("comprehension", node.lineno, (target.lineno,), node.col_offset, instead)
