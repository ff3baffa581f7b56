"""Statements with the functions they call put in their place, so that what a helper reads and changes is seen. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import cast

from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.names import Function, Scope, arguments_of, first_parameter, holders

__all__ = ["Inlined", "Inliner", "locals_of", "scope_of"]

_DEEPEST = 5
_MOST_CALLS = 30
"""Of more than that nobody sees the whole; what is left out stays a call."""


@dataclass(slots=True)
class Inlined:
    """Statements in which calls of visible functions are replaced by what these do."""

    body: list[ast.stmt]
    own: set[str] = field(default_factory=lambda: set[str]())
    """Names that stand for locals of the functions: they begin without a value in each call."""
    functions: list[Function] = field(default_factory=lambda: list[Function]())
    """Those that were put in."""
    replaced: set[ast.AST] = field(default_factory=lambda: set[ast.AST]())
    """What named them, in the statements and functions as they stand in the module."""


def locals_of(function: Function, module: Module) -> Set[str]:
    """Return the names that are the function's own: its parameters, and what it binds."""
    return module.scopes[function].bound.keys()


def scope_of(node: ast.AST, module: Module) -> Scope:
    """Return the scope in which `node` stands."""
    around = (holder for holder in holders(node, module.parents) if holder in module.scopes)
    return module.scopes[next(around, module.tree)]


class Inliner:
    """Puts functions of one module into the statements that call them."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def inlined(self, body: Sequence[ast.stmt], around: ast.AST) -> Inlined:
        """Return `body`, which stands in the function or module `around`, with the functions that it calls."""
        result = Inlined([])
        home = locals_of(around, self._module) if isinstance(around, Function) else ()
        hidden = {name: f"{name} of the module" for name in home}
        work = _Inlining(self._module, result, around, hidden)
        result.body = work.block(body)
        return result


@dataclass(frozen=True, slots=True)
class _Head:
    """What decides within an expression: conditions, and for what items."""

    tests: Sequence[ast.expr]
    target: ast.expr | None = None
    source: ast.expr | None = None


class _Inlining:
    def __init__(self, module: Module, result: Inlined, around: ast.AST, hidden: Mapping[str, str]) -> None:
        self._module = module
        self._result = result
        self._hidden = hidden
        """How functions of the module are to name what the names around the statements hide from them."""
        self._open: dict[ast.AST, Mapping[str, str]] = {around: {}}
        """What the names of each function, inside which this is, have become."""
        self._names: Mapping[str, str] = {}
        self._result_name = ""
        self._ahead: list[ast.stmt] = []
        self._calls = 0

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            outer, self._ahead = self._ahead, []
            copied = self._statement(statement)
            done += [*self._ahead, *copied]
            self._ahead = outer
        return done

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.Return(value=value) if self._result_name:
                given = ast.Constant(None) if value is None else self._expression(value)
                return [_assigned(self._result_name, given, statement), ast.copy_location(ast.Break(), statement)]
            case ast.Global() | ast.Nonlocal() if self._result_name:
                return []
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return [_Renaming(self._names).visit(copy.deepcopy(statement)) if self._names else statement]
            case _:
                copied = self._copy(statement)
                assert isinstance(copied, ast.stmt)
                return [copied]

    def _expression(self, node: ast.expr) -> ast.expr:
        copied = self._copy(node)
        assert isinstance(copied, ast.expr)
        return copied

    def _copy(self, node: ast.AST) -> ast.AST:
        match node:
            case ast.Name(id=name):
                return ast.copy_location(ast.Name(self._names[name], node.ctx), node) if name in self._names else node
            case ast.Call():
                return self._call(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._within(node, [_Head(part.ifs, part.target, part.iter) for part in node.generators])
            case ast.IfExp(test=test):
                return self._within(node, [_Head([test])])
            case ast.BoolOp(values=[first, *_]):
                return self._within(node, [_Head([first])])
            case ast.Lambda():
                return self._renamed(node)
            case _:
                return self._fields(node)

    def _fields(self, node: ast.AST) -> ast.AST:
        """Return `node` with its parts copied; the very same where nothing in it has changed."""
        values: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                values[name] = self._several(cast("list[object]", value))
            elif isinstance(value, ast.AST):
                values[name] = self._copy(value)
            else:
                values[name] = self._names.get(value, value) if name == "name" and isinstance(value, str) else value
        if all(values[name] is value for name, value in ast.iter_fields(node)):
            return node
        return ast.copy_location(type(node)(**values), node)

    def _several(self, values: list[object]) -> list[object]:
        statements = [value for value in values if isinstance(value, ast.stmt)]
        copied: list[object] = (
            [*self.block(statements)]
            if statements
            else [self._copy(value) if isinstance(value, ast.AST) else value for value in values]
        )
        same = len(copied) == len(values) and all(one is other for one, other in zip(copied, values, strict=True))
        return values if same else copied

    def _within(self, node: ast.expr, heads: Sequence[_Head]) -> ast.AST:
        """Copy an expression that decides how often its parts are carried out; their functions stand under the same."""
        outer, self._ahead = self._ahead, []
        copied = self._fields(node)
        inner, self._ahead = self._ahead, outer
        for head in reversed(heads if inner else []):
            for test in head.tests:
                inner = [_under(ast.If(self._renamed(test), inner, []), node)]
            if head.target is not None and head.source is not None:
                target, source = self._renamed(head.target), self._renamed(head.source)
                inner = [_under(ast.For(target, source, inner, []), node)]
        self._ahead += inner
        return copied

    def _renamed(self, node: ast.expr) -> ast.expr:
        return _Renaming(self._names).visit(copy.deepcopy(node)) if self._names else node

    def _call(self, call: ast.Call) -> ast.AST:
        call = _meant(call)
        function = self._callee(call)
        copied = self._fields(call)
        assert isinstance(copied, ast.Call)
        if function is None or len(self._open) > _DEEPEST or self._calls >= _MOST_CALLS or function in self._open:
            return copied
        self._calls += 1
        self._result.functions.append(function)
        self._result.replaced.add(call.func)
        mark = f"{function.name} {self._calls}"
        own = {name: f"{name} in {mark}" for name in locals_of(function, self._module)}
        names = {**self._seen_from(function), **own}
        names |= self._receiver(call, function, names)
        given = list(_parameters(copied, function, names, is_method=isinstance(call.func, ast.Attribute)))
        shared = {names[argument.arg] for argument in arguments_of(function)} - {target for target, _ in given}
        self._result.own |= set(own.values()) - shared | {mark}
        outer = self._names, self._result_name, self._ahead
        self._names, self._result_name, self._ahead = names, mark, []
        self._open[function] = names
        body = self.block(function.body)
        del self._open[function]
        self._names, self._result_name, self._ahead = outer
        once = ast.For(ast.Name(f"pass of {mark}", ast.Store()), ast.Tuple([], ast.Load()), body, [])
        self._ahead += [
            *(_assigned(target, value, call) for target, value in given),
            _assigned(mark, ast.Constant(None), call),
            ast.copy_location(once, call),
        ]
        return ast.copy_location(ast.Name(mark, ast.Load()), call)

    def _callee(self, call: ast.Call) -> Function | None:
        found = self._module.definition(call.func, scope_of(call.func, self._module))
        return found if isinstance(found, Function) and found not in self._module.generators else None

    def _seen_from(self, function: Function) -> Mapping[str, str]:
        """Return what the names around `function` have become."""
        scope = self._module.scopes[function].parent
        while scope is not None:
            if scope.node in self._open:
                return self._open[scope.node]
            scope = scope.parent
        return self._hidden

    def _receiver(self, call: ast.Call, function: Function, names: Mapping[str, str]) -> dict[str, str]:
        """Return what a method calls the object that has it: it is no copy."""
        first = first_parameter(function)
        match call.func:
            case ast.Attribute(value=ast.Name(id=name)) if first and not _is_static(function):
                return {first: self._names.get(name, name)}
            case _:
                return {}


def _meant(call: ast.Call) -> ast.Call:
    """Return the call that a thread is to carry out, else `call` itself."""
    match call:
        case ast.Call(func=ast.Attribute(attr="to_thread") | ast.Name(id="to_thread"), args=[function, *arguments]):
            return ast.copy_location(ast.Call(function, arguments, call.keywords), call)
        case _:
            return call


class _Renaming(ast.NodeTransformer):
    """Gives names the names that they have become, and leaves calls as they are."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename one."""
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)


def _assigned(name: str, value: ast.expr, place: ast.expr | ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), place)


def _under(head: ast.stmt, place: ast.expr) -> ast.stmt:
    return ast.copy_location(head, place)


def _is_static(function: Function) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list)


def _parameters(
    call: ast.Call, function: Function, names: Mapping[str, str], *, is_method: bool
) -> Iterator[tuple[str, ast.expr]]:
    """Give what each parameter is given in `call`; not one whose default all calls have in common."""
    own = function.args
    in_order = [*own.posonlyargs, *own.args]
    defaults = dict(zip([argument.arg for argument in in_order[::-1]], own.defaults[::-1], strict=False))
    defaults |= {
        argument.arg: value
        for argument, value in zip(own.kwonlyargs, own.kw_defaults, strict=True)
        if value is not None
    }
    if is_method and not _is_static(function):
        in_order = in_order[1:]  # the object itself
    positional = dict(zip([argument.arg for argument in in_order], call.args, strict=False))
    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
    everything = ast.Tuple([*call.args, *by_name.values()], ast.Load())
    is_plain = None not in by_name and not any(isinstance(one, ast.Starred) for one in call.args)
    extras = {extra.arg for extra in (own.vararg, own.kwarg) if extra is not None}
    for name in [argument.arg for argument in [*in_order, *own.kwonlyargs]] + sorted(extras):
        if not is_plain or name in extras:
            yield names[name], everything
        elif name in positional or name in by_name:
            yield names[name], positional[name] if name in positional else by_name[name]
        elif isinstance(defaults.get(name), ast.Constant | ast.Name | ast.Attribute | ast.Tuple | ast.UnaryOp):
            yield names[name], ast.Constant(None)
