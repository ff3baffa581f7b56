"""What the names of a module stand for, as far as the module itself says so."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Binding", "Function", "Scope", "arguments_of", "targets_of"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
ScopeNode: TypeAlias = ast.Module | ast.ClassDef | Function | ast.Lambda


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that gives a name its meaning; of the fields at most one is set, none where the meaning is unknown."""

    scope: Scope
    """Where `value` and `annotation` are to be read."""
    dotted: str = ""
    """What was imported: "time.sleep"."""
    value: ast.expr | None = None
    annotation: ast.expr | None = None
    definition: Function | ast.ClassDef | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function, and the names that are bound directly in it."""

    node: ScopeNode
    parent: Scope | None = None
    bound: defaultdict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    attributes: defaultdict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    """Of a class: what its methods set on `self`."""
    elsewhere: set[str] = field(default_factory=lambda: set[str]())
    """Names declared global or nonlocal."""

    def bind(self, name: str, binding: Binding) -> None:
        """Note that `name` is given a meaning here."""
        home = self
        while name in home.elsewhere and home.parent is not None:
            home = home.parent
        home.bound[name].append(binding)

    def lookup(self, name: str) -> list[Binding] | None:
        """Return what `name` may mean here, None where nothing in the module binds it."""
        scope: Scope | None = self
        while scope is not None:
            # A function does not see the names of the class around it.
            if name in scope.bound and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope.bound[name]
            scope = scope.parent
        return None

    def class_of_self(self, name: str) -> Scope | None:
        """Return the class whose instance `name` is, where `name` is the first parameter of one of its methods."""
        scope: Scope | None = self
        while scope is not None:
            around = scope.parent
            if isinstance(scope.node, Function) and name in {argument.arg for argument in arguments_of(scope.node)}:
                first = (scope.node.args.posonlyargs + scope.node.args.args)[:1]
                is_method = around is not None and isinstance(around.node, ast.ClassDef)
                return around if is_method and first and first[0].arg == name else None
            scope = around
        return None


def arguments_of(function: Function | ast.Lambda) -> Iterator[ast.arg]:
    """Give every parameter."""
    given = function.args
    yield from given.posonlyargs
    yield from given.args
    yield from given.kwonlyargs
    yield from (extra for extra in (given.vararg, given.kwarg) if extra is not None)


def targets_of(target: ast.expr) -> Iterator[ast.expr]:
    """Give the single targets of an assignment: of `a, *b.c = ...` the name a and the attribute b.c."""
    if isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from targets_of(item)
    elif isinstance(target, ast.Starred):
        yield from targets_of(target.value)
    else:
        yield target
