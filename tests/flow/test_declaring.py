"""What cannot work is said where it is written."""

from __future__ import annotations

from typing import Any

import pytest

from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.flow import Flow, and_, human_feedback, listen, or_, persist, router, start
from aiocrew.types.blueprint import AiocrewWarning


def method(self: object) -> None: ...


@pytest.mark.parametrize("decorator", [start, listen, router])
def test_a_decorator_without_parentheses_is_told_of(decorator: object) -> None:
    with pytest.raises(BlueprintError, match=r"with parentheses: @\w+\(\.\.\.\)"):
        decorator(method)  # type: ignore[operator]


@pytest.mark.parametrize("wrong", [3, None, "", [], method])
def test_what_is_no_condition_is_refused(wrong: object) -> None:
    for make in (listen, or_, and_):
        with pytest.raises(BlueprintError):
            make(wrong)  # type: ignore[operator]


def test_conditions_of_nothing_are_refused() -> None:
    for make in (or_, and_):
        with pytest.raises(BlueprintError, match="at least one"):
            make()


def test_a_method_takes_one_result_at_most() -> None:
    with pytest.raises(BlueprintError, match=r"method 'two' of flow 'Wrong' needs 2 arguments \(a, b\)"):

        class Wrong(Flow):
            @start()
            def two(self, a: str, b: str) -> None: ...


async def test_a_flow_without_a_start_method_is_refused() -> None:
    class Idle(Flow):
        @router("anything")
        def wait(self) -> None: ...

    with pytest.raises(ValueError, match="flow 'Idle' has no start method"):
        await Idle().kickoff_async()


@pytest.mark.parametrize("bound", [0, -1, 1.5, True, "many"])
async def test_the_bound_of_calls_is_a_whole_number(bound: object) -> None:
    class Bounded(Flow):
        @start()
        def only(self) -> None: ...

    with pytest.raises(BlueprintError, match="max_method_calls"):
        await Bounded(max_method_calls=bound).kickoff_async()  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["tracing", "persistence", "memory", "checkpoint", "input_provider"])
def test_a_field_that_is_not_built_is_refused_and_its_inert_value_passes(field: str) -> None:
    Flow(**{field: None})
    with pytest.raises(NotBuiltError, match=field):
        Flow(**{field: object()})
    with pytest.raises(NotBuiltError, match=field):
        type("Declared", (Flow,), {field: True})


def test_what_is_not_built_says_so_when_it_is_used() -> None:
    for use in (persist, human_feedback, lambda: persist(method), Flow().plot, Flow().resume):
        with pytest.raises(NotBuiltError, match="not built yet"):
            use()  # type: ignore[operator]
    with pytest.raises(AttributeError, match="'Flow' object has no attribute 'kickof'"):
        Flow().kickof()  # type: ignore[attr-defined]


def test_a_decorator_leaves_the_method_as_it_is() -> None:
    def plain(self: object, result: str) -> int:
        return len(result)

    assert start()(plain) is plain
    assert listen("event")(plain) is plain
    assert router("event")(plain) is plain


@pytest.mark.parametrize("other", [staticmethod, classmethod, property])
def test_what_takes_no_self_is_refused(other: Any) -> None:
    with pytest.raises(BlueprintError, match=f"method 'go' of flow 'Odd' is a {other.__name__}"):

        class Odd(Flow):
            @other
            @start()
            def go(self) -> None: ...

    with pytest.raises(BlueprintError, match="stands before a method"):
        start()(staticmethod(len))


def test_listening_to_a_function_that_has_another_name_than_its_method_is_refused() -> None:
    def hidden(method: Any) -> Any:
        return lambda self: method(self)

    with pytest.raises(BlueprintError, match="method 'go' of flow 'Hidden' is a function called '<lambda>'"):

        class Hidden(Flow):
            @start()
            @hidden
            def go(self) -> None: ...

            @listen(go)
            def then(self) -> None: ...


def test_slots_are_refused() -> None:
    with pytest.raises(BlueprintError, match="flow 'Narrow' has __slots__"):

        class Narrow(Flow):
            __slots__ = ("items",)


class Mistaken(Flow):
    @start()
    def begin(self) -> None: ...

    @listen(and_("begin", or_("begun", "beginn")))
    def then(self) -> None: ...


async def test_who_waits_for_what_nothing_gives_is_told_of() -> None:
    with pytest.warns(AiocrewWarning) as told:
        await Mistaken().kickoff_async()
    assert [str(warning.message) for warning in told] == [
        f"method 'then' of flow 'Mistaken' waits for {event!r}, but no method or router gives that; "
        "did you mean 'begin'?"
        for event in ("begun", "beginn")
    ]


async def test_a_router_may_give_anything_unless_it_says_what() -> None:
    class Open(Mistaken):
        @router()
        @start()
        def ask(self) -> None: ...

    await Open().kickoff_async()

    class Told(Mistaken):
        @router(emit=["begun"])
        @start()
        def ask(self) -> None: ...

    with pytest.warns(AiocrewWarning, match="waits for 'beginn'"):
        await Told().kickoff_async()
