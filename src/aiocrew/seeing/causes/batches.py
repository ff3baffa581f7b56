"""Which runs one batch began after others of its own, when it was no longer held. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from aiocrew.aio.watch import Frame
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import RunSpan

__all__ = ["Batches"]


class Batches:
    """Tells a batch that goes on from another one that is begun at the same line."""

    def __init__(self, sightings: Sightings) -> None:
        self._starts = sightings.starts
        self._holds: defaultdict[Frame, list[tuple[float, int]]] = defaultdict(list)
        for held in sightings.held:
            if held.site.lines:
                self._holds[held.site.lines[0]].append((held.event.at_s, held.event.most))

    def bound(self, earlier: Sequence[RunSpan], later: Sequence[RunSpan]) -> int:
        """Return how many runs at once the batch allows that began `later` after `earlier`; 0 where none did."""
        lines = self._starts[later[0].run_id].site.lines
        holds = self._holds.get(lines[0], ()) if lines else ()
        began_s, next_s = max(run.from_s for run in earlier), min(run.from_s for run in later)
        # Of another batch the last hold ended when it began its last runs.
        return next((most for at_s, most in holds if began_s < at_s <= next_s), 0)
