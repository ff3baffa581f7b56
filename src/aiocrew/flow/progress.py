"""What of a flow runs next. Pure: no clock, no task, and the order of arrival decides as little as can be.

Methods that run side by side end in any order. So that a repeated run gives the same, two things go by cause instead:

- the number in a method's path. A method that may come to run in several ways has a row of numbers for each of them,
  so `run/publish-1` is always the one that the second way led to, whichever came first;
- which result is the last one: each call stands one place after the calls that led to it, and among calls of the same
  place the method that is defined later is the later one. In a flow without parallel methods that is the order in time.

What an and_ inside a cycle collects of methods that run side by side there does go by arrival.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import msgspec

from aiocrew.errors import BlueprintError, FlowError
from aiocrew.flow.conditions import Collector, Happened
from aiocrew.flow.plan import FlowPlan, MethodPlan, Source

__all__ = ["Call", "Progress"]


class _Order(NamedTuple):
    place: int
    position: int
    number: int


class _Firing(msgspec.Struct, frozen=True):
    """A method ended, and made one event happen."""

    method: MethodPlan
    order: _Order
    result: Any
    is_text: bool
    """The event is what a router returned, not its name."""


class Call(msgspec.Struct, frozen=True):
    """One execution of a method."""

    method: MethodPlan
    order: _Order
    arguments: tuple[Any, ...] = ()
    given: tuple[Any, ...] = ()
    """The result that led to it, whether the method takes it or not; empty at the kickoff."""

    @property
    def segment(self) -> str:
        """Its part of a path."""
        return f"{self.method.name}-{self.order.number}"


class Progress:
    """One run's way through its flow."""

    def __init__(self, flow: str, plan: FlowPlan, max_method_calls: int) -> None:
        """Raises BlueprintError when the bound is no number above 0, or nothing starts the flow."""
        if type(max_method_calls) is not int or max_method_calls < 1:
            raise BlueprintError(f"max_method_calls={max_method_calls!r} of flow {flow!r} must be 1 or more")
        if not any(method.starts for method in plan.methods):
            raise BlueprintError(f"flow {flow!r} has no start method: decorate one with @start()")
        self._flow = flow
        self._plan = plan
        self._bound = max_method_calls
        self._collectors = [
            (method, [Collector[_Firing](condition) for condition in method.alternatives]) for method in plan.methods
        ]
        self._numbers: dict[str, set[int]] = {method.name: set() for method in plan.methods}
        self._ended: list[tuple[_Order, Any]] = []

    @property
    def outputs(self) -> list[Any]:
        """What the methods that have ended gave, the last one last."""
        return [output for _, output in sorted(self._ended, key=lambda ended: ended[0])]

    def first(self) -> list[Call]:
        """Return what runs at the kickoff."""
        return [
            self._counted(Call(method, _Order(0, method.position, 0), (None,) if method.needs_result else ()))
            for method in self._plan.methods
            if method.starts
        ]

    def after(self, call: Call, output: Any) -> list[Call]:
        """Return what runs because `call` ended with `output`.

        Raises FlowError when a method would run more often than the bound, BlueprintError when a router returned what
        can be no event.
        """
        self._ended.append((call.order, output))
        calls = self._led_to(call.method.name, _Firing(call.method, call.order, output, is_text=False))
        if call.method.routes and (text := self._event_of(call.method, output)) is not None:
            passed_on = call.given[0] if call.given else output
            calls += self._led_to(text, _Firing(call.method, call.order, passed_on, is_text=True))
        return calls

    def _led_to(self, event: str, firing: _Firing) -> list[Call]:
        # Each alternative that holds is a reason of its own, also where one event makes two hold: how many runs there
        # are would else depend on what came last. A method's own end never starts it: it may be named as the text that
        # it listens to.
        return [
            self._call(method, alternative, by)
            for method, collectors in self._collectors
            if firing.is_text or method is not firing.method
            for alternative, collector in enumerate(collectors)
            if (by := collector.offer(event, firing)) is not None
        ]

    def _call(self, method: MethodPlan, alternative: int, by: tuple[_Firing, ...]) -> Call:
        last = max(by, key=lambda firing: firing.order)
        number = self._number(method, alternative, by)
        order = _Order(last.order.place + 1, method.position, number)
        given = (last.result,)
        return self._counted(Call(method, order, given if method.takes_result else (), given))

    def _number(self, method: MethodPlan, alternative: int, by: tuple[_Firing, ...]) -> int:
        """Return a number that goes by the cause, as far as causes of one kind come one after another."""
        firing, taken = by[0], self._numbers[method.name]
        first, ways = int(method.starts), len(method.sources)
        alone = isinstance(method.alternatives[alternative], Happened)
        if alone and firing.is_text and firing.method.name in method.leads_to:
            return self._free(taken, first + ways, 1)  # a further round of a cycle
        way = method.sources.get(Source(alternative, firing.method.name if alone else ""), 0)
        row = firing.order.number if alone else 0
        return self._free(taken, first + row * ways + way, max(1, ways))

    @staticmethod
    def _free(taken: set[int], number: int, step: int) -> int:
        while number in taken:
            number += step
        return number

    def _counted(self, call: Call) -> Call:
        name, numbers = call.method.name, self._numbers[call.method.name]
        if len(numbers) == self._bound:
            raise FlowError(
                f"method {name!r} of flow {self._flow!r} was to run more than {self._bound} times in one kickoff: does "
                f"its cycle end? If it does, set max_method_calls to a higher number"
            )
        numbers.add(call.order.number)
        return call

    def _event_of(self, method: MethodPlan, output: Any) -> str | None:
        if isinstance(output, Enum):
            output = output.value if isinstance(output.value, str) else output.name
        if output is None or isinstance(output, str):
            return output or None
        if isinstance(output, bool | int):
            return str(output)
        raise BlueprintError(
            f"router {method.name!r} of flow {self._flow!r} returned a {type(output).__name__}: it must return a text, "
            "a member of an Enum, or None for no event"
        )
