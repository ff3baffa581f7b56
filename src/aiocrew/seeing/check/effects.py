"""Where the output of a run goes within a few statements, and what a run is made of. Pure, and rather too careful.

"May depend" is the answer wherever a call could carry the output to where nobody can see it.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from aiocrew.seeing.check.data_paths import CALLED, LEFT, WORLD, DataPath, named, overlap, path_of, reads
from aiocrew.seeing.check.names import targets_of
from aiocrew.seeing.check.shape import starts_loop

__all__ = ["MUTATORS", "Links", "Runs", "Step", "assignments", "changes_in", "inputs_of", "outputs_of", "steps_in"]

Runs = Callable[[ast.Call], bool]
"""Says which calls are runs."""

MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "push", "appendleft", "put", "put_nowait", "pop"}
    | {"remove", "discard", "clear", "popleft", "popitem", "extendleft", "sort", "reverse", "subtract", "rotate"}
)
"""Methods that change the object that has them."""
_SHOWS = frozenset({"print", "pprint", "debug", "info", "warning", "error", "exception", "critical", "rule", "echo"})
_AWAITS = frozenset({"gather", "wait_for", "shield", "wait", "create_task", "ensure_future", "sleep"})
"""Of asyncio: they only wait."""
_HANDS_OUT = re.compile(
    r"_?(?:save|write|store|send|log|emit|publish|insert|upsert|export|display|show|report|render|print|dump|notify"
    r"|execute(?:many)?$|commit$)"
)
_MAY_BE_READ_BY_A_RUN = re.compile("memor|knowledge|agent|crew|histor|context|task|llm|tool|prompt|flow", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """A statement without others inside, or the head of one that has, and what decides whether it is carried out."""

    node: ast.AST
    tests: tuple[ast.AST, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A name, attribute or item that was made of other data."""

    target: DataPath
    made_of: frozenset[DataPath]
    shares: bool
    """Whether a change of the target may be a change of what it was made of."""


def steps_in(body: Sequence[ast.stmt], tests: tuple[ast.AST, ...] = ()) -> Iterator[Step]:
    """Give the steps of `body` in the order of the text, those of inner blocks included."""
    for statement in body:
        match statement:
            case ast.If(test=test) | ast.While(test=test):
                yield Step(test, tests)
                yield from steps_in(statement.body, (*tests, test))
                yield from steps_in(statement.orelse, (*tests, test))
            case ast.For(iter=head) | ast.AsyncFor(iter=head):
                yield Step(_as_assignment(statement.target, head), tests)
                yield from steps_in(statement.body, (*tests, head))
                yield from steps_in(statement.orelse, (*tests, head))
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    given = item.optional_vars
                    yield Step(item.context_expr if given is None else _as_assignment(given, item.context_expr), tests)
                yield from steps_in(statement.body, tests)
            case ast.Try(body=tried) | ast.TryStar(body=tried):
                yield from steps_in(tried, tests)
                for handler in statement.handlers:
                    yield from steps_in(handler.body, (*tests, *tried))
                yield from steps_in(statement.orelse, (*tests, *tried))
                yield from steps_in(statement.finalbody, tests)
            case ast.Match(subject=subject, cases=cases):
                yield Step(subject, tests)
                for case in cases:
                    yield from steps_in(case.body, (*tests, subject))
            case _:
                yield Step(statement, tests)


def _as_assignment(target: ast.expr, value: ast.expr) -> ast.Assign:
    return ast.copy_location(ast.Assign(targets=[target], value=value), value)


def assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give each single target of the assignments in `node`, with the whole of what it is given."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((single, value) for target in targets for single in targets_of(target))
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            yield target, value
        case _:
            pass
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for one in ast.walk(node):
            match one:
                case ast.NamedExpr(target=target, value=value):
                    yield target, value
                case ast.comprehension(target=target, iter=source):
                    yield from ((single, source) for single in targets_of(target))
                case _:
                    pass


def _makes_anew(value: ast.expr) -> bool:
    """Whether a value has nothing in common with what it was made of."""
    match value:
        case ast.Call() | ast.Await() | ast.Constant() | ast.Compare() | ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Div() | ast.Mod() | ast.Sub() | ast.FloorDiv()):
            return True
        case _:
            return False


class Links:
    """What the assignments of some statements make of what, by the name that a path begins with."""

    def __init__(self, body: Sequence[ast.stmt], around: Links | None = None) -> None:
        self._around = around
        self._by_target: defaultdict[str, list[Link]] = defaultdict(list)
        self._by_source: defaultdict[str, list[Link]] = defaultdict(list)
        for step in steps_in(body):
            for target, value in assignments(step.node):
                path = path_of(target)
                if not path:
                    continue
                shares = not _makes_anew(value)
                link = Link(path, frozenset(named(reads(value))), shares)
                self._by_target[path[0]].append(link)
                for root in {source[0] for source in link.made_of}:
                    self._by_source[root].append(link)

    def changed_with(self, path: DataPath) -> Iterator[DataPath]:
        """Give what may change when `path` does: what was made of it, and what it shares its data with."""
        for link in self._by_source.get(path[0], ()):
            if overlap([path], link.made_of):
                yield link.target
        for link in self._by_target.get(path[0], ()):
            if link.shares and overlap([path], [link.target]):
                yield from (source for source in link.made_of if source[-1] != CALLED)
        if self._around is not None:
            yield from self._around.changed_with(path)


def outputs_of(body: Sequence[ast.stmt], is_run: Runs, links: Links, *, fields: bool) -> set[DataPath] | None:
    """Return every path that may hold something of a run's output after `body`; None where that cannot be told.

    links: what is known of the data around `body`, for a list that a crew's inputs hold, and that grows.
    fields: an output may be kept in an attribute; without it that is a case that cannot be told.
    """
    spread = _Spread(is_run, links, fields=fields)
    steps = list(steps_in(body))
    before = -1
    while before != spread.size:
        before = spread.size
        for step in steps:
            spread.take(step)
        if spread.is_lost:
            return None
    return spread.paths


def changes_in(body: Sequence[ast.stmt], is_run: Runs, links: Links, own: Set[str]) -> set[DataPath] | None:
    """Return every object that `body` changes in place, outputs or not; None where that may be a part of a crew.

    own: names that stand for something else in each pass.
    """
    spread = _Spread(is_run, links, fields=False)
    steps = list(steps_in(body))
    targets = [target for step in steps for target, _ in assignments(step.node)]
    own = own | {target.id for target in targets if isinstance(target, ast.Name)}
    for target in targets:
        path = path_of(target)
        if isinstance(target, ast.Subscript):
            spread.change(path)
        elif isinstance(target, ast.Attribute) and not _is_own(path, own):
            return None
    for step in steps:
        for call in ast.walk(step.node):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or is_run(call):
                continue
            receiver, name = path_of(call.func.value), call.func.attr
            if name in MUTATORS:
                spread.change(receiver)
            elif isinstance(step.node, ast.Expr) and name not in _SHOWS and _may_be_of_a_run(receiver):
                return None
    return spread.paths


def _is_own(path: DataPath, own: Set[str]) -> bool:
    """Whether an attribute belongs to a pass, or is a plain value of the object around, which is no crew."""
    return path[:1] != () and (path[0] in own or (path[0] == "self" and len(path) == len(("self", "value"))))


def _may_be_of_a_run(path: DataPath) -> bool:
    return _MAY_BE_READ_BY_A_RUN.search(".".join(path)) is not None


class _Spread:
    def __init__(self, is_run: Runs, links: Links, *, fields: bool) -> None:
        self._paths: defaultdict[str, set[DataPath]] = defaultdict(set)
        self.is_lost = False
        self._changed: set[DataPath] = set()
        self._is_run = is_run
        self._links = links
        self._fields = fields

    @property
    def paths(self) -> set[DataPath]:
        """Every path that holds something of an output, or was changed."""
        return {path for paths in self._paths.values() for path in paths}

    @property
    def size(self) -> int:
        """How many these are."""
        return sum(map(len, self._paths.values()))

    def _add(self, path: DataPath) -> None:
        self._paths[path[0]].add(path)

    def take(self, step: Step) -> None:
        governed = any(self._holds_output(test) for test in step.tests)
        for target, value in assignments(step.node):
            if governed or self._holds_output(value):
                self._assign(target, changes=isinstance(step.node, ast.AugAssign))
        match step.node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if self._holds_output(step.node):
                    self._add((name,))
            case ast.Expr(value=ast.Await(value=ast.Call() as call)) | ast.Expr(value=ast.Call() as call):
                if not self._is_run(call) and (governed or self._is_given_output(call)):
                    self._hand_over(call)
            case _:
                pass
        for call in ast.walk(step.node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                self._call(call, call.func, governed=governed)

    def _call(self, call: ast.Call, method: ast.Attribute, *, governed: bool) -> None:
        if self._is_run(call):
            receiver = path_of(method.value)
            if receiver:
                self._add((*receiver, LEFT))
        elif method.attr in MUTATORS and (governed or self._is_given_output(call)):
            self.change(path_of(method.value))

    def _assign(self, target: ast.expr, *, changes: bool) -> None:
        path = path_of(target)
        if isinstance(target, ast.Name):
            self._add(path)
            if changes:
                self.change(path)
        elif (isinstance(target, ast.Subscript) and path) or (self._fields and path[:1] == ("self",)):
            self.change(path)
        else:
            self.is_lost = True

    def _hand_over(self, call: ast.Call) -> None:
        """Follow output into a call that stands for itself, so that it is there for what it does with it."""
        receiver, name = (), ""
        match call.func:
            case ast.Attribute(value=value, attr=name):
                receiver = path_of(value)
            case ast.Name(id=name):
                pass
            case _:
                pass
        if name in _SHOWS or name in MUTATORS or name in _AWAITS or starts_loop(call):
            return
        if not _HANDS_OUT.match(name) or _may_be_of_a_run((*receiver, name)):
            self.is_lost = True
            return
        self._add(WORLD)
        self.change(receiver)

    def change(self, path: DataPath) -> None:
        """Note that an object has been changed, and with it all that holds it or that it is a part of."""
        ahead = [path]
        while ahead:
            path = ahead.pop()
            if not path or path in self._changed:
                continue
            self._changed.add(path)
            self._add(path)
            ahead.extend(self._links.changed_with(path))

    def _is_given_output(self, call: ast.Call) -> bool:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        return any(self._holds_output(argument) for argument in given)

    def _holds_output(self, node: ast.AST) -> bool:
        if any(isinstance(inner, ast.Call) and self._is_run(inner) for inner in ast.walk(node)):
            return True
        return any(overlap(self._paths[path[0]], [path]) for path in reads(node) if path[0] in self._paths)


def inputs_of(body: Sequence[ast.stmt], is_run: Runs) -> set[DataPath]:
    """Return every path that a run in `body` is made of, or that decides whether it is carried out."""
    steps = list(steps_in(body))
    wanted: set[DataPath] = set()
    made: set[str] = set()
    for step in steps:
        calls = [call for call in ast.walk(step.node) if isinstance(call, ast.Call) and is_run(call)]
        for call in calls:
            wanted |= reads(call)
            if isinstance(call.func, ast.Attribute):
                made.update(path_of(call.func.value)[:1])
        if calls:
            wanted |= {path for test in _conditions(step.node) for path in reads(test)}
        if calls or isinstance(step.node, ast.Continue | ast.Break):
            wanted |= _read_by_tests(step)
    before = -1
    while before != len(wanted):
        before = len(wanted)
        for step in steps:
            for target, value in assignments(step.node):
                path = path_of(target)
                if path and overlap([path], wanted):
                    made_of = reads(value)
                    # What makes a crew is asked for a crew, not for what an earlier one said.
                    wanted |= named(made_of) if path[0] in made else made_of
                    wanted |= _read_by_tests(step)
    return wanted


def _read_by_tests(step: Step) -> set[DataPath]:
    """Return what decides about a step; what was tried before a handler is this pass's own affair."""
    return {path for test in step.tests if isinstance(test, ast.expr) for path in reads(test)}


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    """Give what decides within an expression."""
    for inner in ast.walk(node):
        match inner:
            case ast.IfExp(test=test):
                yield test
            case ast.BoolOp(values=values):
                yield from values[:-1]
            case ast.comprehension(ifs=ifs):
                yield from ifs
            case _:
                pass
