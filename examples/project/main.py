"""A crew whose texts stand in YAML files: python examples/project/main.py

What agents and tasks are told stands in config/agents.yaml and config/tasks.yaml. A name there (`llm: model`,
`agent: researcher`, `context: [research]`, `output_pydantic: Notes`) is that of a decorated method or class below.
`aiocrew run examples/project/main.py:article_crew --inputs examples/batch/topics.jsonl` carries it out for many inputs.
With OPENAI_API_KEY set it asks OpenAI's model; without, it runs on the offline model. It needs aiocrew[yaml].
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pydantic import BaseModel, Field

from aiocrew import Agent, Crew, Task
from aiocrew.project import CrewBase, agent, crew, llm, output_pydantic, task

MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


@CrewBase
class ArticleCrew:
    """A researcher who takes notes, and a writer who makes an article of them."""

    agents: list[Agent]
    tasks: list[Task]
    agents_config: Any = "config/agents.yaml"
    tasks_config: Any = "config/tasks.yaml"

    @output_pydantic
    class Notes(BaseModel):
        """What matters about a topic."""

        title: str
        points: list[str] = Field(min_length=1)

    @llm
    def model(self) -> str | None:
        return MODEL

    @agent
    def researcher(self) -> Agent:
        return Agent(config=self.agents_config["researcher"])

    @agent
    def writer(self) -> Agent:
        return Agent(config=self.agents_config["writer"])

    @task
    def research(self) -> Task:
        return Task(config=self.tasks_config["research"])

    @task
    def article(self) -> Task:
        return Task(config=self.tasks_config["article"])

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks)


def article_crew() -> Crew:
    return ArticleCrew().crew()


async def main() -> None:
    output = await article_crew().kickoff_async({"topic": "event loops", "reader": "beginners"})
    notes = output.tasks_output[0].pydantic
    assert isinstance(notes, ArticleCrew.Notes)
    print(f"== {notes.title}")
    for point in notes.points:
        print(f"- {point}")
    print(output)


if __name__ == "__main__":
    asyncio.run(main())
