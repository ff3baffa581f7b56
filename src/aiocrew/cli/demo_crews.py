"""The demo's crews: research on topics of which the demo has notes, with an async and a synchronous tool."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.tools.decorator import tool

__all__ = ["Job", "research_jobs"]

_SEARCH_S = 0.2
_LOOK_UP_S = 0.15


class _Known(NamedTuple):
    note: str
    figure: str


_KNOWN = {
    "SQLite": _Known("SQLite keeps a whole database in one file.", "SQLite's first release was in August 2000."),
    "asyncio": _Known(
        "A coroutine gives up the event loop only where it awaits.", "asyncio came with Python 3.4, in March 2014."
    ),
    "WebAssembly": _Known(
        "A WebAssembly module runs in a sandbox, with a memory of its own.",
        "WebAssembly became a recommendation of the W3C in December 2019.",
    ),
    "PostgreSQL": _Known(
        "In PostgreSQL readers do not block writers: each transaction sees a snapshot.",
        "PostgreSQL goes back to POSTGRES, begun at Berkeley in 1986.",
    ),
    "QUIC": _Known("QUIC runs over UDP and has TLS 1.3 built in.", "QUIC became RFC 9000 in May 2021."),
    "Unicode": _Known(
        "UTF-8 takes one to four bytes for a code point of Unicode.", "Unicode has room for 1,114,112 code points."
    ),
    "Git": _Known("Git names every object by a hash of its content.", "Git was first released in April 2005."),
    "TLS": _Known(
        "TLS 1.3 needs one round trip before data flow, TLS 1.2 needs two.", "TLS 1.3 became RFC 8446 in August 2018."
    ),
}


def _known(topic: str) -> _Known | None:
    return next((known for name, known in _KNOWN.items() if name.lower() in topic.lower()), None)


def _nothing(topic: str) -> str:
    return f"There is nothing on {topic}; there is something on {', '.join(_KNOWN)}."


@tool
async def search_notes(topic: str) -> str:
    """Search the demo's notes on a topic."""
    await asyncio.sleep(_SEARCH_S)  # the answer of a server
    known = _known(topic)
    return _nothing(topic) if known is None else known.note


@tool
def look_up_figures(topic: str) -> str:
    """Look up the demo's figures on a topic."""
    time.sleep(_LOOK_UP_S)  # what blocks belongs into a plain function: it runs in a thread
    known = _known(topic)
    return _nothing(topic) if known is None else known.figure


class Job(NamedTuple):
    """A crew, and what it is to be about."""

    name: str
    crew: Crew
    inputs: dict[str, str]


def research_jobs(amount: int, model: str) -> list[Job]:
    """Return `amount` jobs, taking turns between a crew of two agents and one of three; several share a crew."""
    crews = (_pair(model), _trio(model))
    topics = list(_KNOWN)
    jobs: list[Job] = []
    for number in range(amount):
        topic = topics[number % len(topics)]
        again = number // len(topics)
        name = f"{topic} ({again + 1})" if again else topic
        jobs.append(Job(name, crews[number % len(crews)], {"topic": topic}))
    return jobs


def _writer(model: str) -> Agent:
    return Agent(
        role="Writer",
        goal="Tell the reader in few words what was found on {topic}",
        backstory="You write short and plain, and only what your colleagues found.",
        llm=model,
    )


def _summary(writer: Agent) -> Task:
    return Task(
        description="Write a summary on {topic}, from what your colleagues found.",
        expected_output="2 bullet points, each a full sentence.",
        agent=writer,
    )


def _pair(model: str) -> Crew:
    """One researcher with both tools, whose calls go on together, and a writer."""
    researcher = Agent(
        role="Researcher",
        goal="Find what is known on {topic}",
        backstory="You trust notes and figures more than your memory.",
        llm=model,
        tools=[search_notes, look_up_figures],
    )
    writer = _writer(model)
    research = Task(
        description="What is known on {topic}? Search the notes and look up the figures.",
        expected_output="2 bullet points: what the notes say, and what the figures say.",
        agent=researcher,
    )
    return Crew(name="pair", agents=[researcher, writer], tasks=[research, _summary(writer)])


def _trio(model: str) -> Crew:
    """Two researchers side by side, and a writer who waits for both."""
    reader = Agent(
        role="Reader",
        goal="Find the notes on {topic}",
        backstory="You know your way about the archive.",
        llm=model,
        tools=[search_notes],
    )
    statistician = Agent(
        role="Statistician",
        goal="Find the figures on {topic}",
        backstory="You believe what can be counted.",
        llm=model,
        tools=[look_up_figures],
    )
    writer = _writer(model)
    notes = Task(
        description="What do the notes say on {topic}? Search them.",
        expected_output="1 bullet point, a full sentence.",
        agent=reader,
        async_execution=True,
    )
    figures = Task(
        description="Which figures are there on {topic}? Look them up.",
        expected_output="1 bullet point, a full sentence.",
        agent=statistician,
        async_execution=True,
    )
    return Crew(name="trio", agents=[reader, statistician, writer], tasks=[notes, figures, _summary(writer)])
