"""Crews in a web server: uvicorn examples.fastapi_endpoint:app (needs fastapi and uvicorn)

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
With SERPER_API_KEY set the crew searches the web as well.

    curl -X POST localhost:8000/research -H "Content-Type: application/json" -d '{"topics": ["event loops", "pools"]}'
"""

from __future__ import annotations

import asyncio
import os

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from aiocrew import Agent, Crew, SerperDevTool, Task, cancel_on_disconnect

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"
SEARCHES = "SERPER_API_KEY" in os.environ

app = FastAPI()


class ResearchRequest(BaseModel):
    topics: list[str]


class ResearchResponse(BaseModel):
    results: dict[str, str]


def research_crew(topic: str) -> Crew:
    """Return a crew of one analyst who sums up what is new about `topic`."""
    analyst = Agent(
        role="Research Analyst",
        goal=f"Know what is new about {topic}",
        backstory="You write short, and name what you are unsure of.",
        llm=MODEL,
        tools=[SerperDevTool()] if SEARCHES else [],
    )
    summary = Task(
        description=f"Find out what is new about {topic}, and sum it up.",
        expected_output="3 bullet points, each under 20 words.",
        agent=analyst,
    )
    return Crew(agents=[analyst], tasks=[summary])


@app.post("/research")
async def research(wanted: ResearchRequest, request: Request) -> ResearchResponse:
    """Answer with a summary for each topic; all topics, and all requests, are worked on at once.

    When the client leaves, its crews end: what they ask of a model or a tool is cancelled, and costs no more.
    """
    async with cancel_on_disconnect(request):
        crews = [research_crew(topic) for topic in wanted.topics]
        # One failure is to fail the whole request.
        outputs = await asyncio.gather(*[crew.kickoff_async() for crew in crews])  # aiocrew: ignore[AIC501]
        return ResearchResponse(
            results={topic: output.raw for topic, output in zip(wanted.topics, outputs, strict=True)},
        )
    raise HTTPException(status_code=499, detail="The client has left.")


@app.get("/health")
async def health() -> str:
    """Answer at once, however many crews are at work."""
    return "ok"
