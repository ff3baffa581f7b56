#!/usr/bin/env python
"""The program of a project made from CrewAI's template: it does not import crewai itself."""

import asyncio

from reports.crew import ReportsCrew


def run() -> None:
    ReportsCrew().crew().kickoff(inputs={"topic": "AI"})


async def serve() -> str:
    ReportsCrew().crew().kickoff_async(inputs={"topic": "AI"})  # expect: AIC301
    return ReportsCrew().crew().kickoff(inputs={"topic": "AI"}).raw  # expect: AIC101


async def all_topics(topics: list[str]) -> list[str]:
    texts = []
    for topic in topics:  # expect: AIC401
        result = await ReportsCrew().crew().kickoff_async(inputs={"topic": topic})
        texts.append(result.raw)
    return texts


if __name__ == "__main__":
    asyncio.run(serve())
