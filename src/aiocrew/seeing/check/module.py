"""A module, read once: its calls, its scopes, and where the values of its names come from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiocrew.seeing.check.names import Binding, Function, Scope, arguments_of, targets_of

__all__ = ["Call", "Module", "read_module"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and the scope in which it stands."""

    node: ast.Call
    scope: Scope


@dataclass(slots=True, eq=False)
class Module:
    """What the checks look at."""

    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=lambda: dict[ast.AST, ast.AST]())
    scopes: dict[ast.AST, Scope] = field(default_factory=lambda: dict[ast.AST, Scope]())
    """The scope that each module, class and function opens."""
    calls: list[Call] = field(default_factory=lambda: list[Call]())
    blocks: list[tuple[ast.With | ast.AsyncWith, Scope]] = field(default_factory=lambda: [])
    yielding: list[Scope] = field(default_factory=lambda: list[Scope]())
    """The scope around each `yield`."""
    imported: set[str] = field(default_factory=lambda: set[str]())
    """The top-level packages that are imported anywhere in it."""
    _origins: dict[Binding, str] = field(default_factory=lambda: dict[Binding, str]())

    def origin(self, expression: ast.expr, scope: Scope) -> str:
        """Return where a value comes from: "time.sleep", "sqlite3.connect().cursor()"; "" where that is not certain."""
        match expression:
            case ast.Name(id=name):
                bindings = scope.lookup(name)
                return f"builtins.{name}" if bindings is None else self._common(bindings)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                return self._common(owner.attributes[attribute] + owner.bound.get(attribute, []))
            case ast.Attribute(value=value, attr=attribute):
                return _joined(self.origin(value, scope), f".{attribute}")
            case ast.Call(func=function):
                definition = self.definition(function, scope)
                if isinstance(definition, ast.FunctionDef) and definition.returns is not None:
                    return _joined(self._annotated(definition.returns, self.scopes[definition]), "()")
                return _joined(self.origin(function, scope), "()")
            case ast.Subscript(value=value):
                return _joined(self.origin(value, scope), "[]")
            case ast.NamedExpr(value=value):
                return self.origin(value, scope)
            case _:
                return ""

    def definition(self, expression: ast.expr, scope: Scope) -> Function | ast.ClassDef | None:
        """Return the function, method or class of this module that `expression` names, where there is just one."""
        match expression:
            case ast.Name(id=name):
                bindings = scope.lookup(name) or []
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                bindings = owner.bound.get(attribute, []) + owner.attributes.get(attribute, [])
            case _:
                return None
        return bindings[0].definition if len(bindings) == 1 else None

    def value(self, expression: ast.expr, scope: Scope) -> Binding | None:
        """Return the one assignment that gives a name, or an attribute of self, its value."""
        match expression:
            case ast.Name(id=name):
                bindings = scope.lookup(name) or []
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                bindings = owner.bound.get(attribute, []) + owner.attributes.get(attribute, [])
            case _:
                return None
        return bindings[0] if len(bindings) == 1 and bindings[0].value is not None else None

    def own_method(self, receiver: ast.expr, name: str, scope: Scope) -> bool:
        """Whether a class of this module, of which `receiver` is an instance, defines the method `name` itself."""
        match receiver:
            case ast.Name(id=given) if owner := scope.class_of_self(given):
                return name in owner.bound
            case ast.Name() if (binding := self.value(receiver, scope)) and binding.value is not None:
                receiver, scope = binding.value, binding.scope
            case _:
                pass
        if not isinstance(receiver, ast.Call):
            return False
        made = self.definition(receiver.func, scope)
        return isinstance(made, ast.ClassDef) and name in self.scopes[made].bound

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that holds `node`."""
        holder: ast.AST | None = node
        while holder is not None and not isinstance(holder, ast.stmt):
            holder = self.parents.get(holder)
        return holder

    def _common(self, bindings: list[Binding]) -> str:
        found = {self._of(binding) for binding in bindings if not _is_none(binding)}
        return found.pop() if len(found) == 1 else ""

    def _of(self, binding: Binding) -> str:
        if binding not in self._origins:
            self._origins[binding] = ""  # what is made of itself has no origin
            if binding.value is not None:
                self._origins[binding] = self.origin(binding.value, binding.scope)
            elif binding.annotation is not None:
                self._origins[binding] = _joined(self._annotated(binding.annotation, binding.scope), "()")
            else:
                self._origins[binding] = binding.dotted
        return self._origins[binding]

    def _annotated(self, annotation: ast.expr, scope: Scope) -> str:
        match annotation:
            case ast.BinOp(left=kind, op=ast.BitOr(), right=ast.Constant(value=None)):
                return self._annotated(kind, scope)
            case ast.Name() | ast.Attribute():
                found = self.origin(annotation, scope)
                return "" if found.startswith("builtins.") else found
            case _:
                return ""


def _joined(base: str, rest: str) -> str:
    return f"{base}{rest}" if base else ""


def _is_none(binding: Binding) -> bool:
    return isinstance(binding.value, ast.Constant) and binding.value.value is None


def read_module(tree: ast.Module) -> Module:
    """Return what the checks need of `tree`, in one pass that no depth of nesting can exhaust."""
    module = Module(tree)
    module.scopes[tree] = top = Scope(tree)
    ahead: list[tuple[ast.AST, Scope, ast.AST]] = [(child, top, tree) for child in reversed(tree.body)]
    while ahead:
        node, scope, parent = ahead.pop()
        module.parents[node] = parent
        inner = _opened(module, node, scope)
        _note(module, node, scope)
        outside = _outside(node) if inner is not scope else frozenset[ast.AST]()
        children = [
            (child, scope if child in outside else inner, node)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop)
        ]
        ahead.extend(reversed(children))
    return module


def _opened(module: Module, node: ast.AST, scope: Scope) -> Scope:
    """Return the scope of what is inside `node`; where it is a new one, its name and parameters are bound."""
    if not isinstance(node, ast.ClassDef | Function | ast.Lambda):
        return scope
    inner = module.scopes[node] = Scope(node, scope)
    if not isinstance(node, ast.Lambda):
        scope.bind(node.name, Binding(scope, definition=node))
    if not isinstance(node, ast.ClassDef):
        for argument in arguments_of(node):
            inner.bind(argument.arg, Binding(scope, annotation=argument.annotation))
    return inner


def _outside(node: ast.AST) -> frozenset[ast.AST]:
    """Return those children of a definition that are read where it stands, not inside it."""
    match node:
        case ast.ClassDef(decorator_list=decorators, bases=bases, keywords=keywords):
            return frozenset([*decorators, *bases, *keywords])
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            returns = [] if node.returns is None else [node.returns]
            return frozenset([*node.decorator_list, node.args, *returns])
        case ast.Lambda(args=arguments):
            return frozenset([arguments])
        case _:
            return frozenset()


def _note(module: Module, node: ast.AST, scope: Scope) -> None:
    """Bind the names that `node` gives a meaning, and keep what the checks ask for."""
    match node:
        case ast.Call():
            module.calls.append(Call(node, scope))
        case ast.Yield() | ast.YieldFrom():
            module.yielding.append(scope)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            module.blocks.append((node, scope))
            for item in items:
                if item.optional_vars is not None:
                    _bind(item.optional_vars, item.context_expr if isinstance(node, ast.With) else None, scope)
        case ast.Import(names=names):
            for alias in names:
                top = alias.name.partition(".")[0]
                module.imported.add(top)
                scope.bind(alias.asname or top, Binding(scope, dotted=alias.name if alias.asname else top))
        case ast.ImportFrom(module=base, names=names, level=level):
            if not level and base:
                module.imported.add(base.partition(".")[0])
            for alias in names:
                dotted = f"{base}.{alias.name}" if base and not level else ""
                scope.bind(alias.asname or alias.name, Binding(scope, dotted=dotted))
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            scope.elsewhere.update(names)
        case _:
            for target, value, annotation in _assigned(node):
                _bind(target, value, scope, annotation)


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None, ast.expr | None]]:
    """Give (target, value, annotation) for each target of an assignment; a value that is not plain is None."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield target, value, None
        case ast.AnnAssign(target=target, value=value, annotation=annotation):
            yield target, value, None if value is not None else annotation
        case ast.NamedExpr(target=target, value=value):
            yield target, value, None
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            yield target, None, None
        case ast.comprehension(target=target):
            yield target, None, None
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield ast.Name(name), None, None
        case ast.MatchMapping(rest=str(name)):
            yield ast.Name(name), None, None
        case _:
            return


def _bind(target: ast.expr, value: ast.expr | None, scope: Scope, annotation: ast.expr | None = None) -> None:
    whole = not isinstance(target, ast.Tuple | ast.List)
    for single in targets_of(target):
        binding = Binding(scope, value=value, annotation=annotation) if whole else Binding(scope)
        match single:
            case ast.Name(id=name):
                scope.bind(name, binding)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                owner.attributes[attribute].append(binding)
            case _:
                pass
