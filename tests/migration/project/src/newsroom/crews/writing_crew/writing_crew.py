from crewai import Agent, Crew, Process, Task
from crewai.project import CrewBase, agent, crew, task
from crewai.tasks.task_output import TaskOutput
from crewai_tools import FileWriterTool

from ...schemas import Verdict
from ...tools.custom_tool import count_words


def log_output(output: TaskOutput) -> None:
    with open("desk.log", "a") as log:
        log.write(f"{output.agent.strip()}: {output.raw.strip()}\n")


@CrewBase
class WritingCrew:
    """Writes an article and judges it"""

    agents_config = "config/agents.yaml"
    tasks_config = "config/tasks.yaml"

    @agent
    def writer(self) -> Agent:
        return Agent(config=self.agents_config["writer"], tools=[count_words])

    @agent
    def editor(self) -> Agent:
        return Agent(config=self.agents_config["editor"])

    @task
    def draft_task(self) -> Task:
        return Task(config=self.tasks_config["draft_task"], callback=log_output)

    @task
    def edit_task(self) -> Task:
        return Task(config=self.tasks_config["edit_task"], tools=[FileWriterTool()], callback=log_output)

    @task
    def verdict_task(self) -> Task:
        return Task(config=self.tasks_config["verdict_task"], output_json=Verdict)

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks, process=Process.sequential)
