"""A module, read once: its calls, its scopes, and where the values of its names come from."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiocrew.seeing.check.names import (
    Binding,
    Function,
    Scope,
    arguments_of,
    called_name,
    holders,
    kind_of,
    targets_of,
)

__all__ = ["Call", "Module", "read_module"]

_SAYS_NOTHING = frozenset({"", "pydantic.Field()", "pydantic.PrivateAttr()"})
"""Where a value that has an annotation comes from, when only the annotation says what it is."""
_SETS = frozenset({"setattr", "object"})
"""What sets the attribute that it is told the name of: Python's own, pytest's, and `patch.object`."""


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
    generators: set[ast.AST] = field(default_factory=lambda: set[ast.AST]())
    """The functions that yield: a call only makes a generator."""
    set_from_outside: defaultdict[str, list[tuple[ast.expr, Scope]]] = field(default_factory=lambda: defaultdict(list))
    """By the name of an attribute that is set elsewhere than on `self`: the objects and classes that get it."""
    imported: set[str] = field(default_factory=lambda: set[str]())
    """The top-level packages that are imported anywhere in it."""
    _origins: dict[Binding, str] = field(default_factory=lambda: dict[Binding, str]())
    _classes: dict[Binding, Scope | None] = field(default_factory=lambda: dict[Binding, Scope | None]())

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
            case ast.BoolOp(op=ast.Or(), values=values):
                return _only({self.origin(value, scope) for value in values})
            case ast.IfExp(body=one, orelse=other):
                return _only({self.origin(one, scope), self.origin(other, scope)})
            case _:
                return ""

    def definition(self, expression: ast.expr, scope: Scope) -> Function | ast.ClassDef | None:
        """Return the function, method or class of this module that `expression` names, where there is just one."""
        binding = self._binding(expression, scope)
        return binding.definition if binding is not None else None

    def callee(self, expression: ast.expr, scope: Scope) -> Function | ast.ClassDef | None:
        """Return what a call of `expression` calls: like `definition`, and methods of this module's classes besides."""
        found = self._binding(expression, scope)
        match expression:
            case ast.Attribute(value=receiver, attr=name):
                bindings = [found] if found is not None else self._members_of(receiver, name, scope)
                found = bindings[0] if len(bindings) == 1 else None
                if found is not None and self._is_replaced(found, name, self._owner(receiver, scope)):
                    return None
            case _:
                pass
        return found.definition if found is not None else None

    def _is_replaced(self, method: Binding, name: str, owner: Scope | None) -> bool:
        """Whether something else is put in the place of a method that an instance of `owner` has."""
        set_on = (self._owner(target, scope) for target, scope in self.set_from_outside.get(name, ()))
        return any(one is not None and one in {owner, method.scope} for one in set_on)

    def _owner(self, expression: ast.expr, scope: Scope) -> Scope | None:
        """Return the class of this module that `expression` names, or of which it is an instance."""
        return self._named_class(expression, scope) or self.made_of(expression, scope)

    def made_of(self, expression: ast.expr, scope: Scope) -> Scope | None:
        """Return the class of this module of which `expression` is an instance, None where that is not certain."""
        match expression:
            case ast.Name(id=name) if owner := scope.class_of_self(name):
                return owner
            case ast.Call(func=function):
                match self.definition(function, scope):
                    case ast.ClassDef() as made:
                        return self.scopes[made]
                    case ast.FunctionDef(returns=ast.expr() as kind) as made:
                        return self._annotated_class(kind, self.scopes[made])
                    case _:
                        return None
            case _:
                binding = self._binding(expression, scope)
                return None if binding is None else self._class_of(binding)

    def _class_of(self, binding: Binding) -> Scope | None:
        if binding not in self._classes:
            self._classes[binding] = None  # what is made of itself is of no class
            found = None if binding.value is None else self.made_of(binding.value, binding.scope)
            if found is None and binding.annotation is not None:
                found = self._annotated_class(binding.annotation, binding.scope)
            self._classes[binding] = found
        return self._classes[binding]

    def _annotated_class(self, annotation: ast.expr, scope: Scope) -> Scope | None:
        kind = kind_of(annotation)
        return None if kind is None else self._named_class(kind, scope)

    def _named_class(self, expression: ast.expr, scope: Scope) -> Scope | None:
        made = self.definition(expression, scope)
        return self.scopes[made] if isinstance(made, ast.ClassDef) else None

    def _members_of(self, receiver: ast.expr, name: str, scope: Scope) -> list[Binding]:
        match receiver, scope.parent:
            case ast.Call(func=ast.Name(id="super"), args=[]), Scope(node=ast.ClassDef()) as around:
                return self._of_bases(around, name)
            case _:
                owner = self._owner(receiver, scope)
                return [] if owner is None else self._members(owner, name)

    def _members(self, owner: Scope, name: str) -> list[Binding]:
        own = owner.bound.get(name, []) + owner.attributes.get(name, [])
        return own or self._of_bases(owner, name)

    def _of_bases(self, owner: Scope, name: str) -> list[Binding]:
        """Return what the first base gives that has it; nothing where one before it is of another module."""
        match owner:
            case Scope(node=ast.ClassDef(bases=bases, lineno=line), parent=Scope() as around):
                for base in bases:
                    above = self.definition(base, around)
                    if not isinstance(above, ast.ClassDef) or above.lineno >= line:
                        return []
                    found = self._members(self.scopes[above], name)
                    if found:
                        return found
            case _:
                pass
        return []

    def _binding(self, expression: ast.expr, scope: Scope) -> Binding | None:
        """Return the one place that gives a name, or an attribute of self, its meaning."""
        match expression:
            case ast.Name(id=name):
                bindings = scope.lookup(name) or []
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                bindings = owner.bound.get(attribute, []) + owner.attributes.get(attribute, [])
            case _:
                return None
        return bindings[0] if len(bindings) == 1 else None

    def value(self, expression: ast.expr, scope: Scope) -> Binding | None:
        """Return the one assignment that gives a name, or an attribute of self, its value."""
        binding = self._binding(expression, scope)
        return binding if binding is not None and binding.value is not None else None

    def own_method(self, receiver: ast.expr, name: str, scope: Scope) -> bool:
        """Whether a class of this module, of which `receiver` is an instance, defines the method `name` itself."""
        owner = self.made_of(receiver, scope)
        return owner is not None and bool(self._members(owner, name))

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that holds `node`."""
        around = (holder for holder in (node, *holders(node, self.parents)) if isinstance(holder, ast.stmt))
        return next(around, None)

    def _common(self, bindings: list[Binding]) -> str:
        given = [binding for binding in bindings if not _is_none(binding)] or bindings
        return _only({self._of(binding) for binding in given})

    def _of(self, binding: Binding) -> str:
        if binding not in self._origins:
            self._origins[binding] = ""  # what is made of itself has no origin
            found = binding.dotted if binding.value is None else self.origin(binding.value, binding.scope)
            if found in _SAYS_NOTHING and binding.annotation is not None:
                found = _joined(self._annotated(binding.annotation, binding.scope), "()")
            self._origins[binding] = found
        return self._origins[binding]

    def _annotated(self, annotation: ast.expr, scope: Scope) -> str:
        kind = kind_of(annotation)
        found = "" if kind is None else self.origin(kind, scope)
        return "" if found.startswith("builtins.") else found


def _only(found: set[str]) -> str:
    return found.pop() if len(found) == 1 else ""


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
            match node:
                case ast.Call(args=[target, ast.Constant(value=str(name)), *_]) if called_name(node) in _SETS:
                    module.set_from_outside[name].append((target, scope))
                case _:
                    pass
        case ast.Yield() | ast.YieldFrom():
            module.generators.add(scope.node)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            module.blocks.append((node, scope))
            for item in items:
                if item.optional_vars is not None:
                    value = item.context_expr if isinstance(node, ast.With) else None
                    _bind(module, item.optional_vars, value, scope)
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
                _bind(module, target, value, scope, annotation)


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None, ast.expr | None]]:
    """Give (target, value, annotation) for each target of an assignment; a value that is not plain is None."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield target, value, None
        case ast.AnnAssign(target=target, value=value, annotation=annotation):
            yield target, value, annotation
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


def _bind(
    module: Module, target: ast.expr, value: ast.expr | None, scope: Scope, annotation: ast.expr | None = None
) -> None:
    whole = not isinstance(target, ast.Tuple | ast.List)
    for single in targets_of(target):
        binding = Binding(scope, value=value, annotation=annotation) if whole else Binding(scope)
        match single:
            case ast.Name(id=name):
                scope.bind(name, binding)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if owner := scope.class_of_self(name):
                owner.attributes[attribute].append(binding)
            case ast.Attribute(value=receiver, attr=attribute):
                module.set_from_outside[attribute].append((receiver, scope))
            case _:
                pass
