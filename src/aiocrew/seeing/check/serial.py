"""Runs that wait for one another although none needs the other: where they stand, and what to write instead. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiocrew.seeing.check.awaiting import as_kickoffs, awaited_at, makes_coroutine, opened_in, started_lines
from aiocrew.seeing.check.data_paths import is_run, reads
from aiocrew.seeing.check.doors import ASYNC_DOORS
from aiocrew.seeing.check.loops import ends_with, first_run, loop_of_comprehension, loop_that_takes_apart
from aiocrew.seeing.check.module import Module, read_module
from aiocrew.seeing.check.names import Function
from aiocrew.seeing.check.parsing import ParseError, parse
from aiocrew.seeing.check.passes import Loop, Passes, bound_by, helper_of, like
from aiocrew.seeing.check.rows import block_of, rows_in
from aiocrew.seeing.check.shape import is_recorded
from aiocrew.seeing.check.wording import instead_of_comprehension, instead_of_loop, instead_of_row

__all__ = ["SerialAwait", "SerialKind", "SerialOrder", "serial_awaits"]

SerialKind: TypeAlias = Literal["loop", "comprehension", "statements", "none", "unreadable"]
_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp


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
    """Those in which the runs in it are begun, in their order: of a task it is the line that makes it."""
    column: int = 0
    """Of the loop, comprehension or first run, counted from 0 in bytes of UTF-8, as `ast` does."""
    instead: str = ""
    """What to write instead; "" for none and unreadable."""
    first: int = 0
    """Of a loop: the line in which each pass begins its first run, or those that go on at once. Runs begun there belong
    to a new pass, the others to the pass of the last such one. 0 where the passes cannot be told apart.
    """


def serial_awaits(source: str, line: int) -> SerialAwait | None:
    """Say how the runs that were carried out in `line` of `source` stand to each other, awaited or synchronous.

    The line may be that of a kickoff, of `gather`, `wait_for` or `create_task`, of `async with crew.start(...)`, of
    `async for` or `async with` over `crew.stream(...)`, or of a helper that does any of it.

    None where one of them needs another's output, or may need it: then nobody can say that they should be gathered.
    A call that is in no loop may be a helper's; ask again with the line that called the helper.
    """
    try:
        tree = parse(source)
        as_kickoffs(tree)
        target = _run_in(tree, line)
        if target is None:
            return SerialAwait("unreadable", line)
        return SerialOrder(read_module(tree)).of(target)
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
    runs = [call for call in (*calls, *opened_in(tree, line)) if is_run(call)]
    for candidates in (runs, awaited, calls):
        # Of calls that span several lines the one that begins in this line, or nearest before it, is meant.
        best = max(candidates, key=lambda call: (call.lineno, -call.col_offset), default=None)
        if best is not None:
            return best
    return None


class SerialOrder:
    """Answers for the runs of one module; what it found out about a loop is asked for only once."""

    def __init__(self, module: Module) -> None:
        self._parents = module.parents
        self._passes = Passes(module)
        self._loops: dict[tuple[ast.AST, str], SerialAwait | None] = {}
        self._rows: dict[tuple[ast.stmt, str], dict[ast.Call, list[ast.Call]]] = {}

    def of(self, target: ast.Call) -> SerialAwait | None:
        """Say what the run `target` stands in; None where it needs another run, or may need it."""
        where = awaited_at(target, self._parents) if makes_coroutine(target, ASYNC_DOORS) else target
        # Of a coroutine that goes elsewhere nothing is known.
        return SerialAwait("none", target.lineno) if where is None else self.of_awaited(where, target)

    def kicks_off(self, call: ast.Call) -> bool:
        """Whether a function of this module is called in which a run is carried out."""
        return self._passes.kicks_off(call)

    def of_awaited(self, where: ast.AST, target: ast.Call) -> SerialAwait | None:
        """Say the same of a run whose end is waited for at `where`."""
        if is_recorded(target):
            return None
        found = self._in_loop(where, target)
        if found is not None and found.kind != "none" and self._passes.links_runs:
            return None
        return found

    def _in_loop(self, where: ast.AST, target: ast.Call) -> SerialAwait | None:
        """Return what is to be said of the innermost loop whose passes do not need each other, or of the row."""
        in_loop, ends_loop = False, ends_with(where, self._parents)
        child = where
        holder = self._parents.get(where)
        while holder is not None and not isinstance(holder, ast.Lambda | ast.ClassDef | Function):
            found: SerialAwait | None = None
            match holder:
                case ast.GeneratorExp():
                    return None  # who iterates it decides when it goes on
                case ast.ListComp() | ast.SetComp() | ast.DictComp():
                    in_loop = True
                    if not isinstance(child, ast.comprehension):
                        found = self._comprehension(holder, target)
                case ast.For() | ast.AsyncFor():
                    # A run that gives what is iterated is carried out once.
                    inside = child not in holder.orelse and child is not holder.iter
                    if inside and not ends_loop:
                        in_loop = True
                        found = self._loop(holder, holder, target)
                case ast.While() if not ends_loop:
                    in_loop = True
                    taken = loop_that_takes_apart(holder, self._passes.scope_around(holder))
                    found = self._loop(holder, taken, target) if taken is not None else None
                case _:
                    pass
            if found is not None:
                return found
            ends_loop = ends_loop and not isinstance(holder, ast.For | ast.AsyncFor | ast.While)
            child, holder = holder, self._parents.get(holder)
        return None if in_loop else self._in_row(target)

    def _in_row(self, target: ast.Call) -> SerialAwait | None:
        around = self._passes.scope_around(target).node
        rows = self._rows_around(target, around)
        if len(rows) < 2 or target not in rows:
            # Who calls a function that needs its earlier calls has to do so in turn.
            needs = isinstance(around, Function) and self._passes.may_need_each_other(around)
            return None if needs else SerialAwait("none", target.lineno)
        row = rows[target]
        if len(row) == 1:
            return None
        lines = tuple(started_lines(run, self._parents)[0] for run in row)
        return SerialAwait("statements", lines[0], lines, row[0].col_offset, instead_of_row(row))

    def _rows_around(self, target: ast.Call, around: ast.AST) -> dict[ast.Call, list[ast.Call]]:
        """Return the rows of the block in which `target` stands, by their runs."""
        block = block_of(target, self._parents)
        if not block:
            return {}
        key = block[0], helper_of(target)
        if key not in self._rows:
            found = rows_in(block, self._parents, like(target), lambda body: self._passes.inlined(body, around))
            self._rows[key] = {run: row for row in found for run in row}
        return self._rows[key]

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, loop: Loop, target: ast.Call) -> SerialAwait | None:
        """Return what is to be said of the loop `node`, None where its passes may need each other.

        loop: the same, or what it amounts to.
        """
        key = node, helper_of(target)
        if key in self._loops:
            return self._loops[key]
        found = None
        if self._passes.are_independent(loop, target, self._passes.scope_around(node)):
            calls = self._passes.runs_in(node.body, target)
            first = first_run(node.body, calls)
            found = SerialAwait(
                "loop",
                node.lineno,
                self._lines_of([*calls, *self._passes.maybe_runs_in(node.body)]),
                node.col_offset,
                instead_of_loop(loop, target, calls),
                0 if first is None else started_lines(first, self._parents)[0],
            )
        self._loops[key] = found
        return found

    def _comprehension(self, node: _Comprehension, target: ast.Call) -> SerialAwait | None:
        if not _is_plain_comprehension(node, target):
            return None
        loop = loop_of_comprehension(node)
        if not self._passes.are_independent(loop, target, self._passes.scope_around(node)):
            return None
        body: list[ast.stmt] = [*loop.body]
        calls = self._passes.runs_in(body, target)
        lines = self._lines_of([*calls, *self._passes.maybe_runs_in(body)])
        first = started_lines(target, self._parents)[0] if len(calls) == 1 else 0
        instead = instead_of_comprehension(node, target)
        return SerialAwait("comprehension", node.lineno, lines, node.col_offset, instead, first)

    def _lines_of(self, calls: Iterable[ast.Call]) -> tuple[int, ...]:
        return tuple(sorted({line for call in calls for line in started_lines(call, self._parents)}))


def _is_plain_comprehension(node: _Comprehension, target: ast.Call) -> bool:
    """Whether the elements are made independently: no condition asks for a run, no name goes from one to the next."""
    inner = list(ast.walk(node))
    conditions = [test for part in node.generators for test in part.ifs]
    if any(isinstance(one, ast.Await) or one is target for test in conditions for one in ast.walk(test)):
        return False
    bound = {name for part in node.generators for name in bound_by(part.target)}
    differ = not bound.isdisjoint(path[0] for path in reads(target))
    return differ and not any(isinstance(one, ast.NamedExpr) for one in inner)
