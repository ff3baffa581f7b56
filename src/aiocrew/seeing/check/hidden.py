"""What runs share behind their inputs: the state that tools and callbacks of this module read and change. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from aiocrew.seeing.check.data_paths import DataPath, named, overlap, path_of, reads
from aiocrew.seeing.check.effects import MUTATORS, Links, assignments, steps_in
from aiocrew.seeing.check.inlining import Inliner, locals_of, scope_of
from aiocrew.seeing.check.module import Call, Module
from aiocrew.seeing.check.names import Function, Scope, arguments_of, called_name, decorators_of, first_parameter
from aiocrew.seeing.check.roles import roles_of

__all__ = ["RunState", "SharedState", "class_of"]

_DECORATORS = frozenset({"tool", "on"})
_CARRIED_OUT = re.compile(r"(?:Tool|LLM|Listener|Guardrail)$")
_REMEMBER = frozenset({"memory", "long_term_memory", "short_term_memory", "entity_memory", "human_input"})
_TAKE_FUNCTIONS = frozenset({"tools", "llm", "func", "coroutine"})


@dataclass(frozen=True, slots=True)
class RunState:
    """What functions that runs carry out read and change, beyond what they are given."""

    read: frozenset[DataPath]
    changed: frozenset[DataPath]

    @property
    def links_runs(self) -> bool:
        """Whether a run may find there what another one has left."""
        return overlap(self.changed, self.read)

    def __or__(self, other: RunState) -> RunState:
        return RunState(self.read | other.read, self.changed | other.changed)


_NOTHING = RunState(frozenset(), frozenset())


class SharedState:
    """What the functions of one module read and change that they were not given."""

    def __init__(self, module: Module, inliner: Inliner) -> None:
        self._module = module
        self._inliner = inliner
        self._known: dict[ast.AST, RunState] = {}

    @cached_property
    def of_runs(self) -> RunState:
        """What the tools, callbacks, guardrails and models of the module have in common."""
        return self._sum(self._of_function(function) for function in _carried_out(self._module))

    @cached_property
    def links_runs(self) -> bool:
        """Whether a run may find what another one has left, or asks somebody who is not to be asked twice at once."""
        return self.of_runs.links_runs or any(map(_remembers, self._module.calls))

    def of_mentioned(self, nodes: Iterable[ast.AST], known: Collection[ast.AST]) -> RunState:
        """Return the state of the functions and classes that `nodes` name, but for the nodes in `known`."""
        return self._sum(
            self._of_name(node)
            for node in nodes
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and node not in known
        )

    def _sum(self, states: Iterable[RunState]) -> RunState:
        total = _NOTHING
        for state in states:
            total |= state
        return total

    def _of_name(self, node: ast.Name | ast.Attribute) -> RunState:
        scope = scope_of(node, self._module)
        match self._module.definition(node, scope):
            case ast.ClassDef() as made:
                return self._of_class(made, is_shared=False)
            case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                return self._of_function(function)
            case _:
                pass
        found = self._module.value(node, scope)
        match found.value if found is not None else None:
            case ast.Lambda(body=body) as function:
                own = {argument.arg for argument in arguments_of(function)}
                read = {path for path in named(reads(body)) if path[0] not in own}
                return RunState(frozenset(read), frozenset())
            case ast.Call(func=function) if found is not None:
                made = self._module.definition(function, found.scope)
                return self._of_class(made, is_shared=True) if isinstance(made, ast.ClassDef) else _NOTHING
            case _:
                return _NOTHING

    def _of_class(self, made: ast.ClassDef, *, is_shared: bool) -> RunState:
        """Return the state that the methods have in common; of a single object what it keeps itself, too."""
        methods = [node for node in made.body if isinstance(node, Function)]
        state = self._sum(self._of_function(method) for method in methods if method.name != "__init__")
        bound = self._module.scopes[made].bound
        read, changed = (
            frozenset(
                path
                for path in paths
                if is_shared or path[0] != f"{made.name}.self" or (len(path) > 1 and path[1] in bound)
            )
            for paths in (state.read, state.changed)
        )
        return RunState(read, changed)

    def _of_function(self, function: Function) -> RunState:
        if function not in self._known:
            self._known[function] = _NOTHING  # what it does when it calls itself is the same
            read, changed = _state_of(function, self._module, self._inliner)
            self._known[function] = RunState(frozenset(read), frozenset(changed))
        return self._known[function]


def _carried_out(module: Module) -> Iterator[Function]:
    """Give the functions that a run carries out, as far as the module shows that."""
    found: dict[Function, None] = {}
    for node, role in roles_of(module).items():
        if isinstance(node, Function) and role in {"tool", "callback"}:
            found[node] = None
    for node, scope in module.scopes.items():
        if isinstance(node, Function) and (any(map(_is_tool, decorators_of(node))) or _is_of_run(scope)):
            found[node] = None
    for call in module.calls:
        for value in _given(call.node):
            function = module.definition(value, call.scope)
            if isinstance(function, Function):
                found[function] = None
    yield from found


def _is_of_run(scope: Scope) -> bool:
    """Whether this is a method, but for the one that makes the object, of a tool, model or listener."""
    match scope:
        case Scope(node=ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name), parent=Scope(node=around)):
            bases = around.bases if isinstance(around, ast.ClassDef) and name != "__init__" else []
            return any(_CARRIED_OUT.search(ast.unparse(base)) for base in bases)
        case _:
            return False


def _remembers(call: Call) -> bool:
    """Whether a crew, agent or task is made that keeps a memory of its runs, or asks a person."""
    return any(
        keyword.arg in _REMEMBER and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.node.keywords
        if called_name(call.node) in {"Crew", "Agent", "Task"}
    )


def _is_tool(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _DECORATORS
        case _:
            return False


def _given(call: ast.Call) -> Iterator[ast.expr]:
    """Give what is handed to an object that is made, or as its tools: functions among it are called by runs."""
    name = called_name(call)
    if name[:1].isupper() and name != "Thread":
        yield from call.args
    for keyword in call.keywords:
        if keyword.arg in _TAKE_FUNCTIONS:
            yield from keyword.value.elts if isinstance(keyword.value, ast.List | ast.Tuple) else [keyword.value]


def _state_of(function: Function, module: Module, inliner: Inliner) -> tuple[set[DataPath], set[DataPath]]:
    inlined = inliner.inlined(function.body, function)
    links = Links(inlined.body, Links(module.tree.body))
    own = locals_of(function, module) | inlined.own
    owner = class_of(function, module.scopes[function])
    own -= {"self"} if owner else set()
    changed: set[DataPath] = set()
    for step in steps_in(inlined.body):
        for target, _ in assignments(step.node):
            path = path_of(target)
            if not isinstance(target, ast.Name) or path[0] not in own:
                changed.add(path)
        for node in ast.walk(step.node):
            match node:
                case ast.Call(func=ast.Attribute(value=receiver, attr=name)) if name in MUTATORS:
                    changed.add(path_of(receiver))
                case ast.Delete(targets=targets):
                    changed.update(map(path_of, targets))
                case _:
                    pass
    changed = _spread(changed - {()}, links)
    read = named(path for step in steps_in(inlined.body) for path in _reads_in(step.node))
    return _of_module(read, own, owner), _of_module(changed, own, owner)


def _reads_in(node: ast.AST) -> set[DataPath]:
    """Return what a step reads; a list that is only added to is not read."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords)) if name in MUTATORS:
            parts: list[ast.AST] = [*args, *keywords]
        case ast.Assign(targets=targets, value=value):
            parts = [value, *(target.slice for target in targets if isinstance(target, ast.Subscript))]
        case ast.AugAssign(value=value):
            parts = [value]
        case _:
            parts = [node]
    return {path for part in parts for path in reads(part)}


def _spread(changed: set[DataPath], links: Links) -> set[DataPath]:
    ahead, done = list(changed), set[DataPath]()
    while ahead:
        path = ahead.pop()
        if path not in done:
            done.add(path)
            ahead.extend(links.changed_with(path))
    return done


def class_of(function: Function, scope: Scope) -> str:
    """Return the name of the class whose method `function` is, "" where it is none."""
    around = scope.parent.node if scope.parent is not None else None
    return around.name if isinstance(around, ast.ClassDef) and first_parameter(function) == "self" else ""


def _of_module(paths: set[DataPath], own: Set[str], owner: str) -> set[DataPath]:
    """Return those that are not the function's own; an attribute of the object by the name of its class."""
    named = {(f"{owner}.{path[0]}", *path[1:]) if owner and path[0] == "self" else path for path in paths}
    return {path for path in named if path[0] not in own}
