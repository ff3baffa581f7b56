import asyncio
from crewai import Agent, Crew, Task, Process
from crewai_tools import SerperDevTool

# Define a minimal crew for the examples below
def build_research_crew(topic: str) -> Crew:
    researcher = Agent(
        role="Research Analyst",
        goal=f"Find the latest developments on {topic}",
        backstory="You specialize in concise technical research.",
        tools=[SerperDevTool()],
        verbose=False,
    )

    task = Task(
        description=f"Research {topic} and summarize findings in 3 bullet points.",
        expected_output="3 bullet points, each under 20 words.",
        agent=researcher,
    )

    return Crew(
        agents=[researcher],
        tasks=[task],
        process=Process.sequential,
        verbose=False,
    )


async def run_single_async():
    crew = build_research_crew("LangGraph 0.3 release")

    # kickoff_async returns a CrewOutput coroutine — await it
    result = await crew.kickoff_async()
    print(result.raw)


asyncio.run(run_single_async())
