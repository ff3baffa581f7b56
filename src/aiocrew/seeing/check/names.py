"""What the names of a module stand for, as far as the module itself says so."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "Binding",
    "Function",
    "Scope",
    "arguments_of",
    "called_name",
    "decorators_of",
    "first_parameter",
    "holders",
    "kind_of",
    "targets_of",
]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
ScopeNode: TypeAlias = ast.Module | ast.ClassDef | Function | ast.Lambda


@dataclass(frozen=True, slots=True)
class Binding:
    """One place that gives a name its meaning: an import, a definition, a value, an annotation, or what is unknown."""

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
                is_method = around is not None and isinstance(around.node, ast.ClassDef)
                return around if is_method and first_parameter(scope.node) == name else None
            scope = around
        return None


def arguments_of(function: Function | ast.Lambda) -> Iterator[ast.arg]:
    """Give every parameter."""
    given = function.args
    yield from given.posonlyargs
    yield from given.args
    yield from given.kwonlyargs
    yield from (extra for extra in (given.vararg, given.kwarg) if extra is not None)


def first_parameter(function: Function) -> str:
    """Return the name of what is given first, of a method the object that has it; "" where nothing is."""
    return next((argument.arg for argument in [*function.args.posonlyargs, *function.args.args]), "")


def called_name(call: ast.Call) -> str:
    """Return the name of the function or method that is called; "" where it has none."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def decorators_of(function: Function) -> Iterator[ast.expr]:
    """Give the names of the decorators, whether these are called or not."""
    return (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)


def holders(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """Give the nodes in which `node` stands, the innermost first."""
    holder = parents.get(node)
    while holder is not None:
        yield holder
        holder = parents.get(holder)


def kind_of(annotation: ast.expr) -> ast.expr | None:
    """Return the name of the one class in an annotation: of `Optional[a.B]` it is `a.B`; None where there is none."""
    match annotation:
        case ast.Name() | ast.Attribute():
            return annotation
        case ast.BinOp(left=kind, op=ast.BitOr(), right=ast.Constant(value=None)):
            return kind_of(kind)
        case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional"), slice=kind):
            return kind_of(kind)
        case ast.Subscript(
            value=ast.Name(id="Annotated") | ast.Attribute(attr="Annotated"), slice=ast.Tuple(elts=[kind, *_])
        ):
            return kind_of(kind)
        case _:
            return None


def targets_of(target: ast.expr) -> Iterator[ast.expr]:
    """Give the single targets of an assignment: of `a, *b.c = ...` the name a and the attribute b.c."""
    if isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from targets_of(item)
    elif isinstance(target, ast.Starred):
        yield from targets_of(target.value)
    else:
        yield target
