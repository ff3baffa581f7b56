"""What runs next, against a reference model, on random flows; and that the order of arrival decides nothing."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.flow import Flow, and_, listen, or_, router, start
from aiocrew.flow.plan import plan_flow
from aiocrew.flow.progress import Call, Progress

TEXTS = ["red", "green"]

Tree = Any
"""An event's name, or ("or" | "and", trees)."""


def trees(events: list[str]) -> st.SearchStrategy[Tree]:
    return st.recursive(
        st.sampled_from(events),
        lambda inner: st.tuples(st.sampled_from(["or", "and"]), st.lists(inner, min_size=1, max_size=3)),
        max_leaves=5,
    )


@st.composite
def flows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Methods that may listen to earlier ones and to texts; a router gives a few texts, so every cycle ends."""
    methods: list[dict[str, Any]] = []
    for position in range(draw(st.integers(1, 6))):
        names = [method["name"] for method in methods]
        starts = position == 0 or draw(st.booleans())
        condition = draw(trees(names + TEXTS)) if not starts or draw(st.integers(0, 3)) == 0 else None
        texts = draw(st.lists(st.sampled_from([*TEXTS, None]), max_size=3)) if draw(st.booleans()) else None
        methods.append({"name": f"m{position}", "starts": starts, "condition": condition, "texts": texts})
    return methods


def built(tree: Tree) -> Any:
    if isinstance(tree, str):
        return tree
    return (or_ if tree[0] == "or" else and_)(*map(built, tree[1]))


def as_class(methods: list[dict[str, Any]]) -> type[Flow]:
    members: dict[str, Any] = {}
    for method in methods:

        def body(self: object, result: object) -> None: ...

        body.__name__ = method["name"]
        if method["starts"]:
            body = start()(body)
        if method["condition"] is not None:
            body = listen(built(method["condition"]))(body)
        if method["texts"] is not None:
            body = router(emit=[text for text in method["texts"] if text])(body)
        members[method["name"]] = body
    return type("Random", (Flow,), members)


def each_once(trees: list[Tree]) -> list[Tree]:
    return [tree for at, tree in enumerate(trees) if tree not in trees[:at]]


def said_once(tree: Tree) -> Tree:
    """Return `tree` without the parts that say again what stands before them."""
    return tree if tree is None or isinstance(tree, str) else (tree[0], each_once([*map(said_once, tree[1])]))


def reasons(tree: Tree) -> list[Tree]:
    """Return the parts of a condition each of which makes its method run."""
    if tree is None:
        return []
    if isinstance(tree, str) or tree[0] == "and":
        return [tree]
    return each_once([reason for part in tree[1] for reason in reasons(part)])


class Reference:
    """The meaning of triggers, in the plainest words: sets of what has happened."""

    def __init__(self, methods: list[dict[str, Any]]) -> None:
        self.methods = [{**method, "condition": said_once(method["condition"])} for method in methods]
        self.happened: dict[tuple[str, ...], set[int]] = {}

    def triggered(self, event: str) -> list[str]:
        return [
            method["name"]
            for method in self.methods
            for number, reason in enumerate(reasons(method["condition"]))
            if self.holds(reason, event, (method["name"], str(number)))
        ]

    def holds(self, tree: Tree, event: str, place: tuple[str, ...]) -> bool:
        if isinstance(tree, str):
            return tree == event
        kind, parts = tree
        now = {at for at, part in enumerate(parts) if self.holds(part, event, (*place, str(at)))}
        if kind == "or":
            return bool(now)
        held = self.happened.setdefault(place, set())
        held |= now
        if now and len(held) == len(parts):
            held.clear()
            return True
        return False


def text_of(methods: list[dict[str, Any]], call: Call, given_out: Counter[str]) -> str | None:
    name = call.method.name
    texts = next(method["texts"] for method in methods if method["name"] == name)
    if texts is None:
        return None
    given_out[name] += 1
    return texts[given_out[name] - 1] if given_out[name] <= len(texts) else None


@given(flows(), st.integers(0, 1_000))
def test_what_runs_is_what_the_reference_says(methods: list[dict[str, Any]], seed: int) -> None:
    chance = random.Random(seed)
    progress, reference = Progress("Random", plan_flow(as_class(methods)), 1_000), Reference(methods)
    waiting = progress.first()
    assert [call.method.name for call in waiting] == [method["name"] for method in methods if method["starts"]]
    segments, given_out = [call.segment for call in waiting], Counter[str]()
    while waiting:
        call = waiting.pop(chance.randrange(len(waiting)))
        text = text_of(methods, call, given_out)
        calls = progress.after(call, text)
        expected = reference.triggered(call.method.name) + (reference.triggered(text) if text else [])
        assert [led.method.name for led in calls] == expected
        assert all(led.order.place > call.order.place for led in calls)
        waiting += calls
        segments += [led.segment for led in calls]
    assert len(set(segments)) == len(segments)
    assert len(progress.outputs) == len(segments)


@st.composite
def acyclic_flows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """As flows(), but a router's text leads onward only, and and_ stands over what happens once."""
    methods: list[dict[str, Any]] = []
    for position in range(draw(st.integers(2, 6))):
        names = [method["name"] for method in methods]
        texts = [method["texts"][0] for method in methods if method["texts"]]
        once = [method["name"] for method in methods if method["starts"]]
        condition: Tree = None
        starts = position == 0 or draw(st.integers(0, 2)) == 0
        if not starts:
            some = draw(st.lists(st.sampled_from(names + texts), min_size=1, max_size=2))
            condition = ("or", [*some, ("and", once)]) if draw(st.booleans()) else ("or", some)
        # Several routers that listen to nothing may give the same text.
        text = "shared" if starts and draw(st.booleans()) else f"text {position}"
        given = [text] if draw(st.booleans()) else None
        methods.append({"name": f"m{position}", "starts": starts, "condition": condition, "texts": given})
    return methods


def carried_out(methods: list[dict[str, Any]], chance: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return what each call was given, by path, and all outputs, where calls end in a random order."""
    progress = Progress("Random", plan_flow(as_class(methods)), 200)
    texts = {method["name"]: method["texts"] for method in methods}
    waiting, given_to = progress.first(), {}
    while waiting:
        call = waiting.pop(chance.randrange(len(waiting)))
        given_to[call.segment] = call.given
        waiting += progress.after(call, texts[call.method.name][0] if texts[call.method.name] else call.segment)
    return given_to, progress.outputs


@given(acyclic_flows(), st.integers(0, 1_000))
def test_the_order_of_arrival_decides_neither_paths_nor_arguments_nor_outputs(
    methods: list[dict[str, Any]], seed: int
) -> None:
    chance = random.Random(seed)
    first = carried_out(methods, chance)
    for _ in range(5):
        assert carried_out(methods, chance) == first


def segments(flow: type[Flow], outputs: dict[str, list[Any]]) -> list[str]:
    """Return the segments of a run in which each method gives these outputs in turn, and None from then on."""
    progress = Progress("flow", plan_flow(flow), 100)
    waiting, seen, left = progress.first(), [], {name: list(given) for name, given in outputs.items()}
    while waiting:
        call = waiting.pop(0)
        seen.append(call.segment)
        given = left.get(call.method.name, [])
        waiting += progress.after(call, given.pop(0) if given else None)
    return seen


def test_numbers_count_the_rounds_of_a_cycle() -> None:
    class Revising(Flow):
        @start()
        def plan(self) -> None: ...

        @listen(or_(plan, "again"))
        def write(self) -> None: ...

        @router(write)
        def judge(self) -> str | None:
            return "again"

    assert segments(Revising, {"judge": ["again", "again"]}) == [
        "plan-0",
        *("write-0", "judge-0"),
        *("write-1", "judge-1"),
        *("write-2", "judge-2"),
    ]


def test_numbers_of_a_method_that_starts_and_is_started_again_go_on() -> None:
    class Repeated(Flow):
        @start("again")
        def begin(self) -> None: ...

        @router(begin)
        def judge(self) -> str | None:
            return "again"

    assert segments(Repeated, {"judge": ["again"]}) == ["begin-0", "judge-0", "begin-1", "judge-1"]


def test_each_of_several_ways_to_a_method_has_its_own_number_and_so_has_what_follows() -> None:
    class Either(Flow):
        @start()
        def left(self) -> None: ...

        @start()
        def right(self) -> None: ...

        @listen(or_(left, right))
        def each(self) -> None: ...

        @listen(each)
        def then(self) -> None: ...

    assert segments(Either, {}) == ["left-0", "right-0", "each-0", "each-1", "then-0", "then-1"]


def test_a_text_that_one_router_names_is_counted_for_that_one() -> None:
    class Two(Flow):
        @router()
        @start()
        def first(self) -> str:
            return "one"

        @router()
        @start()
        def second(self) -> str:
            return "two"

        @listen("two")
        def follow(self) -> None: ...

    assert segments(Two, {"first": ["one"], "second": ["two"]})[-1] == "follow-0"
    assert segments(Two, {"first": ["two"], "second": ["two"]})[-2:] == ["follow-0", "follow-1"]


def test_what_and_gives_is_the_result_that_came_last_by_cause() -> None:
    class Both(Flow):
        @start()
        def one(self) -> None: ...

        @start()
        def two(self) -> None: ...

        @listen(and_(one, two))
        def both(self, result: object) -> None: ...

    progress = Progress("Both", plan_flow(Both), 100)
    one, two = progress.first()
    assert progress.after(two, "of two") == []
    assert progress.after(one, "of one")[0].arguments == ("of two",)
