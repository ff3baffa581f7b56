"""A task that waits for one whose output it does not see."""

from __future__ import annotations

from aiocrew import LLM, Agent, Crew, Task
from tests.seeing.planted.parts import inputs


async def main() -> None:
    agent = Agent(role="Analyst", goal="Find out", backstory="Careful.", llm=LLM("openai/gpt-4o-mini"))
    history = Task(description="Tell the history of {topic}", expected_output="A page", agent=agent)
    prices = Task(  # HERE: needless-context
        description="List prices of {topic}",
        expected_output="A table",
        agent=agent,
        context=[],
    )
    await Crew(agents=[agent], tasks=[history, prices]).kickoff_for_each_async(inputs(5))
