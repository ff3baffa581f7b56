"""The tutorial's three pitfalls: two that aiocrew does not have, and one that is Python's own."""

from __future__ import annotations

import asyncio
from textwrap import dedent

import pytest

from crewai import Agent, Crew, Task
from tests.server.children import run_python
from tests.server.loopback import LoopbackProvider
from tests.tutorial.programs.fastapi_endpoint import build_research_crew

TOPICS = ["Ollama 0.6 release", "vLLM v0.7 performance", "llama.cpp GGUF v4"]


def summary(topic: str) -> str:
    return f"re: Research {topic} and summarize findings in 3 bullet points."


async def test_pitfall_1_one_agent_in_many_crews_at_once_mixes_nothing_up(provider: LoopbackProvider) -> None:
    shared = Agent(role="Researcher", goal="Find {topic}", backstory="Careful.")
    heard: dict[int, list[str]] = {n: [] for n in range(20)}

    def crew(n: int) -> Crew:
        tasks = [
            Task(description=f"{part} of crew {n} on {{topic}}", expected_output="Text") for part in ("one", "two")
        ]
        for task in tasks:
            task.agent = shared
        return Crew(agents=[shared], tasks=tasks, task_callback=lambda output: heard[n].append(output.raw))

    provider.hold(until=20)
    outputs = await asyncio.gather(*[crew(n).kickoff_async({"topic": f"topic {n}"}) for n in range(20)])
    for n, output in enumerate(outputs):
        expected = [f"re: {part} of crew {n} on topic {n}" for part in ("one", "two")]
        assert [task.raw for task in output.tasks_output] == expected == heard[n]
        assert output.token_usage.successful_requests == 2
        assert output.token_usage.total_tokens == 2 * 15


async def test_pitfall_2_asyncio_run_in_a_loop_raises_as_python_does_and_await_works(
    provider: LoopbackProvider,
) -> None:
    crew = build_research_crew("asyncio")
    coroutine = crew.kickoff_async()
    with pytest.raises(RuntimeError, match=r"asyncio\.run\(\) cannot be called from a running event loop"):
        asyncio.run(coroutine)
    coroutine.close()
    assert (await crew.kickoff_async()).raw == summary("asyncio")


NOTEBOOK = """
    import asyncio, warnings
    import nest_asyncio
    from tests.tutorial.programs.fastapi_endpoint import build_research_crew

    async def cell():
        nest_asyncio.apply()
        crew = build_research_crew("notebooks")
        print(asyncio.run(crew.kickoff_async()).raw)
        print((await crew.kickoff_async()).raw)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(crew.kickoff().raw)
        print([warning.category.__name__ for warning in caught])

    asyncio.run(cell())
"""


def test_pitfall_2_with_nest_asyncio_everything_works(provider: LoopbackProvider) -> None:
    done = run_python("-c", dedent(NOTEBOOK), provider=provider)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [summary("notebooks")] * 3 + ["['BlockingKickoffWarning']"]


def test_pitfall_3_the_synchronous_for_each_is_concurrent_too(provider: LoopbackProvider) -> None:
    provider.hold(until=len(TOPICS))
    results = build_research_crew("{topic}").kickoff_for_each(inputs=[{"topic": topic} for topic in TOPICS])
    assert [result.raw for result in results] == [summary(topic) for topic in TOPICS]
