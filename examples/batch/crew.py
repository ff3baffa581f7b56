"""A crew for `aiocrew run`, which carries it out for every topic of a file:

    aiocrew run examples/batch/crew.py:crew --inputs examples/batch/topics.jsonl --journal batch.sqlite

With OPENAI_API_KEY set it asks OpenAI's model; MODEL="groq/..." with that provider's key asks another one. Without
either it runs on aiocrew's offline model, which costs nothing and says that it is no language model.
"""

from __future__ import annotations

import os

from aiocrew import Agent, Crew, Task

# None is the default model: OPENAI_MODEL_NAME, else MODEL, else gpt-4o-mini.
MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"

analyst = Agent(
    role="Research Analyst",
    goal="Know what is new about {topic}",
    backstory="You write short, and name what you are unsure of.",
    llm=MODEL,
)
summary = Task(
    description="Find out what is new about {topic}, and sum it up for {reader}.",
    expected_output="3 bullet points, each under 20 words.",
    agent=analyst,
)
crew = Crew(agents=[analyst], tasks=[summary])
