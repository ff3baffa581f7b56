"""What a crew does, while it does it: python examples/stream.py

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
"""

from __future__ import annotations

import asyncio
import os

from aiocrew import Agent, Crew, Task
from aiocrew.types.events import LLMCallRetried, LLMStreamChunk, TaskCompleted, TaskStarted, ToolUsageStarted

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


def research_crew() -> Crew:
    """Return a crew of one analyst who sums up what is new about {topic}."""
    analyst = Agent(
        role="Research Analyst",
        goal="Know what is new about {topic}",
        backstory="You write short, and name what you are unsure of.",
        llm=MODEL,
    )
    summary = Task(
        description="Find out what is new about {topic}, and sum it up.",
        expected_output="3 bullet points, each under 20 words.",
        agent=analyst,
    )
    return Crew(agents=[analyst], tasks=[summary])


async def main() -> None:
    async with research_crew().stream({"topic": "event loops"}) as events:
        async for event in events:
            match event:
                case TaskStarted(task=task, agent=agent):
                    print(f"== {agent}: {task}")
                case ToolUsageStarted(tool=tool, arguments=arguments):
                    print(f"\n[{tool} {arguments}]")
                case LLMStreamChunk(text=text):
                    print(text, end="", flush=True)
                case LLMCallRetried():
                    print("\n[it broke off, and begins again]")
                case TaskCompleted():
                    print("\n")
                case _:
                    pass
    print(f"{events.output.token_usage.total_tokens} tokens")


if __name__ == "__main__":
    asyncio.run(main())
