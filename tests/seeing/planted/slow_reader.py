"""Outcomes that are read more slowly than they come."""

from __future__ import annotations

import asyncio

from tests.seeing.planted.parts import crew, inputs


async def main() -> None:
    async with crew().map(inputs(8), max_concurrency=3) as outcomes:
        async for outcome in outcomes:  # HERE: slow-reader
            assert outcome.ok
            await asyncio.sleep(0.1)  # stores it, say
