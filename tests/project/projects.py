"""Projects for the scenarios: YAML files in a folder, and classes that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.project import CrewBase, agent, crew, llm, task

__all__ = ["AGENTS", "TASKS", "research_crew", "write_config"]

AGENTS = """\
researcher:
  role: >
    {topic} researcher
  goal: Find out about {topic}
  backstory: Careful.
  llm: my_llm

writer:
  role: Writer
  goal: Write about {topic}
  backstory: Quick.
  llm: my_llm
"""

TASKS = """\
research_task:
  description: Look into {topic}
  expected_output: Facts
  agent: researcher

writing_task:
  description: Write about {topic}
  expected_output: A text
  agent: writer
  context: [research_task]
"""


def write_config(folder: Path, agents: str = AGENTS, tasks: str = TASKS) -> Path:
    """Write config/agents.yaml and config/tasks.yaml below `folder`, and return it."""
    (folder / "config").mkdir()
    (folder / "config" / "agents.yaml").write_text(agents, encoding="utf-8")
    (folder / "config" / "tasks.yaml").write_text(tasks, encoding="utf-8")
    return folder


def research_crew(folder: Path) -> Any:
    """Return the class of a project whose files lie in `folder`; its instances are given their model."""

    @CrewBase
    class ResearchCrew:
        base_directory = folder

        def __init__(self, model: Any = "offline/instant") -> None:
            self.model = model

        @llm
        def my_llm(self) -> Any:
            return self.model

        @agent
        def researcher(self) -> Agent:
            return Agent(config=self.agents_config["researcher"])

        @agent
        def writer(self) -> Agent:
            return Agent(config=self.agents_config["writer"])

        @task
        def research_task(self) -> Task:
            return Task(config=self.tasks_config["research_task"])

        @task
        def writing_task(self) -> Task:
            return Task(config=self.tasks_config["writing_task"])

        @crew
        def crew(self) -> Crew:
            return Crew(agents=self.agents, tasks=self.tasks)

    return ResearchCrew
