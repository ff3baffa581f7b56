"""An answer that has to pass before it counts: python examples/guardrail.py

A guardrail is a function, plain or async, or a rule in words that a model judges by. What it rejects goes back to the
agent with the reason, at most guardrail_max_retries times.
With OPENAI_API_KEY set it asks OpenAI's model; without, it runs on the offline model.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from aiocrew import Agent, Crew, GuardrailError, Task, TaskOutput

MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


def no_longer_than(words: int) -> Callable[[TaskOutput], tuple[bool, str]]:
    """Return a guardrail that rejects answers of more than `words` words."""

    def short(output: TaskOutput) -> tuple[bool, str]:
        count = len(output.raw.split())
        return (True, output.raw) if count <= words else (False, f"it has {count} words; {words} are allowed")

    return short


def crew_with(limit: int) -> Crew:
    """Return a crew of one writer, whose text may have so many words."""
    writer = Agent(role="Writer", goal="Write what is asked for", backstory="You keep to limits.", llm=MODEL)
    text = Task(
        description="Describe {topic}.",
        expected_output="One short paragraph.",
        agent=writer,
        guardrail=no_longer_than(limit),
        guardrail_max_retries=2,
    )
    return Crew(agents=[writer], tasks=[text])


async def main() -> None:
    output = await crew_with(200).kickoff_async({"topic": "event loops"})
    print(f"accepted: {output.raw}")
    try:
        await crew_with(3).kickoff_async({"topic": "event loops"})
    except GuardrailError as error:
        print(f"rejected three times; the last reason: {error.reason}")


if __name__ == "__main__":
    asyncio.run(main())
