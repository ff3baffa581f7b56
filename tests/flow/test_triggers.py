"""Which methods run, how often, and what they are given."""

from __future__ import annotations

from enum import Enum

import pytest

from aiocrew.errors import BlueprintError, FlowError
from aiocrew.flow import Flow, and_, listen, or_, router, start


class Logging(Flow):
    """Flows whose methods note that they ran."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []


async def test_a_listener_runs_after_what_it_listens_to() -> None:
    class Chain(Logging):
        @start()
        def first(self) -> str:
            self.log.append("first")
            return "one"

        @listen(first)
        def second(self, result: str) -> str:
            self.log.append(f"second({result})")
            return "two"

        @listen("second")
        async def third(self, result: str) -> str:
            self.log.append(f"third({result})")
            return "three"

    flow = Chain()
    assert await flow.kickoff_async() == "three"
    assert flow.log == ["first", "second(one)", "third(two)"]
    assert flow.method_outputs == ["one", "two", "three"]


def test_a_flow_is_kicked_off_without_a_loop_too() -> None:
    class Single(Flow):
        @start()
        async def only(self) -> str:
            return "done"

    assert Single().kickoff() == "done"


async def test_every_start_method_runs_and_leads_on() -> None:
    class Two(Logging):
        @start()
        def left(self) -> None:
            self.log.append("left")

        @start()
        def right(self) -> None:
            self.log.append("right")

        @listen(left)
        def after_left(self) -> None:
            self.log.append("after_left")

        @listen(right)
        def after_right(self) -> None:
            self.log.append("after_right")

    flow = Two()
    await flow.kickoff_async()
    assert sorted(flow.log) == ["after_left", "after_right", "left", "right"]
    assert flow.log.index("after_left") > flow.log.index("left")
    assert flow.log.index("after_right") > flow.log.index("right")


async def test_and_waits_for_all_and_gives_the_result_of_the_longest_chain() -> None:
    class Joined(Flow):
        @start()
        def slow(self) -> str:
            return "slow"

        @start()
        def quick(self) -> str:
            return "quick"

        @listen(quick)
        def then(self) -> str:
            return "then"

        @listen(and_(then, slow))
        def join(self, result: str) -> str:
            return f"join({result})"

    flow = Joined()
    assert await flow.kickoff_async() == "join(then)"
    assert flow.method_outputs == ["slow", "quick", "then", "join(then)"]


async def test_or_runs_once_for_each_that_happens() -> None:
    class Either(Logging):
        @start()
        def left(self) -> str:
            return "left"

        @start()
        def right(self) -> str:
            return "right"

        @listen(or_(left, right))
        def each(self, result: str) -> None:
            self.log.append(result)

    flow = Either()
    await flow.kickoff_async()
    assert sorted(flow.log) == ["left", "right"]


async def test_conditions_nest() -> None:
    class Nested(Logging):
        @start()
        def a(self) -> str:
            return "a"

        @start()
        def b(self) -> str:
            return "b"

        @router(b)
        def choose(self) -> str:
            return "chosen"

        @listen(or_(and_(a, or_("never", b)), "chosen"))
        def last(self) -> None:
            self.log.append("last")

    flow = Nested()
    await flow.kickoff_async()
    assert flow.log == ["last", "last"]


class Way(Enum):
    LEFT = "left"
    RIGHT = 2


@pytest.mark.parametrize(
    ("answer", "ran"),
    [
        ("left", ["on_left"]),
        (Way.LEFT, ["on_left"]),
        (Way.RIGHT, ["on_right"]),
        ("nobody", []),
        (None, []),
        ("", []),
        (True, ["on_true"]),
    ],
)
async def test_what_a_router_returns_is_an_event(answer: object, ran: list[str]) -> None:
    class Routed(Logging):
        @start()
        def begin(self) -> str:
            return "begun"

        @router(begin)
        def choose(self, result: str) -> object:
            assert result == "begun"
            return answer

        @listen("left")
        def on_left(self) -> None:
            self.log.append("on_left")

        @listen(Way.RIGHT)
        def on_right(self) -> None:
            self.log.append("on_right")

        @listen("True")
        def on_true(self) -> None:
            self.log.append("on_true")

    flow = Routed()
    await flow.kickoff_async()
    assert flow.log == ran


async def test_who_listens_to_a_routers_text_gets_what_the_router_got_and_who_listens_to_it_gets_the_text() -> None:
    class Passing(Logging):
        @start()
        def begin(self) -> str:
            return "payload"

        @router(begin)
        def choose(self) -> str:
            return "left"

        @listen("left")
        def by_text(self, result: str) -> None:
            self.log.append(f"by_text({result})")

        @listen(choose)
        def by_name(self, result: str) -> None:
            self.log.append(f"by_name({result})")

    flow = Passing()
    await flow.kickoff_async()
    assert sorted(flow.log) == ["by_name(left)", "by_text(payload)"]


async def test_a_router_may_stand_beside_start() -> None:
    class Begun(Flow):
        @router()
        @start()
        def choose(self) -> str:
            return "left"

        @listen("left")
        def on_left(self, result: str) -> str:
            return f"on {result}"

    assert await Begun().kickoff_async() == "on left"


async def test_what_is_no_event_fails_the_flow() -> None:
    class Wrong(Flow):
        @router()
        @start()
        def choose(self) -> list[str]:
            return ["left"]

    with pytest.raises(BlueprintError, match=r"router 'choose' of flow 'Wrong' returned a list"):
        await Wrong().kickoff_async()


class Cyclic(Logging):
    iteration = 0
    rounds = 3

    @start("again")
    def one(self) -> None:
        self.log.append(f"one {self.iteration}")

    @listen(one)
    def two(self) -> None:
        self.log.append(f"two {self.iteration}")

    @router(two)
    def three(self) -> str:
        self.iteration += 1
        return "again" if self.iteration < self.rounds else "enough"


async def test_a_cycle_goes_on_until_its_router_ends_it() -> None:
    flow = Cyclic()
    await flow.kickoff_async()
    assert flow.log == ["one 0", "two 0", "one 1", "two 1", "one 2", "two 2"]


async def test_and_collects_anew_in_each_round() -> None:
    class Rounds(Logging):
        @start("again")
        def a(self) -> None: ...

        @start("again")
        def b(self) -> None: ...

        @listen(and_(a, b))
        def both(self) -> None:
            self.log.append("both")

        @router(both)
        def more(self) -> str | None:
            return "again" if len(self.log) < 3 else None

    flow = Rounds()
    await flow.kickoff_async()
    assert flow.log == ["both"] * 3


async def test_a_cycle_past_its_bound_fails_and_names_the_method() -> None:
    class Endless(Cyclic):
        rounds = 1_000

    with pytest.raises(FlowError, match=r"'one' of flow 'Endless' was to run more than 100 times"):
        await Endless().kickoff_async()

    bounded = Endless()
    bounded.max_method_calls = 7
    with pytest.raises(FlowError, match="more than 7 times"):
        await bounded.kickoff_async()
    assert bounded.log.count("one 6") == 1
    assert "one 7" not in bounded.log


async def test_methods_of_a_base_class_belong_to_the_flow_unless_they_are_defined_anew_without_a_decorator() -> None:
    class Base(Logging):
        @start()
        def begin(self) -> None:
            self.log.append("begin")

        @listen(begin)
        def middle(self) -> None:
            self.log.append("base's middle")

        @listen(begin)
        def dropped(self) -> None:
            self.log.append("dropped")

    class Derived(Base):
        @listen(Base.begin)
        def middle(self) -> None:
            self.log.append("middle")

        def dropped(self) -> None: ...

        @listen(middle)
        def end(self) -> None:
            self.log.append("end")

    flow = Derived()
    await flow.kickoff_async()
    assert flow.log == ["begin", "middle", "end"]


async def test_a_start_method_with_a_condition_has_no_result_at_the_kickoff() -> None:
    class Again(Logging):
        @start("again")
        def one(self, result: str | None) -> str:
            self.log.append(f"one({result})")
            return "from one"

        @router(one)
        def more(self) -> str | None:
            return "again" if len(self.log) < 2 else None

    flow = Again()
    await flow.kickoff_async()
    assert flow.log == ["one(None)", "one(from one)"]


def test_a_method_may_bear_the_name_of_the_event_that_it_listens_to() -> None:
    class Publishing(Flow):
        @start()
        def write(self):
            return "text"

        @router(write)
        def judge(self):
            return "publish"

        @listen("publish")
        def publish(self):
            return "published"

    flow = Publishing()
    assert flow.kickoff() == "published"
    assert flow.method_outputs == ["text", "publish", "published"]
