"""Recorded flows replay with completions in any order: same paths, same outputs, no path twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.flow import Flow, and_, listen, or_, router, start
from aiocrew.types.context import active_runtime
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import RecordingSteps, ScriptedModel, prompt
from tests.flow.test_progress import acyclic_flows, built


def answer(request: Any) -> str:
    return f"[{prompt(request).splitlines()[0]}]"


class Newsroom(Flow):
    """Two crews, of which one has tasks side by side, by way of parallel listeners, a cycle, and two ways to one."""

    def __init__(self) -> None:
        super().__init__()
        agent = agent_with(ScriptedModel(by=answer))
        wide = [task_for(agent, f"Find {part} of {{topic}}", async_execution=True) for part in ("past", "future")]
        self.research = Crew(agents=[agent], tasks=[*wide, task_for(agent, "Sum {topic} up")])
        self.writing = one_task_crew(ScriptedModel(by=answer), "Write on {topic}")

    @start()
    async def topic(self) -> str:
        return self.state["topic"]

    @listen(topic)
    async def facts(self, topic: str) -> str:
        return (await self.research.kickoff_async({"topic": topic})).raw

    @listen(topic)
    async def pictures(self, topic: str) -> str:
        return (await self.writing.kickoff_async({"topic": f"pictures of {topic}"})).raw

    @listen(or_(facts, pictures))
    async def checked(self, what: str) -> str:
        return (await self.writing.kickoff_async({"topic": f"checks of {what}"})).raw

    @listen(and_(facts, pictures, "again"))
    def never(self) -> None: ...

    @listen(or_(and_(facts, pictures), "once more"))
    async def draft(self, last: str) -> str:
        crews = (self.writing, self.research)
        outputs = [await crew.kickoff_async({"topic": f"{last} in draft"}) for crew in crews]
        return "".join(output.raw for output in outputs)

    @router(draft)
    async def judge(self, draft: str) -> str:
        return "done" if draft.count("draft") > 2 else "once more"

    @listen("done")
    async def publish(self, draft: str) -> str:
        return draft

    @listen("done")
    async def tell(self) -> str:
        return "told"


async def carry_out(steps: RecordingSteps) -> tuple[Any, list[Any], int]:
    token = active_runtime.set(replace(local_runtime(), steps=steps))
    flow = Newsroom()
    try:
        output = await flow.kickoff_async({"topic": "rain"})
    finally:
        active_runtime.reset(token)
    return output, flow.method_outputs, flow.usage_metrics.total_tokens


def test_a_recorded_flow_of_crews_replays_with_completions_in_another_order() -> None:
    for seed in range(40):
        first = RecordingSteps(order=random.Random(seed))
        result = asyncio.run(carry_out(first))
        assert result[0] == "told"
        assert len(result[1]) == 11
        assert result[2] > 0
        again = RecordingSteps(first.recorded, order=random.Random(seed + 1_000))
        assert asyncio.run(carry_out(again))[:2] == result[:2]
        assert sorted(again.paths) == sorted(first.paths)


def test_a_hundred_runs_of_one_flow_at_once_replay_each_as_alone() -> None:
    async def at_once(flow: Newsroom) -> list[Any]:
        return await asyncio.gather(*[flow.kickoff_async({"topic": f"topic {number}"}) for number in range(100)])

    async def alone(flow: Newsroom) -> list[Any]:
        return [await flow.kickoff_async({"topic": f"topic {number}"}) for number in range(100)]

    flow = Newsroom()
    assert asyncio.run(at_once(flow)) == asyncio.run(alone(flow))


def with_crews(methods: list[dict[str, Any]], crew: Crew) -> type[Flow]:
    """Return a flow of `methods`, each of which asks a crew about its result; it gives its text, else the answer."""
    members: dict[str, Any] = {}
    for method in methods:
        members[method["name"]] = asking(crew, **method)
    return type("Random", (Flow,), members)


def asking(crew: Crew, name: str, starts: bool, condition: Any, texts: list[str] | None) -> Any:
    async def body(self: Any, result: Any) -> str:
        output = await crew.kickoff_async({"topic": f"{name} given {str(result)[-200:]}"})
        return texts[0] if texts else output.raw

    body.__name__ = name
    if starts:
        body = start()(body)
    if condition is not None:
        body = listen(built(condition))(body)
    return router(emit=texts)(body) if texts else body


@given(acyclic_flows(), st.integers(0, 1_000))
@settings(max_examples=25)
def test_any_flow_of_crews_replays_with_completions_in_another_order(methods: list[dict[str, Any]], seed: int) -> None:
    flow = with_crews(methods, one_task_crew(ScriptedModel(by=answer), "Work on {topic}"))

    async def outputs(steps: RecordingSteps) -> list[Any]:
        token = active_runtime.set(replace(local_runtime(), steps=steps))
        run = flow(max_method_calls=1_000)
        try:
            await run.kickoff_async()
        finally:
            active_runtime.reset(token)
        return run.method_outputs

    first = RecordingSteps(order=random.Random(seed))
    given_first = asyncio.run(outputs(first))
    again = RecordingSteps(first.recorded, order=random.Random(seed + 1))
    assert asyncio.run(outputs(again)) == given_first
    assert sorted(again.paths) == sorted(first.paths)
