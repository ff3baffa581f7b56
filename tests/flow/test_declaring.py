"""What cannot work is said where it is written."""

from __future__ import annotations

import pytest

from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.flow import Flow, and_, human_feedback, listen, or_, persist, router, start


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
        @listen("anything")
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


@pytest.mark.parametrize("field", ["tracing", "stream", "persistence", "memory", "checkpoint", "input_provider"])
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
