"""Whether the passes of a loop need nothing of each other, and whether the calls of a function do. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set
from typing import TypeGuard

from aiocrew.seeing.check.data_paths import DataPath, is_run, named, overlap, path_of, reads
from aiocrew.seeing.check.effects import Links, Runs, assignments, changes_in, inputs_of, outputs_of, steps_in
from aiocrew.seeing.check.exposure import exposed_names
from aiocrew.seeing.check.hidden import RunState, SharedState, class_of
from aiocrew.seeing.check.inlining import Inlined, Inliner, locals_of
from aiocrew.seeing.check.module import Module
from aiocrew.seeing.check.names import Function, Scope, arguments_of, holders, targets_of
from aiocrew.seeing.check.shape import can_run_at_once, is_deliberate, own_nodes
from aiocrew.seeing.check.sources import is_live, read_between_passes

__all__ = ["Loop", "Passes", "bound_by", "helper_of", "like"]

Loop = ast.For | ast.AsyncFor

_WRAPPERS = frozenset({"gather", "wait_for", "shield", "create_task", "ensure_future", "sleep"})
_CONTAINERS = frozenset({"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray"})


def bound_by(target: ast.expr) -> set[str]:
    """Return the names that a loop gives a value in each pass."""
    return {name.id for name in targets_of(target) if isinstance(name, ast.Name)}


def like(target: ast.Call) -> Runs:
    """Return what tells runs from other calls, where `target` is one: a helper of the user's counts by its name."""
    helper = helper_of(target)
    return is_run if not helper else lambda call: is_run(call) or ast.dump(call.func) == helper


def helper_of(target: ast.Call) -> str:
    """Return by what the calls of the helper that `target` calls are known, "" for the door of a crew."""
    essence = None if is_run(target) else _essence(target)
    return "" if essence is None else ast.dump(essence.func)


def _essence(target: ast.expr) -> ast.Call | None:
    """Return what a call hands to asyncio; None where it has been kept under a name before."""
    match target:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[first, *_]) if name in _WRAPPERS:
            return _essence(first)
        case ast.Call():
            return target
        case ast.Starred(value=inner) | ast.ListComp(elt=inner) | ast.SetComp(elt=inner) | ast.GeneratorExp(elt=inner):
            return _essence(inner)
        case _:
            return None


class Passes:
    """Answers for the loops and functions of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._inliner = Inliner(module)
        self._links: dict[ast.AST, Links] = {}
        self._state = SharedState(module, self._inliner)
        self._calls: dict[Function, bool] = {}
        self._kicking: dict[Function, bool] = {}
        self._inside: dict[Function, set[str]] = {}
        self._visible = {node.name for node in module.scopes if isinstance(node, Function)}

    @property
    def links_runs(self) -> bool:
        """Whether the runs of this module need each other whatever they are given."""
        return self._state.links_runs

    def scope_around(self, node: ast.AST) -> Scope:
        """Return the scope of the function in which `node` stands, or the module's."""
        around = (one for one in (node, *holders(node, self._module.parents)) if isinstance(one, Function))
        return self._module.scopes[next(around, self._module.tree)]

    def links_around(self, around: ast.AST) -> Links:
        """Return what the assignments of a function, or of the module, make of what."""
        if around not in self._links:
            tree = self._module.tree
            self._links[around] = (
                Links(around.body, self.links_around(tree)) if isinstance(around, Function) else Links(tree.body)
            )
        return self._links[around]

    def inlined(self, body: Sequence[ast.stmt], around: ast.AST) -> tuple[Inlined, Links]:
        """Return the statements with what their functions do, and what is known of the data in and around them."""
        inlined, links = self._inliner.inlined(body, around), self.links_around(around)
        return inlined, Links(inlined.body, links) if inlined.functions else links

    def are_independent(self, loop: Loop, target: ast.Call, scope: Scope) -> bool:
        """Whether no run in a pass reads what an earlier pass, or its runs, left behind.

        loop: it may be one that was made up for a comprehension; `scope` is where it stands.
        """
        if not can_run_at_once(loop, self._visible) or is_live(loop, self._module, scope):
            return False
        inlined, links = self.inlined(loop.body, scope.node)
        if any(is_deliberate(function, self._visible) for function in inlined.functions):
            return False
        bound = bound_by(loop.target)
        runs = _runs_of(target, inlined)
        left = self._left_behind(inlined, runs, links, bound | inlined.own)
        if left is None or _is_stopped(inlined.body, left):
            return False
        inputs = inputs_of(inlined.body, runs)
        if bound.isdisjoint(path[0] for path in inputs):
            return False  # the same once more: what makes the passes differ cannot be seen
        exposed = exposed_names(inlined.body, bound | inlined.own) - inlined.own
        carried = {path for path in named(inputs) if path[0] in exposed} | _of_all(inputs, inlined.body, bound)
        carried |= read_between_passes(loop, self._module, scope)
        bodies = [*loop.body, *(statement for function in inlined.functions for statement in function.body)]
        mentioned = self._state.of_mentioned((node for one in bodies for node in ast.walk(one)), inlined.replaced)
        if mentioned.links_runs:
            return False
        read, changed = self._seen_from(scope, self._state.of_runs | mentioned)
        handed = set(self._handed(inlined.body, runs, scope, bound))
        return not overlap(left | changed | handed, carried | read)

    def runs_in(self, body: Sequence[ast.stmt], target: ast.Call) -> list[ast.Call]:
        """Return the runs of `body`, where `target` is one, by place; a call of a function that kicks off is one."""
        runs = like(target)
        calls = (node for node in own_nodes(body) if isinstance(node, ast.Call))
        found = [call for call in calls if runs(call) or self.kicks_off(call)]
        return sorted(found or [target], key=lambda call: (call.lineno, call.col_offset))

    def maybe_runs_in(self, body: Sequence[ast.stmt]) -> list[ast.Call]:
        """Return the awaited calls of functions that cannot be seen."""
        return [node.value for node in own_nodes(body) if isinstance(node, ast.Await) and _is_call_of_name(node.value)]

    def kicks_off(self, call: ast.Call) -> bool:
        """Whether `call` is of a function of this module in which a run is carried out."""
        function = self._module.definition(call.func, self.scope_around(call))
        if not isinstance(function, Function):
            return False
        if function not in self._kicking:
            inlined, _ = self.inlined(function.body, function)
            self._kicking[function] = any(
                isinstance(node, ast.Call) and is_run(node) for one in inlined.body for node in ast.walk(one)
            )
        return self._kicking[function]

    def may_need_each_other(self, function: Function) -> bool:
        """Whether a call of `function` may read what an earlier one left in the module, in files or the like."""
        if function not in self._calls:
            self._calls[function] = self._need_each_other(function)
        return self._calls[function]

    def _need_each_other(self, function: Function) -> bool:
        inlined, links = self.inlined(function.body, function)
        if any(is_deliberate(one, self._visible) for one in [*inlined.functions, function]):
            return True
        own = locals_of(function, self._module) | inlined.own
        if not any(isinstance(node, ast.Call) and is_run(node) for one in inlined.body for node in ast.walk(one)):
            return False
        left = self._left_behind(inlined, is_run, links, own)
        if left is None:
            return True
        given = {argument.arg for argument in arguments_of(function)}
        inputs = inputs_of(inlined.body, is_run)
        read = {path for path in named(inputs) if path[0] not in own} | _of_all(inputs, inlined.body, given)
        return overlap({path for path in left if path[0] not in own}, read)

    def _left_behind(self, inlined: Inlined, runs: Runs, links: Links, own: Set[str]) -> set[DataPath] | None:
        """Return what may be different after the statements; None where that cannot be told."""
        outputs = outputs_of(inlined.body, runs, links, fields=False)
        changes = changes_in(inlined.body, runs, links, own)
        return None if outputs is None or changes is None else outputs | changes

    def _seen_from(self, scope: Scope, state: RunState) -> tuple[set[DataPath], set[DataPath]]:
        """Return what `state` reads and changes by its names in `scope`; what these hide is left out."""
        function = scope.node
        if not isinstance(function, Function):
            return set(state.read), set(state.changed)
        owner, hidden = class_of(function, scope), locals_of(function, self._module) - self._named_inside(function)
        seen_as = (
            {("self", *path[1:]) if owner and path[0] == f"{owner}.self" else path for path in paths}
            for paths in (state.read, state.changed)
        )
        read, changed = ({path for path in paths if path[0] == "self" or path[0] not in hidden} for paths in seen_as)
        return read, changed

    def _named_inside(self, function: Function) -> set[str]:
        """Return the names that functions inside `function` use: those of its own they may change."""
        if function not in self._inside:
            inner = [one for one in ast.walk(function) if isinstance(one, Function | ast.Lambda)]
            inner.remove(function)
            self._inside[function] = {node.id for one in inner for node in ast.walk(one) if isinstance(node, ast.Name)}
        return self._inside[function]

    def _handed(self, body: Sequence[ast.stmt], runs: Runs, scope: Scope, bound: set[str]) -> Iterator[DataPath]:
        """Give the lists and the like that helpers which cannot be seen are given, and may change."""
        for step in steps_in(body):
            for call in ast.walk(step.node):
                if not isinstance(call, ast.Call) or is_run(call) or not runs(call):
                    continue
                for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
                    path = path_of(argument)
                    found = self._module.value(argument, scope)
                    if path and path[0] not in bound and found is not None and _is_container(found.value):
                        yield path


def _is_container(value: ast.expr | None) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _CONTAINERS
        case _:
            return False


def _runs_of(target: ast.Call, inlined: Inlined) -> Runs:
    """Return what tells the runs in a pass: an awaited function that cannot be seen, and that answers, may be one."""
    nodes = [node for statement in inlined.body for node in ast.walk(statement)]
    dropped = {node.value for node in nodes if isinstance(node, ast.Expr)}
    awaited = [node for node in nodes if isinstance(node, ast.Await)]
    answers: set[ast.AST] = {node.value for node in awaited if node not in dropped and _is_call_of_name(node.value)}
    if inlined.functions and not any(isinstance(node, ast.Call) and is_run(node) for node in nodes):
        answers.update(node.value for node in awaited)  # one of them is it
    runs = like(target)
    return lambda call: call in answers or runs(call)


def _is_call_of_name(node: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in _WRAPPERS


def _of_all(inputs: set[DataPath], body: Sequence[ast.stmt], bound: set[str]) -> set[DataPath]:
    """Return which files and the like are read that are not this pass's own: nothing of what it got says which."""
    varying, before = set(bound), -1
    while before != len(varying):
        before = len(varying)
        for step in steps_in(body):
            for target, value in assignments(step.node):
                if isinstance(target, ast.Name) and not varying.isdisjoint(path[0] for path in reads(value)):
                    varying.add(target.id)
    return {path for path in inputs - named(inputs) if varying.isdisjoint(path)}


def _is_stopped(body: Sequence[ast.stmt], left: set[DataPath]) -> bool:
    """Whether a helper may end all by an exception, because of what a run gave."""
    return any(
        isinstance(step.node, ast.Raise)
        and overlap(left, (path for test in step.tests if isinstance(test, ast.expr) for path in reads(test)))
        for step in steps_in(body)
    )
