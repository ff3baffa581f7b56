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


from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class ResearchRequest(BaseModel):
    topics: list[str]


class ResearchResponse(BaseModel):
    results: dict[str, str]


@app.post("/research", response_model=ResearchResponse)
async def research_endpoint(request: ResearchRequest):
    # Build crews for each topic
    crews = [build_research_crew(topic) for topic in request.topics]

    # Await all concurrently — event loop stays unblocked for other requests
    raw_results = await asyncio.gather(
        *[crew.kickoff_async() for crew in crews]
    )

    return ResearchResponse(
        results={
            topic: result.raw
            for topic, result in zip(request.topics, raw_results)
        }
    )
