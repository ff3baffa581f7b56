"""The synchronous door inside async code."""

from __future__ import annotations

import asyncio

from tests.seeing.planted.parts import crew, inputs


async def endpoint(topic: dict[str, str]) -> str:
    return crew().kickoff(topic).raw  # HERE: kickoff-in-loop


async def main() -> None:
    await asyncio.gather(*(endpoint(item) for item in inputs(4)))
