"""One flow, any number of runs: what each works on, and what the flow shows afterwards."""

from __future__ import annotations

import asyncio
import threading

import pytest

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
