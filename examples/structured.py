"""An answer as an object of one's own: python examples/structured.py

`output_pydantic` names the class. The model is held to it where its provider can do that; what does not fit goes back
to the model with what is wrong. `output.of(task)` is an instance, and a type checker knows of which class.
With OPENAI_API_KEY set it asks OpenAI's model; without, the offline model fills the form with made-up values.
"""

from __future__ import annotations

import asyncio
import os

from pydantic import BaseModel, Field

from aiocrew import Agent, Crew, Task

MODEL = None if os.environ.keys() & {"OPENAI_API_KEY", "OPENAI_MODEL_NAME", "MODEL"} else "offline/demo"


class Finding(BaseModel):
    """One thing that was found out."""

    claim: str
    confidence: float = Field(ge=0, le=1)


class Report(BaseModel):
    """What is known about a topic."""

    title: str
    findings: list[Finding] = Field(min_length=1)


analyst = Agent(
    role="Research Analyst",
    goal="Know what is new about {topic}",
    backstory="You write short, and say how sure you are.",
    llm=MODEL,
)
research = Task(
    description="Report what is new about {topic}.",
    expected_output="A report with at least one finding.",
    agent=analyst,
    output_pydantic=Report,
)
crew = Crew(agents=[analyst], tasks=[research])


async def main() -> None:
    output = await crew.kickoff_async({"topic": "event loops"})
    report = output.of(research)
    print(report.title)
    for finding in report.findings:
        print(f"- {finding.claim} ({finding.confidence:.0%})")


if __name__ == "__main__":
    asyncio.run(main())
