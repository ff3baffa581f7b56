"""A process of its own that keeps a journal; it says each thing once it is acknowledged, and ends with its input."""

from __future__ import annotations

import asyncio
import sys

from aiocrew.aio.pool import run_in_thread
from aiocrew.aio.steps import LocalSteps
from aiocrew.batch.journal import open_journal
from aiocrew.types.journal import BatchJournal, Begun
from tests.batch.journal_scenes import DIGEST, Counted, Doing, begun

__all__ = ["MOST_INPUTS"]

MOST_INPUTS = 400


def say(*words: str) -> None:
    print(*words, flush=True)


async def until_told() -> None:
    """Return when the parent writes a line, or is gone."""
    await run_in_thread(sys.stdin.readline)


async def record(file: str) -> None:
    """Do the inputs that are not done, of three steps each, eight at a time."""

    async def lane(journal: BatchJournal, first: int) -> None:
        for number in range(first, MOST_INPUTS, 8):
            key = str(number)
            beginning = await journal.begin(key, DIGEST, retry_failed=False)
            if not isinstance(beginning, Begun):
                continue
            steps = beginning.steps(LocalSteps())
            for step in range(3):
                await steps.step(f"run/{step}", Counted(f"{key}/{step}"), str, Doing("ask"))
                say("step", key, str(step))
            await journal.end(key, key.encode(), ok=True)
            say("end", key)

    async with open_journal(file) as journal:
        await asyncio.gather(*[lane(journal, first) for first in range(8)])
    say("finished")


async def share(file: str) -> None:
    """Do what nobody else does of all inputs."""
    async with open_journal(file) as journal:
        say("open")
        await until_told()
        for number in range(MOST_INPUTS):
            key = str(number)
            if isinstance(await journal.begin(key, DIGEST, retry_failed=False), Begun):
                await journal.end(key, b"", ok=True)
                say("did", key)


async def hold(file: str) -> None:
    """Begin the input "a" and keep it."""
    async with open_journal(file) as journal:
        await begun(journal)
        say("begun")
        await until_told()


async def pay(file: str) -> None:
    """Get stuck in a tool that may not run twice."""

    async def stuck() -> str:
        say("paying")
        await until_told()
        return "paid"

    async with open_journal(file) as journal:
        steps = await begun(journal)
        await steps.step("run/tool-0", stuck, str, Doing("pay", announced=True, repeatable=False))


if __name__ == "__main__":
    asyncio.run({"record": record, "share": share, "hold": hold, "pay": pay}[sys.argv[1]](sys.argv[2]))
