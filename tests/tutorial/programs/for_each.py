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


async def run_for_each():
    crew = build_research_crew("{topic}")  # placeholder — inputs override at runtime

    inputs_list = [
        {"topic": "Ollama 0.6 release"},
        {"topic": "vLLM v0.7 performance"},
        {"topic": "llama.cpp GGUF v4"},
    ]

    # Runs one crew instance per input dict, concurrently
    results = await crew.kickoff_for_each_async(inputs=inputs_list)

    for inputs, result in zip(inputs_list, results):
        print(f"\n--- {inputs['topic']} ---")
        print(result.raw)


asyncio.run(run_for_each())
