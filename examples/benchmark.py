"""Four crews at once against one after another: python examples/benchmark.py

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
"""

from __future__ import annotations

import asyncio
import os
import time

from aiocrew import Agent, Crew, Task

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


def echo_crew(label: str) -> Crew:
    """Return a crew that makes one model call."""
    agent = Agent(role="Echo", goal="Repeat what is asked for", backstory="You add nothing.", llm=MODEL)
    task = Task(description=f"Reply with exactly: {label}", expected_output=label, agent=agent)
    return Crew(agents=[agent], tasks=[task])


async def main() -> None:
    crews = [echo_crew(f"crew {number}") for number in range(4)]

    began_s = time.perf_counter()
    await asyncio.gather(*[crew.kickoff_async() for crew in crews])  # aiocrew: ignore[AIC501]
    at_once_s = time.perf_counter() - began_s

    began_s = time.perf_counter()
    for crew in crews:  # aiocrew: ignore[AIC401]: this is what is measured
        await crew.kickoff_async()
    in_turn_s = time.perf_counter() - began_s

    print(f"at once:           {at_once_s:.2f} s")
    print(f"one after another: {in_turn_s:.2f} s")
    print(f"speed-up:          {in_turn_s / at_once_s:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
