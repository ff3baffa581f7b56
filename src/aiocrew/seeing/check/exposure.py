"""Which names an iteration reads before it has given them a value itself, so that an earlier one's counts. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from aiocrew.seeing.check.data_paths import reads
from aiocrew.seeing.check.names import targets_of

__all__ = ["exposed_names"]


def exposed_names(body: Sequence[ast.stmt], given: Iterable[str]) -> set[str]:
    """Return the names that `body` may read as an earlier pass left them; `given` are those that a pass begins with."""
    flow = _Flow()
    flow.block(body, set(given))
    return flow.exposed


class _Flow:
    def __init__(self) -> None:
        self.exposed: set[str] = set()

    def block(self, body: Sequence[ast.stmt], given: set[str]) -> set[str] | None:
        """Return which names have a value of this pass after `body`, None where nothing comes after it."""
        now = set(given)
        for statement in body:
            after = self._statement(statement, now)
            if after is None:
                return None
            now = after
        return now

    def _statement(self, statement: ast.stmt, now: set[str]) -> set[str] | None:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                self._read(test, now)
                return _both(self.block(body, now), self.block(orelse, now))
            case ast.For(target=target, iter=head, body=body) | ast.AsyncFor(target=target, iter=head, body=body):
                self._read(head, now)
                self.block(body, now | _bound(target))
                self.block(statement.orelse, now)
                return now
            case ast.While(test=test, body=body, orelse=orelse):
                self._read(test, now)
                self.block(body, now)
                self.block(orelse, now)
                return now
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    self._read(item.context_expr, now)
                    now = now | (_bound(item.optional_vars) if item.optional_vars is not None else set[str]())
                return self.block(body, now)
            case ast.Try() | ast.TryStar():
                return self._try(statement, now)
            case ast.Match(subject=subject, cases=cases):
                self._read(subject, now)
                for case in cases:
                    self.block(case.body, now | {name for name in map(_captured, ast.walk(case.pattern)) if name})
                return now
            case ast.Continue() | ast.Break() | ast.Raise() | ast.Return():
                self._read(statement, now)
                return None
            case _:
                return self._simple(statement, now)

    def _simple(self, statement: ast.stmt, now: set[str]) -> set[str]:
        self._read(statement, now)
        match statement:
            case ast.Assign(targets=targets):
                return now.union(*map(_bound, targets))
            case ast.AugAssign(target=ast.Name(id=name)):
                if name not in now:
                    self.exposed.add(name)
                return now | {name}
            case ast.AnnAssign(target=target, value=ast.expr()):
                return now | _bound(target)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                return now | {name}
            case _:
                return now

    def _try(self, statement: ast.Try | ast.TryStar, now: set[str]) -> set[str] | None:
        after = self.block(statement.body, now)
        if after is not None:
            after = self.block(statement.orelse, after)
        for handler in statement.handlers:
            after = _both(after, self.block(handler.body, now | ({handler.name} if handler.name else set[str]())))
        last = self.block(statement.finalbody, now)
        return None if after is None or last is None else after | last

    def _read(self, node: ast.AST, now: set[str]) -> None:
        self.exposed |= {path[0] for path in reads(node)} - now


def _both(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _bound(target: ast.expr) -> set[str]:
    return {single.id for single in targets_of(target) if isinstance(single, ast.Name)}


def _captured(pattern: ast.AST) -> str | None:
    return pattern.name if isinstance(pattern, ast.MatchAs | ast.MatchStar) else None
