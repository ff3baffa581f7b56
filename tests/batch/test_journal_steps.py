"""Steps behind a journal: a run that is resumed does only what it had not finished."""

from __future__ import annotations

import asyncio
import enum
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.aio.runtime import local_runtime
from aiocrew.batch.journal import open_journal
from aiocrew.batch.journal_steps import as_json
from aiocrew.crew.crew import Crew
from aiocrew.errors import (
    BadRequestError,
    DeadlineExceededError,
    InterruptedToolError,
    JournalError,
    UnusableReplyError,
)
from aiocrew.tools.decorator import tool
from aiocrew.types.context import active_runtime
from aiocrew.types.journal import BatchJournal, Begun, Recorded
from aiocrew.types.messages import Reply, Request, ToolResult
from aiocrew.types.outputs import CrewOutput
from aiocrew.types.usage import Usage
from tests.batch.journal_scenes import DIGEST, OTHER_DIGEST, Counted, Doing, begun
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.crew.test_replay import random_crew, think
from tests.doubles import ScriptedModel, calls, prompt


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


# One step


async def test_a_finished_step_gives_its_recorded_result(file):
    body = Counted(Reply("said", usage=Usage(10, 5)))
    for _ in range(2):
        async with open_journal(file) as journal:
            steps = await begun(journal)
            assert await steps.step("run/model", body, Reply, Doing("ask")) == Reply("said", usage=Usage(10, 5))
    assert body.times == 1


async def test_a_step_whose_effect_changed_is_done_again(file):
    async with open_journal(file) as journal:
        steps = await begun(journal)
        await steps.step("run/model", Counted("old"), str, Doing("ask"))
        await journal.give_up("a")
        steps = await begun(journal)
        assert await steps.step("run/model", Counted("new"), str, Doing("ask politely")) == "new"
        await journal.give_up("a")
        steps = await begun(journal)
        assert await steps.step("run/model", Counted("no"), str, Doing("ask politely")) == "new"


async def test_steps_survive_a_change_of_the_inputs_digest_unless_they_depend_on_it_alone(file):
    async with open_journal(file) as journal:
        steps = await begun(journal)
        await steps.step("run/model", Counted("asked"), str, Doing("ask"))
        await steps.step("run/callback", Counted("called"), object)
        await journal.end("a", b"{}", ok=True)
        steps = await begun(journal, digest=OTHER_DIGEST)
        assert await steps.step("run/model", Counted("again"), str, Doing("ask")) == "asked"
        assert await steps.step("run/callback", Counted("again"), object) == "again"


async def test_inputs_do_not_see_each_others_steps(file):
    async with open_journal(file) as journal:
        for key in ("a", "b"):
            steps = await begun(journal, key)
            assert await steps.step("run/model", Counted(key), str, Doing("ask")) == key


async def test_a_failing_step_is_not_recorded(file):
    async with open_journal(file) as journal:
        steps = await begun(journal)
        with pytest.raises(BadRequestError):
            await steps.step("run/model", Counted(BadRequestError("no")), str, Doing("ask"))
        await journal.give_up("a")
        steps = await begun(journal)
        assert await steps.step("run/model", Counted("yes"), str, Doing("ask")) == "yes"


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value", [(1,), {1: 2}, {"a": object()}, Colour.RED, float("nan"), float("inf"), b"x", "\ud800", 2**70, CrewOutput]
)
async def test_what_does_not_come_back_equal_is_done_again(file, value):
    body = Counted(value)
    async with open_journal(file) as journal:
        for _ in range(2):
            steps = await begun(journal)
            assert await steps.step("run/callback", body, object) is value
            await journal.give_up("a")
    assert body.times == 2


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_what_is_recorded_comes_back_as_it_was(value):
    encoded = as_json(value, object)
    if encoded is not None:
        assert repr(msgspec.json.decode(encoded)) == repr(value)


async def test_a_reply_that_was_recorded_before_replies_had_ids_is_read(file):
    old = b'{"text":"said","calls":[],"usage":{"prompt_tokens":10,"completion_tokens":5},"finish_reason":"stop"}'
    async with open_journal(file) as journal:
        steps = await begun(journal)
        await steps.step("run/model", Counted(msgspec.json.decode(old)), object, Doing("ask"))
        await journal.give_up("a")
        steps = await begun(journal)
        reply = await steps.step("run/model", Counted(None), Reply, Doing("ask"))
    assert reply == Reply("said", usage=Usage(10, 5))


def test_what_a_reply_does_not_say_is_not_recorded():
    assert as_json(Reply("said"), Reply) == b'{"text":"said"}'
    assert as_json(Reply("said", id="a-1"), Reply) == b'{"text":"said","id":"a-1"}'


def test_a_list_that_holds_itself_is_not_recorded():
    endless: list[Any] = []
    endless.append(endless)
    assert as_json(endless, object) is None


async def test_an_input_whose_step_could_not_be_recorded_has_no_outcome(file):
    away = file.with_name("away.sqlite")
    async with open_journal(file) as journal:
        steps = await begun(journal)
        file.rename(away)
        with pytest.raises(JournalError, match="was removed or replaced"):
            await steps.step("run/callback", Counted(None), object)
        away.rename(file)
        with pytest.raises(JournalError, match="was removed or replaced"):
            await journal.end("a", b"the callback raised JournalError", ok=False)
        await journal.give_up("a")
        await begun(journal)


async def test_a_record_of_another_kind_is_told(file):
    async with open_journal(file) as journal:
        steps = await begun(journal)
        await steps.step("run/model", Counted("text"), str, Doing("ask"))
        await journal.give_up("a")
        steps = await begun(journal)
        with pytest.raises(JournalError, match="the step run/model of the input 'a' is no Reply"):
            await steps.step("run/model", Counted("text"), Reply, Doing("ask"))


# A tool that changes something


def paying(*, repeatable: bool = False) -> Doing:
    return Doing("pay", announced=True, repeatable=repeatable)


async def cut_off(journal: BatchJournal, effect: Doing) -> None:
    """Begin the tool's step and cancel it in the middle."""
    steps = await begun(journal)
    inside = asyncio.Event()

    async def pay() -> str:
        inside.set()
        await asyncio.Event().wait()
        return "paid"

    work = asyncio.ensure_future(steps.step("run/tool-0", pay, str, effect))
    await inside.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_tool_that_was_cut_off_runs_again_where_it_may(file):
    async with open_journal(file) as journal:
        await cut_off(journal, paying(repeatable=True))
    async with open_journal(file) as journal:
        steps = await begun(journal)
        assert await steps.step("run/tool-0", Counted("paid"), str, paying(repeatable=True)) == "paid"


async def test_a_tool_that_may_not_run_twice_is_not_run_when_it_was_cut_off(file):
    pay = Counted("paid")
    async with open_journal(file) as journal:
        await cut_off(journal, paying())
    async with open_journal(file) as journal:
        for retry_failed in (False, True):  # nothing has failed yet, so there is nothing to retry
            steps = await begun(journal, retry_failed=retry_failed)
            with pytest.raises(InterruptedToolError, match="retry_failed=True runs it again") as raised:
                await steps.step("run/tool-0", pay, str, paying())
            assert raised.value.tool == "doing"
            await journal.give_up("a")
    assert pay.times == 0


async def test_a_tool_that_was_cancelled_before_it_began_may_run(file):
    pay = Counted("paid")
    async with open_journal(file) as journal:
        steps = await begun(journal)
        work = asyncio.ensure_future(steps.step("run/tool-0", pay, str, paying()))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert pay.times == 0
        await journal.give_up("a")
        steps = await begun(journal)
        assert await steps.step("run/tool-0", pay, str, paying()) == "paid"


async def test_retrying_the_failure_runs_the_tool_that_was_cut_off(file):
    async with open_journal(file) as journal:
        await cut_off(journal, paying())
        await journal.give_up("a")
        steps = await begun(journal)
        with pytest.raises(InterruptedToolError):
            await steps.step("run/tool-0", Counted("paid"), str, paying())
        await journal.end("a", b"failure", ok=False)
        assert await journal.begin("a", DIGEST, retry_failed=False) == Recorded(b"failure", 1)
        steps = await begun(journal, retry_failed=True)
        assert await steps.step("run/tool-0", Counted("paid"), str, paying()) == "paid"


async def test_retrying_another_failure_does_not_run_a_tool_that_was_cut_off(file):
    pay = Counted("paid")
    async with open_journal(file) as journal:
        await cut_off(journal, paying())
        await journal.end("a", b"another failure", ok=False)
        steps = await begun(journal, retry_failed=True)
        with pytest.raises(InterruptedToolError):
            await steps.step("run/tool-0", pay, str, paying())
        await journal.end("a", b"it was cut off", ok=False)
        steps = await begun(journal, retry_failed=True)
        assert await steps.step("run/tool-0", pay, str, paying()) == "paid"
    assert pay.times == 1


async def test_a_tool_that_raised_has_ended_and_may_run_again(file):
    async with open_journal(file) as journal:
        steps = await begun(journal)
        with pytest.raises(ValueError, match="no money"):
            await steps.step("run/tool-0", Counted(ValueError("no money")), str, paying())
        await journal.give_up("a")
        steps = await begun(journal)
        assert await steps.step("run/tool-0", Counted("paid"), str, paying()) == "paid"


async def test_a_tools_beginning_is_durable_before_it_runs(file):
    async with open_journal(file) as journal, open_journal(file) as reader:
        steps = await begun(journal)

        async def pay() -> str:
            seen = await reader._thread.ask(lambda rows: rows._all("SELECT path, result FROM steps"))
            assert seen == [("run/tool-0", None)]
            return "paid"

        assert await steps.step("run/tool-0", pay, str, paying()) == "paid"


# A crew


async def carry_out(crew: Crew, begun_input: Begun, **inputs: Any) -> CrewOutput:
    runtime = local_runtime()
    token = active_runtime.set(replace(runtime, steps=begun_input.steps(runtime.steps)))
    try:
        return await crew.kickoff_async(inputs=inputs or None)
    finally:
        active_runtime.reset(token)


async def kickoff(journal: BatchJournal, crew: Crew, digest: bytes = DIGEST, *, retry_failed: bool = False, **inputs):
    """Carry an input out as a batch does: its outcome or its failure is recorded, a cancellation gives it up."""
    beginning = await journal.begin("a", digest, retry_failed=retry_failed)
    assert isinstance(beginning, Begun)
    try:
        output = await carry_out(crew, beginning, **inputs)
    except asyncio.CancelledError:
        await journal.give_up("a")
        raise
    except Exception as error:
        await journal.end("a", repr(error).encode(), ok=False)
        raise
    await journal.end("a", output.raw.encode(), ok=True)
    return output


def two_task_crew(first: ScriptedModel, second: ScriptedModel, **fields: Any) -> Crew:
    researcher, writer = agent_with(first, role="Researcher", **fields), agent_with(second, role="Writer")
    tasks = [task_for(researcher, "Research {topic}"), task_for(writer, "Write on {topic}")]
    return Crew(agents=[researcher, writer], tasks=tasks)


async def test_a_failed_input_is_retried_from_the_step_that_failed(file):
    first, second = ScriptedModel("facts"), ScriptedModel(BadRequestError("poisoned"), "a text")
    async with open_journal(file) as journal:
        with pytest.raises(BadRequestError):
            await kickoff(journal, two_task_crew(first, second), topic="bees")
    async with open_journal(file) as journal:
        output = await kickoff(journal, two_task_crew(first, second), retry_failed=True, topic="bees")
    assert [task.raw for task in output.tasks_output] == ["facts", "a text"]
    assert (len(first.requests), len(second.requests)) == (1, 2)
    assert output.token_usage.prompt_tokens == 20, "the call that was not made again counts all the same"


async def test_a_change_of_the_second_task_leaves_the_firsts_calls_valid(file):
    first, second = ScriptedModel("facts"), ScriptedModel("a text", "another text")
    async with open_journal(file) as journal:
        await kickoff(journal, two_task_crew(first, second), topic="bees")
        changed = two_task_crew(first, second)
        changed.tasks[1].description = "Rhyme on {topic}"
        output = await kickoff(journal, changed, OTHER_DIGEST, topic="bees")
    assert output.raw == "another text"
    assert (len(first.requests), len(second.requests)) == (1, 2)


async def test_a_failure_that_recorded_replies_led_to_is_asked_for_anew(file):
    useless = Reply("", usage=Usage(10, 5))
    model = ScriptedModel(*[useless] * 9, "an answer")
    crew = one_task_crew(model)
    crew.agents[0].max_retry_limit = 2
    async with open_journal(file) as journal:
        with pytest.raises(UnusableReplyError):
            await kickoff(journal, crew, topic="bees")
        asked = len(model.requests)
        model._answers[:] = ["an answer"]
        output = await kickoff(journal, crew, retry_failed=True, topic="bees")
    assert output.raw == "an answer"
    assert len(model.requests) == asked + 1


async def test_a_failure_that_recorded_replies_led_to_is_asked_for_anew_though_a_task_beside_it_was_cut_off(file):
    useless, slow = ScriptedModel(*[Reply("")] * 3), StuckModel()
    crew = two_task_crew(useless, slow, max_retry_limit=0)
    for task in crew.tasks:
        task.async_execution = True
    async with open_journal(file) as journal:
        slow.stuck_always = True
        with pytest.raises(UnusableReplyError):
            await kickoff(journal, crew, topic="bees")
        useless._answers[:], slow._answers[:], slow.stuck_always = ["facts"], ["a text"], False
        output = await kickoff(journal, crew, retry_failed=True, topic="bees")
    assert [task.raw for task in output.tasks_output] == ["facts", "a text"]


async def test_what_was_finished_before_the_time_was_over_is_not_done_again(file):
    first, slow = ScriptedModel("facts"), StuckModel("a text")
    crew = two_task_crew(first, slow)
    crew.tasks[1].agent.max_execution_time = 0.05
    batch = [{"topic": "bees"}]
    slow.stuck_always = True
    outcomes = await crew.kickoff_for_each_async(batch, journal=file)
    assert isinstance(outcomes[0].error, DeadlineExceededError)
    crew.tasks[1].agent.max_execution_time, slow.stuck_always = None, False
    outcomes = await crew.kickoff_for_each_async(batch, journal=file, retry_failed=True)
    assert outcomes[0].raw == "a text"
    assert len(first.requests) == 1


class StuckModel(ScriptedModel):
    """Never answers a request that comes with results, or any."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.stuck = asyncio.Event()
        self.stuck_always = False

    async def reply(self, request: Request) -> Reply:
        if self.stuck_always or any(isinstance(message, ToolResult) for message in request.messages):
            self.stuck.set()
            await asyncio.Event().wait()
        return await super().reply(request)


async def test_a_tool_call_that_finished_is_not_made_again(file):
    sent = []

    @tool
    async def send(to: str) -> str:
        """Send a letter."""
        sent.append(to)
        return "sent"

    stuck = StuckModel(calls(("send", {"to": "Ada"}), ("send", {"to": "Bob"})))
    async with open_journal(file) as journal:
        work = asyncio.ensure_future(kickoff(journal, one_task_crew_with(stuck, send), topic="bees"))
        await stuck.stuck.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    model = ScriptedModel("done")
    async with open_journal(file) as journal:
        output = await kickoff(journal, one_task_crew_with(model, send), topic="bees")
    assert output.raw == "done"
    assert sorted(sent) == ["Ada", "Bob"]
    assert len(model.requests) == 1


def one_task_crew_with(model: ScriptedModel, *tools: Any) -> Crew:
    agent = agent_with(model, tools=list(tools))
    return Crew(agents=[agent], tasks=[task_for(agent)])


async def test_a_crew_that_a_tool_kicks_off_does_not_take_the_outer_ones_steps(file):
    inner_model = ScriptedModel("inner answer")

    @tool
    async def delegate(topic: str) -> str:
        """Ask another crew."""
        return (await one_task_crew(inner_model).kickoff_async(inputs={"topic": topic})).raw

    @tool
    def delegate_and_block(topic: str) -> str:
        """Ask another crew from a thread."""
        return one_task_crew(inner_model).kickoff(inputs={"topic": topic}).raw

    for number, asked in enumerate((delegate, delegate_and_block)):
        inner_model._answers[:] = ["inner answer"]
        model = ScriptedModel(calls((asked.name, {"topic": "wax"})), "outer answer")
        async with open_journal(file.with_name(f"{number}.sqlite")) as journal:
            output = await kickoff(journal, one_task_crew_with(model, asked), topic="bees")
        assert output.raw == "outer answer"
        assert prompt(inner_model.requests[number]).count("wax") == 1


async def resumed(crew: Crew, journal: BatchJournal, chance: random.Random) -> CrewOutput:
    """Carry the crew out, cut off again and again as it asks a model."""
    left = 0

    def think_or_be_cut_off(request: Request) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            work.cancel()
        return think(request)

    for agent in crew.agents:
        agent.llm._by = think_or_be_cut_off
    while True:
        left = chance.randrange(1, 8)
        work = asyncio.ensure_future(kickoff(journal, crew))
        try:
            return await work
        except asyncio.CancelledError:
            continue


def test_random_crews_that_are_cut_off_end_as_if_they_had_not_been(tmp_path):
    async def both(seed: int) -> tuple[CrewOutput, CrewOutput]:
        expected = await random_crew(random.Random(seed)).kickoff_async()
        async with open_journal(tmp_path / f"{seed}.sqlite") as journal:
            return await resumed(random_crew(random.Random(seed)), journal, random.Random(seed)), expected

    for seed in range(25):
        output, expected = asyncio.run(both(seed))
        assert [task.raw for task in output.tasks_output] == [task.raw for task in expected.tasks_output]
        assert output.token_usage == expected.token_usage
