"""Who held a batch: its reader, or the number of inputs that may be under way."""

from __future__ import annotations

from typing import Literal

import pytest

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Site
from aiocrew.seeing.causes.limiting import held_batches
from aiocrew.seeing.report import Cause
from aiocrew.seeing.sightings import Held, Sightings
from aiocrew.types.events import BatchHeld
from aiocrew.types.paths import Path

HERE = Site((Frame("batch.py", 7, "main"),), is_sync=False)


def held(by: Literal["reader", "max_concurrency"], until_s: float, held_s: float) -> Held:
    return Held(BatchHeld("", Path("batch"), until_s, until_s, by, held_s, 10), HERE)


@pytest.mark.parametrize(
    ("reader_s", "told"),
    [(0.004, [Cause.LIMIT, Cause.SLOW_READER]), (2.0, [Cause.SLOW_READER])],
)
def test_a_moment_of_the_reader_does_not_hide_the_limit(reader_s: float, told: list[Cause]) -> None:
    seen = Sightings(
        events=[],
        held=[held("max_concurrency", 1.0, 0.9), held("reader", 4.0, reader_s)],
    )
    assert sorted(culprit.cause for culprit in held_batches(seen)) == told
