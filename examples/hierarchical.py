"""A manager who has a team do the work: python examples/hierarchical.py

The manager hands pieces of work to the co-workers by tools, several at once where it likes, and answers with what came
of it. `allow_delegation=True` on an agent of a sequential crew gives it the same tools.
With OPENAI_API_KEY set it asks OpenAI's model; without, it runs on the offline model.
"""

from __future__ import annotations

import asyncio
import os

from aiocrew import LLM, Agent, Crew, Process, Task

MODEL = LLM() if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else LLM("offline/demo")

researcher = Agent(
    role="Researcher",
    goal="Find out what there is to know about {topic}",
    backstory="You look twice.",
    llm=MODEL,
)
writer = Agent(
    role="Writer",
    goal="Write it so that everybody understands it",
    backstory="You use short sentences.",
    llm=MODEL,
)
article = Task(description="Have an article about {topic} written.", expected_output="The article.")
crew = Crew(
    agents=[researcher, writer],
    tasks=[article],
    process=Process.hierarchical,
    manager_llm=MODEL,
)


async def main() -> None:
    output = await crew.kickoff_async({"topic": "event loops"})
    print(output)
    print(f"\n({output.token_usage.successful_requests} model calls, the co-workers' included)")


if __name__ == "__main__":
    asyncio.run(main())
