"""The handle of a run."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

import pytest

from aiocrew.errors import BadRequestError, CallbackError, TaskError, UsageError
from aiocrew.types.messages import Reply
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel


class Gate:
    def __init__(self):
        self.begun, self.open, self.cancelled = asyncio.Event(), asyncio.Event(), 0

    async def reply(self, request):
        self.begun.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Reply("done")


async def test_start_does_no_work_before_it_is_entered():
    model = ScriptedModel("ok")
    run = one_task_crew(model).start()
    await asyncio.sleep(0)
    assert (run.status, model.requests) == ("pending", [])
    assert (await run).raw == "ok"
    assert (run.status, run.usage.total_tokens) == ("ok", 15)
    assert (await run).raw == "ok"


async def test_inside_the_block_it_goes_on_by_itself_and_leaving_joins_it():
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        await gate.begun.wait()
        assert run.status == "running"
        assert len(run.id) == 32
        gate.open.set()
    assert run.status == "ok"
    assert (await run).raw == "done"


async def test_several_may_await_one_run():
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        waiting = [asyncio.ensure_future(run._result()) for _ in range(3)]
        await gate.begun.wait()
        gate.open.set()
        assert {output.raw for output in await asyncio.gather(*waiting)} == {"done"}


async def test_leaving_by_an_exception_cancels_it():
    gate = Gate()
    run = one_task_crew(gate).start()
    with pytest.raises(LookupError):  # noqa: PT012 - the block is what is tested
        async with run:
            await gate.begun.wait()
            raise LookupError
    assert (run.status, gate.cancelled) == ("cancelled", 1)
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_at_once_by_an_exception_never_begins():
    gate = Gate()
    with pytest.raises(LookupError):
        async with one_task_crew(gate).start() as run:
            raise LookupError
    assert (run.status, gate.begun.is_set()) == ("cancelled", False)


@pytest.mark.parametrize("at_once", [True, False])
async def test_cancel_ends_it_and_awaiting_it_raises(at_once):
    gate = Gate()
    async with one_task_crew(gate).start() as run:
        if not at_once:
            await gate.begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert run.status == "cancelled"
    assert asyncio.current_task().cancelling() == 0


async def test_cancel_from_elsewhere_while_it_is_awaited_directly():
    gate = Gate()
    run = one_task_crew(gate).start()

    async def wait():
        with pytest.raises(asyncio.CancelledError):
            await run
        await asyncio.sleep(0)  # the awaiting task itself was not cancelled
        return "went on"

    waiting = asyncio.ensure_future(wait())
    await gate.begun.wait()
    run.cancel()
    assert await waiting == "went on"
    assert (run.status, gate.cancelled) == ("cancelled", 1)


async def test_cancelling_the_await_cancels_the_run():
    gate = Gate()
    task = asyncio.create_task(one_task_crew(gate).kickoff_async())
    await gate.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_failure_is_raised_where_it_is_awaited_or_on_leaving():
    with pytest.raises(BadRequestError):
        async with one_task_crew(ScriptedModel(BadRequestError("no"))).start():
            pass
    async with one_task_crew(ScriptedModel(BadRequestError("no"))).start() as run:
        with pytest.raises(BadRequestError):
            await run
    assert run.status == "failed"
    with pytest.raises(BadRequestError):
        await run


async def test_a_handle_that_is_never_used_warns():
    run = one_task_crew(ScriptedModel()).start()
    with pytest.warns(RuntimeWarning, match="never used"):  # noqa: PT031 - dropping it is what warns
        del run
        gc.collect()


async def test_a_cancelled_pending_run_never_begins():
    run = one_task_crew(ScriptedModel()).start()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert run.status == "cancelled"


async def test_a_run_is_entered_once():
    run = one_task_crew(ScriptedModel("ok")).start()
    await run
    with pytest.raises(UsageError, match="is ok already"):
        async with run:
            pass


async def test_an_outer_cancel_in_the_tick_of_a_childs_failure_wins():
    class Fails:
        async def reply(self, request):
            parent.cancel()
            raise BadRequestError("no")

    parent = asyncio.create_task(one_task_crew(Fails()).kickoff_async())
    with pytest.raises(asyncio.CancelledError):
        await parent
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_twice_leaves_the_awaiting_task_alone():
    gate = Gate()
    run = one_task_crew(gate).start()

    async def wait():
        outcome = await run.outcome()
        return outcome.status, asyncio.current_task().cancelling()

    waiting = asyncio.ensure_future(wait())
    await gate.begun.wait()
    run.cancel()
    run.cancel()
    assert await waiting == ("cancelled", 0)


async def test_a_failure_that_nobody_was_told_of_is_raised_on_leaving():
    gate, gave_up = Gate(), False

    class Fails(Gate):
        async def reply(self, request):
            await super().reply(request)
            raise BadRequestError("late")

    gate = Fails()
    with pytest.raises(BadRequestError, match="late"):  # noqa: PT012 - the block is what is tested
        async with one_task_crew(gate).start() as run:
            waiting = asyncio.ensure_future(run.outcome())
            await gate.begun.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            gave_up = True
            gate.open.set()
    assert gave_up


async def test_a_task_that_was_cancelled_before_and_went_on_is_no_cancelled_run():
    async def work():
        with suppress(asyncio.CancelledError):  # as old code does: it goes on without uncancel()
            await asyncio.Event().wait()
        gate = Gate()
        async with one_task_crew(gate).start() as run:
            await gate.begun.wait()
            run.cancel()
        outcome = await one_task_crew(StrayModel()).start().outcome()
        return run.status, outcome.status, (await one_task_crew(ScriptedModel("ok")).kickoff_async()).raw

    class StrayModel:
        async def reply(self, request):
            raise asyncio.CancelledError

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == ("cancelled", "failed", "ok")


async def test_a_run_cannot_wait_for_itself():
    run = None

    async def wait_for_it(output):
        await run

    with pytest.raises(CallbackError, match="from within itself"):
        async with one_task_crew(ScriptedModel("ok"), task_callback=wait_for_it).start() as run:
            pass


async def test_a_stray_cancelled_error_names_its_task():
    class Stray:
        async def reply(self, request):
            raise asyncio.CancelledError

    with pytest.raises(TaskError, match=r"CancelledError.*task 'Work on") as caught:
        await one_task_crew(Stray()).kickoff_async()
    assert caught.value.at.agent == "Analyst"
