"""Crews that are awaited one after another."""

from __future__ import annotations

from tests.seeing.planted.parts import crew, inputs


async def research(topic: dict[str, str]) -> str:
    return (await crew().kickoff_async(topic)).raw


async def main() -> None:
    answers = {}
    for topic in inputs(5):  # HERE: awaited-in-turn
        answers[topic["topic"]] = await research(topic)
    assert len(answers) == 5
