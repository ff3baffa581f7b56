"""Three crews at once, each with a topic of its own: python examples/gather.py

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
With SERPER_API_KEY set the crew searches the web as well.
"""

from __future__ import annotations

import asyncio
import os

from aiocrew import Agent, Crew, SerperDevTool, Task

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"
SEARCHES = "SERPER_API_KEY" in os.environ


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


async def main() -> None:
    topics = ["event loops", "structured concurrency", "connection pools"]
    crews = [research_crew(topic) for topic in topics]
    outputs = await asyncio.gather(*[crew.kickoff_async() for crew in crews], return_exceptions=True)
    for topic, output in zip(topics, outputs, strict=True):
        print(f"== {topic}\n{output}\n")


if __name__ == "__main__":
    asyncio.run(main())
