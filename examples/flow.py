"""A flow of two crews, which writes until its judge is content: python examples/flow.py

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
"""

from __future__ import annotations

import asyncio
import os

from pydantic import BaseModel

from aiocrew import Agent, Crew, Task
from aiocrew.flow import Flow, and_, listen, or_, router, start

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


def crew_of_one(role: str, work: str) -> Crew:
    """Return a crew of one agent with one task."""
    agent = Agent(role=role, goal="Be brief and right", backstory="You name what you are unsure of.", llm=MODEL)
    return Crew(agents=[agent], tasks=[Task(description=work, expected_output="Three sentences", agent=agent)])


class Article(BaseModel):
    topic: str
    facts: str = ""
    views: str = ""
    drafts: int = 0


class Writing(Flow[Article]):
    """Looks for facts and for views at once, writes, and writes once more."""

    researchers = crew_of_one("Researcher", "Find {what} on {topic}.")
    writers = crew_of_one("Writer", "Write on {topic}.\nFacts: {facts}\nViews: {views}")

    @start()
    async def find_facts(self) -> None:
        self.state.facts = str(await self.researchers.kickoff_async({"what": "facts", "topic": self.state.topic}))

    @start()
    async def find_views(self) -> None:
        self.state.views = str(await self.researchers.kickoff_async({"what": "views", "topic": self.state.topic}))

    @listen(or_(and_(find_facts, find_views), "once more"))
    async def write(self) -> str:
        self.state.drafts += 1
        return str(await self.writers.kickoff_async(self.state.model_dump()))

    @router(write)
    def judge(self) -> str:
        return "good" if self.state.drafts == 2 else "once more"

    @listen("good")
    def publish(self, draft: str) -> str:
        return f"== {self.state.topic}, draft {self.state.drafts}\n{draft}"


async def main() -> None:
    flow = Writing()
    topics = ["event loops", "connection pools"]
    articles = [flow.kickoff_async({"topic": topic}) for topic in topics]
    for article in await asyncio.gather(*articles, return_exceptions=True):
        print(article)


if __name__ == "__main__":
    asyncio.run(main())
