"""A budget over tasks, loops and threads."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref

import pytest

from aiocrew.admission.budget import Amounts, Budget
from aiocrew.errors import BlueprintError, BudgetExceededError
from aiocrew.types.context import RunOptions
from aiocrew.types.prices import Price
from aiocrew.types.terms import Bound, Hold, Purse
from aiocrew.types.usage import Usage
from tests.doubles import on_virtual_time

PRICE = Price(input_usd=1.0, output_usd=10.0)
TOKENS = Bound(prompt_tokens=50, reply_tokens=50, model="openai/test")
"""A call of at most 100 tokens."""


async def reserve(budget: Budget, bound: Bound = TOKENS, *, unbounded: bool = False) -> Hold:
    return await budget.reserve(bound, unbounded=unbounded)


async def call(budget: Budget, usage: Usage, *, takes_s: float = 1.0, bound: Bound = TOKENS) -> None:
    hold = await reserve(budget, bound)
    await asyncio.sleep(takes_s)
    hold.settle(usage)


def test_a_hold_that_the_collector_ends_in_the_midst_of_the_books_is_entered_afterwards() -> None:
    async def main() -> None:
        budget = Budget(tokens=100)
        hold = await reserve(budget)
        waiter = asyncio.ensure_future(reserve(budget))
        await asyncio.sleep(0)
        with budget._books():
            before = budget._ledger.set_aside
            hold.release(sent=False)  # as the collector does when it closes the abandoned call at this point
            assert budget._ledger.set_aside is before
        (await waiter).settle(Usage(10, 5))
        assert (budget.spent.tokens, budget.reserved.tokens, budget.waiting) == (15, 0, 0)

    on_virtual_time(main)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "limits nothing"),
        ({"usd": 0}, "usd=0"),
        ({"usd": float("nan")}, "usd=nan"),
        ({"usd": True}, "usd=True"),
        ({"tokens": 1.5}, "tokens=1.5"),
        ({"requests": 0}, "requests=0"),
        ({"tokens": 10, "reply_tokens": None}, "reply_tokens=None"),
    ],
)
def test_a_budget_that_is_none_is_refused_where_it_is_written(fields: dict[str, object], message: str) -> None:
    with pytest.raises(BlueprintError, match=message):
        Budget(**fields)  # type: ignore[arg-type]


def test_a_budget_is_a_purse_that_a_run_takes() -> None:
    first, second = Budget(requests=1), Budget(requests=1)
    assert isinstance(first, Purse)
    assert first.order < second.order
    assert RunOptions(budget=first).terms(None, None).purses == (first,)


async def test_a_hold_is_for_the_longest_reply_and_settling_gives_back_what_was_not_used() -> None:
    budget = Budget(usd=1.0, tokens=10_000, requests=5)
    hold = await reserve(budget, Bound(1_000, 2_000, "m", PRICE, replies=2))
    assert hold.reply_tokens == 2_000
    assert budget.reserved == Amounts(0.041, 5_000, 1)
    assert budget.left == Amounts(0.959, 5_000, 4)
    hold.settle(Usage(500, 100))
    assert budget.reserved == Amounts(0.0, 0, 0)
    assert budget.spent == Amounts(0.0015, 600, 1)
    assert budget.left == Amounts(0.9985, 9_400, 4)


async def test_the_bound_takes_the_dearest_price_that_the_prompt_can_come_to() -> None:
    budget = Budget(usd=1.0)
    price = Price(
        input_usd=1.0,
        output_usd=10.0,
        cache_write_usd=2.0,
        request_usd=0.5,
        tiers=((1_000, Price(input_usd=3.0, output_usd=20.0)),),
    )
    (await reserve(budget, Bound(1_000, 100, "m", price))).keep()
    assert budget.spent.usd == 0.5 + 0.002 + 0.001
    budget = Budget(usd=1.0)
    (await reserve(budget, Bound(1_001, 100, "m", price))).keep()
    assert budget.spent.usd == 0.5 + 0.003003 + 0.002


async def test_a_hold_ends_once() -> None:
    budget = Budget(tokens=1_000)
    hold = await reserve(budget)
    hold.settle(Usage(10, 10))
    hold.keep()
    hold.release(sent=True)
    assert (budget.spent.tokens, budget.spent.requests) == (20, 1)


async def test_what_nobody_knows_counts_as_all_that_was_set_aside() -> None:
    budget = Budget(tokens=1_000)
    (await reserve(budget)).keep()
    assert budget.spent.tokens == 100
    (await reserve(budget)).settle(Usage())
    assert budget.spent.tokens == 200


async def test_a_call_that_used_no_token_is_a_request_where_it_was_sent() -> None:
    budget = Budget(requests=10)
    (await reserve(budget)).release(sent=False)
    assert budget.spent.requests == 0
    (await reserve(budget)).release(sent=True)
    assert budget.spent.requests == 1


async def test_what_the_provider_reports_above_the_hold_counts() -> None:
    budget = Budget(tokens=200)
    (await reserve(budget)).settle(Usage(150, 60))
    assert (budget.spent.tokens, budget.left.tokens) == (210, 0)
    with pytest.raises(BudgetExceededError, match="210 of 200 tokens"):
        await reserve(budget)


async def test_a_call_that_does_not_fit_is_refused_with_what_to_do() -> None:
    budget = Budget(usd=0.001)
    with pytest.raises(BudgetExceededError) as refused:
        await reserve(budget, Bound(500, 100, "openai/test", PRICE))
    text = str(refused.value)
    for part in ("openai/test", "0 of 0.001 dollars", "0.0015", "larger Budget", "max_tokens"):
        assert part in text
    assert budget.reserved == Amounts(0.0, 0, 0)


async def test_a_call_that_can_never_fit_is_refused_at_once_though_others_are_open() -> None:
    budget = Budget(tokens=150)
    await reserve(budget)
    with pytest.raises(BudgetExceededError):
        await reserve(budget, Bound(100, 51, "m"))


async def test_a_budget_in_dollars_needs_a_price() -> None:
    with pytest.raises(BlueprintError, match=r"no price is known for openai/test.*aiocrew\[cost\]"):
        await reserve(Budget(usd=1.0))
    budget = Budget(tokens=1_000)
    (await reserve(budget)).keep()
    assert budget.spent == Amounts(None, 100, 1)


async def test_a_reply_without_a_limit_gets_the_budgets_or_what_is_left_but_no_scrap() -> None:
    budget = Budget(tokens=10_000, reply_tokens=4_000)
    free = Bound(500, None, "m")
    first, second = await reserve(budget, free), await reserve(budget, free)
    assert (first.reply_tokens, second.reply_tokens) == (4_000, 4_000)
    first.keep()
    second.keep()
    third = await reserve(budget, free)
    assert third.reply_tokens == 500, "what is left"
    third.settle(Usage(144, 100))
    fourth = await reserve(budget, free)
    assert fourth.reply_tokens == 256
    fourth.settle(Usage(1, 0))
    with pytest.raises(BudgetExceededError):
        await reserve(budget, Bound(501, None, "m"))


async def test_a_reply_without_a_limit_waits_for_others_rather_than_being_cut() -> None:
    budget = Budget(tokens=5_000, reply_tokens=4_000)
    free = Bound(500, None, "m")
    first = await reserve(budget, free)
    waiting = asyncio.ensure_future(reserve(budget, free))
    await asyncio.sleep(0)
    assert budget.waiting == 1
    first.settle(Usage(400, 100))
    assert (await waiting).reply_tokens == 4_000


def test_calls_wait_while_only_open_ones_stand_in_the_way_first_come_first_served() -> None:
    budget = Budget(tokens=400)
    order: list[int] = []

    async def one(number: int) -> None:
        hold = await reserve(budget)
        order.append(number)
        await asyncio.sleep(1)
        hold.settle(Usage(1, 0))

    async def main() -> float:
        await asyncio.gather(*(one(number) for number in range(20)))
        return asyncio.get_running_loop().time()

    assert on_virtual_time(main) == 7.0, "4 at once, and 3 when something is spent"
    assert order == list(range(20))
    assert (budget.spent.tokens, budget.waiting, budget.reserved.tokens) == (20, 0, 0)


def test_a_small_call_does_not_overtake_a_large_one() -> None:
    budget = Budget(tokens=100)
    order: list[str] = []

    async def one(name: str, tokens: int) -> None:
        hold = await reserve(budget, Bound(tokens - 1, 1, name))
        order.append(name)
        await asyncio.sleep(1)
        hold.settle(Usage(1, 0))

    async def main() -> None:
        await asyncio.gather(one("first", 60), one("large", 90), one("small", 10))

    on_virtual_time(main)
    assert order == ["first", "large", "small"]


def test_those_who_wait_in_vain_are_refused_when_the_last_hold_has_ended() -> None:
    budget = Budget(tokens=150)

    async def main() -> list[BaseException | None]:
        return await asyncio.gather(*(call(budget, Usage(50, 50)) for _ in range(4)), return_exceptions=True)

    ends = on_virtual_time(main)
    assert [type(end) for end in ends] == [type(None), *[BudgetExceededError] * 3]
    assert (budget.spent.tokens, budget.waiting) == (100, 0)


async def test_a_cancelled_waiter_leaves_no_trace_even_in_the_tick_of_its_turn() -> None:
    budget = Budget(tokens=110)
    first = await reserve(budget)
    waiters = [asyncio.ensure_future(call(budget, Usage(1, 0), takes_s=0)) for _ in range(10)]
    await asyncio.sleep(0)
    assert budget.waiting == 10
    first.release(sent=False)
    for waiter in waiters[::2]:
        waiter.cancel()
    ends = await asyncio.gather(*waiters, return_exceptions=True)
    assert [isinstance(end, asyncio.CancelledError) for end in ends] == [True, False] * 5
    assert (budget.waiting, budget.reserved.tokens, budget.spent.requests) == (0, 0, 5)


async def test_a_call_that_blocks_a_loop_exceeds_rather_than_waits_and_is_refused_when_the_money_is_spent() -> None:
    budget = Budget(tokens=100)
    first = await reserve(budget)
    waiting = asyncio.ensure_future(reserve(budget))
    await asyncio.sleep(0)
    second = await reserve(budget, unbounded=True)
    assert (budget.exceeded, budget.reserved.tokens, budget.left.tokens) == (1, 200, 0)
    first.release(sent=False)
    second.keep()
    with pytest.raises(BudgetExceededError):
        await waiting
    with pytest.raises(BudgetExceededError):
        await reserve(budget, unbounded=True)


def test_loops_in_threads_share_one_budget() -> None:
    budget = Budget(tokens=300_000)
    lock, now, most = threading.Lock(), 0, 0

    async def one() -> None:
        nonlocal now, most
        hold = await reserve(budget, Bound(50_000, 50_000, "m"))
        with lock:
            now += 1
            most = max(most, now)
        await asyncio.sleep(0)
        with lock:
            now -= 1
        hold.settle(Usage(1, 0))

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(100)))

    threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most <= 3, budget.spent.tokens, budget.spent.requests, budget.waiting) == (True, 400, 400, 0)


def test_a_blocked_loop_holds_nobody_up() -> None:
    budget = Budget(tokens=100)
    taken, queued, go_on = threading.Event(), threading.Event(), threading.Event()
    done: list[str] = []

    async def one(name: str) -> None:
        await call(budget, Usage(1, 0), takes_s=0, bound=Bound(50, 40, "m"))
        done.append(name)

    async def blocked() -> None:
        waiter = asyncio.ensure_future(one("blocked"))
        await asyncio.sleep(0)
        queued.set()
        go_on.wait()  # this loop does not answer, though its waiter came first
        await waiter

    async def alive() -> None:
        hold = await reserve(budget)
        taken.set()
        await asyncio.to_thread(queued.wait)
        waiter = asyncio.ensure_future(one("alive"))
        await asyncio.sleep(0)
        hold.release(sent=False)
        await waiter

    other = threading.Thread(target=lambda: taken.wait() and asyncio.run(blocked()))
    other.start()
    asyncio.run(alive())
    assert done == ["alive"]
    go_on.set()
    other.join()
    assert (done, budget.waiting, budget.reserved.tokens) == (["alive", "blocked"], 0, 0)


def test_a_loop_closed_with_waiters_in_it_is_forgotten() -> None:
    budget = Budget(tokens=100)
    tasks: list[asyncio.Future[None]] = []
    loop = asyncio.new_event_loop()

    async def leave_a_waiter() -> None:
        tasks.append(asyncio.ensure_future(call(budget, Usage(1, 0))))
        await asyncio.sleep(0)

    async def main() -> None:
        hold = await reserve(budget)
        await asyncio.to_thread(lambda: loop.run_until_complete(leave_a_waiter()))
        loop.close()
        waiter = asyncio.ensure_future(call(budget, Usage(1, 0), takes_s=0))
        await asyncio.sleep(0)
        hold.release(sent=False)
        await waiter

    asyncio.run(main())
    assert (budget.spent.tokens, budget.waiting, budget.reserved.tokens) == (1, 0, 0)
    tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_sums_of_cents_do_not_drift() -> None:
    async def main() -> Budget:
        budget = Budget(usd=1.0)
        for _ in range(10):
            (await reserve(budget, Bound(100_000, 0, "m", PRICE))).keep()  # 10 times 0.1 is 1, and not 0.99...
        with pytest.raises(BudgetExceededError):
            await reserve(budget, Bound(1, 0, "m", Price(input_usd=0.000001, output_usd=0)))
        return budget

    budget = asyncio.run(main())
    assert (budget.spent.usd, budget.left.usd) == (1.0, 0.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_goes_on_from_what_was_spent() -> None:
    budget = Budget(tokens=200)

    async def spend_half_and_hold_half() -> Hold:
        (await reserve(budget)).keep()
        return await reserve(budget)

    hold = asyncio.run(spend_half_and_hold_half())
    child = os.fork()
    if child == 0:
        right = (budget.spent.tokens, budget.reserved.tokens) == (100, 0)
        hold.keep()
        right = right and budget.spent.tokens == 100
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (budget.spent.tokens, budget.reserved.tokens) == (100, 100)


def test_a_budget_shows_its_limits_and_how_far_it_is() -> None:
    text = repr(Budget(usd=2.5, requests=10))
    assert "usd=2.5, requests=10" in text
    assert "spent=Amounts(usd=0.0, tokens=0, requests=0)" in text


def test_a_budget_that_nobody_has_any_more_is_gone() -> None:
    budget = Budget(requests=1)
    seen = weakref.ref(budget)
    del budget
    gc.collect()
    assert seen() is None
