#!/usr/bin/env python
import asyncio
import json
import os

from pydantic import BaseModel

from crewai.flow.flow import Flow, and_, listen, or_, router, start

from .crews.research_crew.research_crew import ResearchCrew
from .crews.writing_crew.writing_crew import WritingCrew
from .schemas import ResearchBrief

TOPICS = ["kelp forests", "deep sea vents", "tide pools"]


class NewsroomState(BaseModel):
    topic: str = ""
    style: str = ""
    brief: ResearchBrief | None = None
    article: str = ""
    drafts: int = 0
    calls: int = 0
    tokens: int = 0

    def count(self, usage):
        self.calls += usage.successful_requests
        self.tokens += usage.total_tokens


class NewsroomFlow(Flow[NewsroomState]):
    @start()
    def read_style_guide(self):
        self.state.style = "plain words"

    @start()
    async def check_topic(self):
        self.state.topic = self.state.topic.strip()

    @listen(and_(read_style_guide, check_topic))
    def research(self):
        result = ResearchCrew().crew().kickoff(inputs={"topic": self.state.topic, "audience": "divers"})
        self.state.brief = result.pydantic
        self.state.count(result.token_usage)

    @router(research)
    def weigh(self):
        return "enough" if self.state.brief.findings else "too little"

    @listen(or_("enough", "revise"))
    async def write(self):
        inputs = {"topic": self.state.topic, "style": self.state.style, "headline": self.state.brief.headline}
        result = await WritingCrew().crew().kickoff_async(inputs=inputs)
        self.state.article = result.tasks_output[1].raw
        self.state.drafts += 1
        self.state.count(result.token_usage)
        return result.json_dict["score"]

    @router(write)
    def review(self):
        return "revise" if self.state.drafts < 2 else "print"

    @listen("print")
    def publish(self):
        os.makedirs("output", exist_ok=True)
        with open("output/front_page.md", "w") as page:
            page.write(f"# {self.state.brief.headline}\n\n{self.state.article}\n")
        return f"published after {self.state.drafts} drafts"

    @listen("too little")
    def give_up(self):
        return "nothing to publish"


def run_flow():
    flow = NewsroomFlow()
    ending = flow.kickoff(inputs={"topic": " coral reefs "})
    return {"ending": ending, "state": flow.state.model_dump()}


def research_all():
    inputs = [{"topic": topic} for topic in TOPICS]
    return ResearchCrew().crew().kickoff_for_each(inputs=inputs)


async def write_all(briefs):
    crews = [WritingCrew().crew() for _ in TOPICS]
    return await asyncio.gather(
        *[
            crew.kickoff_async(inputs={"topic": topic, "style": "few words", "headline": brief["headline"]})
            for crew, topic, brief in zip(crews, TOPICS, briefs, strict=True)
        ]
    )


def shown(result):
    return {
        "raw": result.raw,
        "tasks": [output.name for output in result.tasks_output],
        "calls": result.token_usage.successful_requests,
        "tokens": result.token_usage.total_tokens,
    }


def run():
    """Run the flow, then research all topics, then write about them."""
    front_page = run_flow()
    briefs = research_all()
    verdicts = asyncio.run(write_all(briefs))
    report = {
        "flow": front_page,
        "briefs": [{**shown(result), **result.pydantic.model_dump()} for result in briefs],
        "verdicts": [{**shown(result), **result.json_dict} for result in verdicts],
    }
    with open("output/report.json", "w") as file:
        json.dump(report, file, indent=2)
    print(front_page["ending"])


if __name__ == "__main__":
    run()
