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


async def run_parallel_crews():
    topics = [
        "CrewAI 0.80 changelog",
        "LangGraph vs CrewAI 2026",
        "AutoGen 0.5 new features",
    ]

    # Build all crews upfront — crew creation is synchronous and cheap
    crews = [build_research_crew(topic) for topic in topics]

    # Fire all three kickoffs concurrently
    # asyncio.gather preserves order: results[0] matches topics[0]
    results = await asyncio.gather(
        *[crew.kickoff_async() for crew in crews]
    )

    for topic, result in zip(topics, results):
        print(f"\n=== {topic} ===")
        print(result.raw)


asyncio.run(run_parallel_crews())
