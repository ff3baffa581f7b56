"""A limit of one's own on a model that could take more."""

from __future__ import annotations

import asyncio

from aiocrew import LLM, Limits
from tests.seeing.planted.parts import crew, inputs


async def main() -> None:
    researchers = crew(model=LLM("openai/limited", limits=Limits(max_in_flight=1)))
    await asyncio.gather(*(researchers.kickoff_async(item) for item in inputs(6)))  # HERE: limit
