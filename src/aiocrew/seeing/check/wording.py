"""What to write instead of runs one after another, in the names of the code at hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from aiocrew.seeing.check.data_paths import is_run, path_of
from aiocrew.seeing.check.doors import SYNC_DOORS

__all__ = ["instead_of_comprehension", "instead_of_loop", "instead_of_row"]

_LONGEST = 100


def instead_of_loop(loop: ast.For | ast.AsyncFor, run: ast.Call, runs: Sequence[ast.Call]) -> str:
    """Return what does the work of `loop` with all its runs at once.

    run: the one that was asked about; runs: all that stand in the loop.
    """
    if isinstance(loop, ast.AsyncFor):
        return "async with crew.map(inputs) as outcomes, which takes an async iterable of inputs, many at once"
    bound = {name.id for statement in [loop.target, *loop.body] for name in _stored(statement)}
    doors = [one for one in runs if is_run(one)] or [run]
    is_of_one = all(_is_of_one(one, bound) for one in doors) and len({_receiver(one) for one in doors}) == 1
    if any(_is_batch(node) for statement in loop.body for node in ast.walk(statement)):
        return _in_batches(doors[0] if is_of_one else None)
    if len(runs) > 1:
        each = f"one_pass(...) for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"
        each = each if len(each) <= _LONGEST else "..."
        gathered = f"await asyncio.gather(*[{each}], return_exceptions=True)"
        return f"{gathered}, where one_pass() is an async function with the body of this loop"
    return _for_each(run) if is_of_one else _gathered(run, loop.target, loop.iter)


def _stored(node: ast.AST) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))


def _is_batch(node: ast.AST) -> bool:
    """Whether several runs are let go on at once here."""
    match node:
        case ast.Call(func=ast.Attribute(attr="gather") | ast.Name(id="gather"), args=args):
            return len(args) > 1 or any(isinstance(one, ast.Starred) for one in args)
        case ast.Call(func=ast.Attribute(attr="TaskGroup") | ast.Name(id="TaskGroup")):
            return True
        case _:
            return False


def _in_batches(run: ast.Call | None) -> str:
    if run is None:
        gathered = "await asyncio.gather(*[...], return_exceptions=True)"
        return f"{gathered}, with the runs of all passes, each inside `async with` of one asyncio.Semaphore"
    assert isinstance(run.func, ast.Attribute)
    crew = ast.unparse(run.func.value)
    return f"await {crew}.kickoff_for_each_async([...], max_concurrency=...), with the inputs of all passes"


def _receiver(run: ast.Call) -> str:
    return ast.unparse(run.func.value) if isinstance(run.func, ast.Attribute) else ""


def instead_of_comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp, run: ast.Call) -> str:
    """Return what does the work of a comprehension with all its runs at once."""
    bound = {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}
    first = node.generators[0]
    return _for_each(run) if _is_of_one(run, bound) else _gathered(run, first.target, first.iter)


def instead_of_row(runs: Sequence[ast.Call]) -> str:
    """Return what does the work of a row of runs at once."""
    text = ", ".join(_coroutine(run) for run in runs)
    if len(text) > _LONGEST:
        text = ", ".join(f"{_coroutine(run).partition('(')[0]}(...)" for run in runs)
    return f"await asyncio.gather({text if len(text) <= _LONGEST else '...'}, return_exceptions=True)"


def _is_of_one(run: ast.Call, bound: set[str]) -> bool:
    """Whether one crew does all the inputs: what is kicked off is no name of the loop."""
    if not is_run(run) or not isinstance(run.func, ast.Attribute) or "for_each" in run.func.attr:
        return False
    path = path_of(run.func.value)
    return bool(path) and path[0] not in bound and "flow" not in path[-1].lower() and "agent" not in path[-1].lower()


def _for_each(run: ast.Call) -> str:
    assert isinstance(run.func, ast.Attribute)
    door, crew = run.func.attr, ast.unparse(run.func.value)
    if door in SYNC_DOORS:
        return f"{crew}.kickoff_for_each([...]), with the inputs of all passes"
    return f"await {crew}.kickoff_for_each_async([...]), with the inputs of all passes"


def _gathered(run: ast.Call, target: ast.expr, iterated: ast.expr) -> str:
    each = f"{_coroutine(run)} for {ast.unparse(target)} in {ast.unparse(iterated)}"
    text = f"await asyncio.gather(*[{each}], return_exceptions=True)"
    if len(text) > _LONGEST:
        text = "await asyncio.gather(*[...], return_exceptions=True), with the runs of all passes"
    return text if not _is_synchronous(run) else f"{text} in an async function"


def _is_synchronous(run: ast.Call) -> bool:
    return isinstance(run.func, ast.Attribute) and run.func.attr in SYNC_DOORS


def _coroutine(run: ast.Call) -> str:
    text = ast.unparse(run)
    if isinstance(run.func, ast.Attribute) and run.func.attr in SYNC_DOORS:
        door = f"{ast.unparse(run.func.value)}.{SYNC_DOORS[run.func.attr]}"
        text = door + text.removeprefix(ast.unparse(run.func))
    return text
