"""Recorded steps replay in any order: same paths, same outputs, no path twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.tools.decorator import tool
from aiocrew.types.context import active_runtime
from aiocrew.types.messages import ToolResult
from tests.crew.scenes import agent_with, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls, prompt


@tool
async def lookup(key: str) -> str:
    """Look a key up."""
    return f"<{key}>"


def think(request):
    """Ask for up to three lookups, then answer with all that was told."""
    text = prompt(request)
    results = [message.text for message in request.messages if isinstance(message, ToolResult)]
    wanted = sum(map(ord, text)) % 4
    if wanted and not results:
        return calls(*[("lookup", {"key": f"{n}:{text[11:16]}"}) for n in range(wanted)])
    return f"[{text} => {''.join(results)}]"


def random_crew(chance: random.Random) -> Crew:
    agents = [agent_with(ScriptedModel(by=think), tools=[lookup]) for _ in range(2)]
    tasks = []
    for number in range(chance.randrange(1, 7)):
        context = [task for task in tasks if chance.random() < 0.4] if chance.random() < 0.5 else None
        agent, is_async = chance.choice(agents), chance.random() < 0.5
        tasks.append(task_for(agent, f"Task {number}", context=context, async_execution=is_async))
    return Crew(agents=agents, tasks=tasks)


async def carry_out(crew: Crew, steps: RecordingSteps) -> list[str]:
    token = active_runtime.set(replace(local_runtime(), steps=steps))
    try:
        output = await crew.kickoff_async()
    finally:
        active_runtime.reset(token)
    return [task.raw for task in output.tasks_output]


def test_a_hundred_random_graphs_replay_with_completions_in_another_order():
    for seed in range(100):
        crew = random_crew(random.Random(seed))
        first = RecordingSteps(order=random.Random(seed))
        outputs = asyncio.run(carry_out(crew, first))
        again = RecordingSteps(first.recorded, order=random.Random(seed + 1_000))
        assert asyncio.run(carry_out(crew, again)) == outputs
        assert sorted(again.paths) == sorted(first.paths)
        assert len(set(first.paths)) == len(first.paths)
