"""Rows of statements that each carry out one run, and whether they need each other. Pure."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias, cast

from aiocrew.seeing.check.data_paths import overlap, reads
from aiocrew.seeing.check.effects import Links, Runs, changes_in, inputs_of, outputs_of
from aiocrew.seeing.check.inlining import Inlined
from aiocrew.seeing.check.names import Function, holders
from aiocrew.seeing.check.shape import is_awaited, is_recorded, own_nodes, plain_between

__all__ = ["block_of", "rest_of", "rows_in"]

Inlines: TypeAlias = Callable[[Sequence[ast.stmt]], tuple[Inlined, Links]]

_LONGEST = 20
"""A row is cut here; whoever has more of them in one function knows anyway."""


def block_of(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Sequence[ast.stmt]:
    """Return the statements beside which the statement around `node` stands, itself among them."""
    statement = next((one for one in (node, *holders(node, parents)) if isinstance(one, ast.stmt)), None)
    holder = parents.get(statement) if statement is not None else None
    for name in ("body", "orelse", "finalbody"):
        block = getattr(holder, name, [])
        if isinstance(block, list) and statement in block:
            return cast("list[ast.stmt]", block)
    return []


def rest_of(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Sequence[ast.stmt]:
    """Return the statement around `node` in the innermost block, and those after it there."""
    block = block_of(node, parents)
    inside = next((one for one in (node, *holders(node, parents)) if one in block), None)
    return block[block.index(inside) :] if isinstance(inside, ast.stmt) else []


def rows_in(
    block: Sequence[ast.stmt], parents: Mapping[ast.AST, ast.AST], is_run: Runs, inlined: Inlines
) -> list[list[ast.Call]]:
    """Return the single runs of `block`, cut into rows: the runs of one need nothing of each other.

    inlined: gives statements with what the functions do that they call, and what is known of the data around them.
    """
    singles = {index: run for index, one in enumerate(block) if (run := _single_run(one, is_run, parents)) is not None}
    rows: list[list[ast.Call]] = []
    begin = last = -1
    for index, run in singles.items():
        if begin >= 0 and len(rows[-1]) < _LONGEST and _goes_on(block, singles, (begin, last, index), is_run, inlined):
            rows[-1].append(run)
        else:
            rows.append([run])
            begin = index
        last = index
    return rows


def _goes_on(
    block: Sequence[ast.stmt],
    singles: Mapping[int, ast.Call],
    place: tuple[int, int, int],
    is_run: Runs,
    inlined: Inlines,
) -> bool:
    """Whether the run at the third place needs nothing of the row that began at the first and goes to the second."""
    begin, last, index = place
    run = singles[index]
    if not isinstance(block[last], ast.Assign | ast.AnnAssign):
        return False  # whoever drops an output wants what else the run does, and perhaps before the next
    if not all(plain_between(statement) for statement in block[last + 1 : index]):
        return False
    if any(ast.dump(singles[earlier]) == ast.dump(run) for earlier in range(begin, index) if earlier in singles):
        return False  # the same once more is meant to come after the first
    before, links = inlined(block[begin:index])
    outputs = outputs_of(before.body, is_run, links, fields=True)
    if outputs is None:
        return False
    needed = inputs_of([*block[last + 1 : index], block[index]], lambda call: call is run)
    if before.functions:
        changes = changes_in(before.body, is_run, links, before.own)
        if changes is None:
            return False
        outputs |= changes
        needed |= inputs_of(inlined(block[last + 1 : index + 1])[0].body, is_run)
    return not overlap(outputs, needed | _targets_read(block[index]))


def _targets_read(statement: ast.stmt) -> set[tuple[str, ...]]:
    """Return what the statement itself reads: `total = total + len(await ...)` needs the total."""
    value = getattr(statement, "value", None)
    return reads(value) if isinstance(value, ast.expr) else set()


def _single_run(statement: ast.stmt, is_run: Runs, parents: Mapping[ast.AST, ast.AST]) -> ast.Call | None:
    """Return the one run of a plain statement, where it is carried out at once: awaited, or synchronous."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.Return):
        return None
    found = [node for node in own_nodes([statement]) if isinstance(node, ast.Call) and is_run(node)]
    if len(found) != 1 or is_recorded(found[0]) or _is_inside(found[0], statement, parents):
        return None
    return found[0] if is_awaited(found[0], parents) or _in_plain_function(statement, parents) else None


def _is_inside(run: ast.Call, statement: ast.stmt, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether a comprehension or a condition decides how often the run is carried out."""
    inside = takewhile(lambda one: one is not statement, holders(run, parents))
    return any(
        isinstance(one, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.IfExp | ast.BoolOp)
        for one in inside
    )


def _in_plain_function(statement: ast.stmt, parents: Mapping[ast.AST, ast.AST]) -> bool:
    around = (one for one in holders(statement, parents) if isinstance(one, Function))
    return not isinstance(next(around, None), ast.AsyncFunctionDef)
