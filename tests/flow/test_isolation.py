"""One flow, any number of runs: what each works on, and what the flow shows afterwards."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from typing import Any

import pytest
from pydantic import BaseModel, Field

from aiocrew.flow import Flow, and_, listen, start


class Counting(Flow):
    shared: list[int] = []
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.counter = 0
        self.nested = {"lists": [[0]]}
        self.lock = threading.Lock()

    @start()
    async def count(self) -> int:
        self.counter += 1
        self.steps += 1
        self.shared.append(self.counter)
        self.nested["lists"][0].append(self.counter)
        self.new = "made in a run"
        await asyncio.sleep(0)
        return self.state.get("number", 0)

    @listen(count)
    def double(self, number: int) -> int:
        self.counter *= 2
        self.state["seen"] = number
        return number


async def test_a_run_begins_with_what_was_set_up_and_shows_what_it_left() -> None:
    flow = Counting()
    nested = flow.nested
    for _ in range(2):
        await flow.kickoff_async({"number": 3})
        assert (flow.counter, flow.steps, flow.shared, flow.new) == (2, 1, [1], "made in a run")
        assert flow.nested == {"lists": [[0, 1]]}
        assert flow.state["seen"] == 3
    assert nested == {"lists": [[0]]}
    assert (Counting.shared, Counting.steps) == ([], 0)


async def test_what_is_changed_by_hand_between_runs_counts() -> None:
    flow = Counting()
    await flow.kickoff_async()
    flow.counter = 10
    flow.shared.append(7)
    flow.state["number"] = 5
    assert await flow.kickoff_async() == 5
    assert flow.counter == 22
    assert flow.shared == [1, 7, 11]
    assert flow.nested == {"lists": [[0, 11]]}, "that was not changed, so it began anew"
    assert await flow.kickoff_async() == 5
    assert flow.counter == 22, "what was set by hand stays what runs begin with"


async def test_what_was_set_up_on_the_state_before_a_run_counts_for_every_run() -> None:
    flow = Counting()
    flow.state["number"] = 4
    assert [await flow.kickoff_async(), await flow.kickoff_async({"number": 5}), await flow.kickoff_async()] == [
        4,
        5,
        4,
    ]


async def test_an_attribute_set_while_a_run_is_under_way_stays() -> None:
    flow = Counting()
    run = asyncio.ensure_future(flow.kickoff_async())
    await asyncio.sleep(0)
    flow.mine = "kept"
    await run
    await flow.kickoff_async()
    assert flow.mine == "kept"


async def test_an_attribute_deleted_by_hand_is_gone() -> None:
    flow = Counting()
    await flow.kickoff_async()
    del flow.counter
    with pytest.raises(AttributeError, match="counter"):
        await flow.kickoff_async()


async def test_a_failed_run_shows_what_it_left_too() -> None:
    class Failing(Counting):
        @listen("double")
        def fail(self) -> None:
            raise ValueError("no")

    flow = Failing()
    with pytest.raises(ValueError, match="no"):
        await flow.kickoff_async({"number": 3})
    assert (flow.counter, flow.state["seen"], flow.method_outputs) == (2, 3, [3, 3])


class Crossing(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []

    @start()
    async def one(self) -> None:
        self.items.append(self.state["number"])
        await asyncio.sleep(0)

    @start()
    def two(self) -> None:
        self.state["in_a_thread"] = self.state["number"]

    @listen(and_(one, two))
    async def join(self) -> tuple[list[int], int, int]:
        await asyncio.sleep(0)
        return self.items, self.state["number"], self.state["in_a_thread"]


async def test_a_hundred_runs_of_one_flow_at_once_share_nothing() -> None:
    flow = Crossing()
    results = await asyncio.gather(*[flow.kickoff_async({"number": number}) for number in range(100)])
    assert results == [([number], number, number) for number in range(100)]


def test_runs_of_one_flow_in_several_threads_share_nothing() -> None:
    flow, results = Crossing(), {}

    def kick_off(number: int) -> None:
        for _ in range(5):
            results[number] = flow.kickoff({"number": number})

    threads = [threading.Thread(target=kick_off, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: ([number], number, number) for number in range(8)}


async def test_what_a_state_holds_is_copied_as_far_as_it_can_be() -> None:
    class Holding(Flow):
        @start()
        def work(self) -> bool:
            self.state["twice"][0].append(1)
            return self.state["twice"][0] is self.state["twice"][1]

    flow, lock, inner = Holding(), threading.Lock(), []
    flow.state.update(lock=lock, twice=[inner, inner])
    assert await flow.kickoff_async()
    assert flow.state["lock"] is lock
    assert inner == []


async def test_a_flow_that_kicks_itself_off_keeps_its_own_state() -> None:
    class Recursive(Flow):
        depth = 0

        @start()
        async def go_down(self) -> list[int]:
            self.depth += 1
            level = self.state.get("level", 0)
            below = [] if level == 3 else await self.kickoff_async({"level": level + 1})
            return [self.state.get("level", 0), *below]

    flow = Recursive()
    assert await flow.kickoff_async() == [0, 1, 2, 3]
    assert (flow.depth, flow.state.get("level")) == (1, None)
    assert flow.method_outputs == [[0, 1, 2, 3]]


async def test_a_run_inside_a_run_of_the_same_object_has_an_id_of_its_own() -> None:
    class Twice(Flow):
        @start()
        async def look(self) -> list[str]:
            below = [] if self.state.get("inner") else await self.kickoff_async({"inner": True})
            return [self.state["id"], *below]

    outer, inner = await Twice().kickoff_async()
    assert outer != inner


class Item(BaseModel):
    number: int = 0


class Items(BaseModel):
    items: list[Item] = Field(default_factory=lambda: [Item(), Item(), Item()])


@pytest.mark.parametrize("place", range(3))
async def test_a_change_by_hand_counts_wherever_it_is(place: int) -> None:
    class Reading(Flow[Items]):
        @start()
        def read(self) -> list[int]:
            return [item.number for item in self.state.items]

    flow = Reading()
    await flow.kickoff_async()
    flow.state.items[place].number = 7
    assert await flow.kickoff_async() == [7 if at == place else 0 for at in range(3)]


async def test_a_state_may_be_nested_to_any_depth() -> None:
    class Deep(Flow):
        @start()
        def dig(self) -> None:
            within = self.state["within"] = {}
            for _ in range(5_000):
                within["list"] = [{}]
                within = within["list"][0]

    flow = Deep()
    for _ in range(2):
        await flow.kickoff_async()
    flow.state["within"]["list"][0]["more"] = 1
    await flow.kickoff_async()
    assert "more" not in flow.state["within"]["list"][0], "dug anew"


async def test_a_thread_that_was_left_behind_may_go_on_changing_what_is_shown() -> None:
    class Left(Flow):
        def __init__(self) -> None:
            super().__init__()
            self.begun, self.stop = asyncio.Event(), threading.Event()

        @start()
        def go_on(self) -> None:
            self.items, self.numbers = [[]], dict[int, Any]()
            loop.call_soon_threadsafe(self.begun.set)
            while not self.stop.is_set():
                self.items.append([])
                self.numbers[len(self.items)] = {}
                self.stop.wait(0 if len(self.items) < 1_000 else 0.001)

    loop, flow = asyncio.get_running_loop(), Left()
    for _ in range(5):
        flow.begun.clear(), flow.stop.clear()
        run = asyncio.ensure_future(flow.kickoff_async())
        await flow.begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        flow.stop.set()
        assert flow.items


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda flow: pickle.loads(pickle.dumps(flow))], ids=["copy", "deep", "pickle"]
)
async def test_a_copy_of_a_flow_begins_and_shows_as_the_original(copied: Any) -> None:
    flow = Crossing()
    await flow.kickoff_async({"number": 1})
    flow.state["number"] = 2
    other = copied(flow)
    assert await other.kickoff_async() == ([2], 2, 2)
    assert (flow.items, other.items, flow.method_outputs[-1]) == ([1], [2], ([1], 1, 1))


async def test_a_run_does_not_go_through_the_copying_that_a_flow_has_of_its_own() -> None:
    class Single(Flow):
        def __copy__(self) -> Single:
            return self

        @start()
        def count(self) -> int:
            self.count_of = getattr(self, "count_of", 0) + 1
            return self.count_of

    flow = Single()
    assert [await flow.kickoff_async() for _ in range(2)] == [1, 1]


async def test_threads_that_look_at_a_state_at_once_see_the_same() -> None:
    both = threading.Barrier(2)

    class Slow(BaseModel):
        number: int = Field(default_factory=lambda: both.wait(30))

    flow = Flow[Slow]()
    one, other = await asyncio.gather(*[asyncio.to_thread(lambda: flow.state) for _ in range(2)])
    assert one is other


async def test_a_method_sees_what_its_own_run_has_given_so_far() -> None:
    class Looking(Flow):
        @start()
        async def first(self) -> str:
            await asyncio.sleep(0)
            return self.state["name"]

        @listen(first)
        async def second(self) -> list[str]:
            return self.method_outputs

    flow = Looking()
    results = await asyncio.gather(*[flow.kickoff_async({"name": name}) for name in "abc"])
    assert results == [["a"], ["b"], ["c"]]
