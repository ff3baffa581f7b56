from crewai import LLM, Agent, Crew, Process, Task
from crewai.project import CrewBase, after_kickoff, agent, before_kickoff, crew, llm, task
from crewai_tools import ScrapeWebsiteTool, SerperDevTool

from ...schemas import ResearchBrief
from ...tools.custom_tool import ArchiveTool


@CrewBase
class ResearchCrew:
    """Finds out what is known about a topic"""

    agents_config = "config/agents.yaml"
    tasks_config = "config/tasks.yaml"

    @before_kickoff
    def complete_inputs(self, inputs):
        inputs["slug"] = inputs["topic"].replace(" ", "-")
        inputs.setdefault("audience", "the general public")
        return inputs

    @after_kickoff
    def sign(self, result):
        result.raw = f"{result.raw}\n\nSigned: the research desk"
        return result

    @llm
    def careful_llm(self):
        return LLM(model="openai/gpt-4o-mini", temperature=0.1)

    @agent
    def researcher(self) -> Agent:
        return Agent(
            config=self.agents_config["researcher"],
            tools=[SerperDevTool(n_results=3), ScrapeWebsiteTool()],
            allow_delegation=False,
            max_iter=5,
        )

    @agent
    def archivist(self) -> Agent:
        return Agent(config=self.agents_config["archivist"], tools=[ArchiveTool()])

    @agent
    def analyst(self) -> Agent:
        return Agent(config=self.agents_config["analyst"])

    @task
    def web_research_task(self) -> Task:
        return Task(config=self.tasks_config["web_research_task"])

    @task
    def archive_task(self) -> Task:
        return Task(config=self.tasks_config["archive_task"])

    @task
    def brief_task(self) -> Task:
        return Task(config=self.tasks_config["brief_task"], output_pydantic=ResearchBrief)

    @crew
    def crew(self) -> Crew:
        return Crew(
            agents=self.agents,  # Created by the @agent decorator
            tasks=self.tasks,  # Created by the @task decorator
            process=Process.sequential,
            memory=False,
            verbose=False,
        )
