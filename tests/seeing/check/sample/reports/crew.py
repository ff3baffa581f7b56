"""A project on crewai: its crew, tools and callbacks."""

import time

import crewai
import httpx
from crewai import Agent, Task
from crewai.project import CrewBase, after_kickoff, agent, before_kickoff, crew, task
from crewai.tools import tool as as_tool
from crewai_tools import SerperDevTool


@as_tool("Fetch")
async def fetch(url: str) -> str:
    """Fetch a page."""
    with httpx.Client() as client:
        first = client.get(url)  # expect: AIC202
    async with httpx.AsyncClient() as client_of_all:
        second = await client_of_all.get(url)
    return first.text + second.text


@CrewBase
class ReportsCrew:
    @before_kickoff
    async def prepare(self, inputs: dict) -> dict:
        time.sleep(0.1)  # expect: AIC201
        return inputs

    @after_kickoff
    def finish(self, output: object) -> object:
        time.sleep(0.1)
        return output

    @agent
    def researcher(self) -> Agent:
        return Agent(config=self.agents_config["researcher"], tools=[SerperDevTool(), fetch])

    @task
    def research(self) -> Task:
        return Task(config=self.tasks_config["research"])

    @crew
    def crew(self) -> crewai.Crew:
        return crewai.Crew(agents=self.agents, tasks=self.tasks)
