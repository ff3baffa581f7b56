"""Code that kept an event loop from going on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from aiocrew.seeing import wording
from aiocrew.seeing.blame import Blame, blame_for_block
from aiocrew.seeing.causes.callers import callers_in_words
from aiocrew.seeing.causes.spans import longest
from aiocrew.seeing.figures import covered_s
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import Timeline

__all__ = ["blocked_loops", "doors_in_loops"]

_FEWEST_LOOKS: Final = 2
"""A line has to be seen that often: once may be chance."""


class _Place(msgspec.Struct, frozen=True, gc=False):
    """What culprits are put together by."""

    cause: Cause
    file: str
    function: str
    what: str = ""


def blocked_loops(timeline: Timeline, sightings: Sightings) -> Iterable[Culprit]:
    """Blame lines that kept a loop from going on while several runs were there."""
    runs = timeline.outermost()
    found: dict[_Place, list[tuple[Blame, Span]]] = defaultdict(list)
    looks: dict[_Place, int] = defaultdict(int)
    for blocked in sightings.blocked:
        if sum(run.from_s < blocked.to_s and run.to_s > blocked.from_s for run in runs) < 2:
            continue
        blames = [blame for stack in blocked.stacks if (blame := blame_for_block(stack)) is not None]
        if not blames or len(blames) * 2 < len(blocked.stacks):
            continue
        places = [_Place(blame.cause, blame.frame.file, blame.frame.function) for blame in blames]
        place = max(set(places), key=places.count)
        blame = _commonest(blame for blame, its in zip(blames, places, strict=True) if its == place)
        found[place].append((blame, Span(blocked.from_s, blocked.to_s)))
        looks[place] += places.count(place)
    for place, blocks in found.items():
        if looks[place] < _FEWEST_LOOKS:
            continue
        blame = _commonest(blame for blame, _ in blocks)
        spans = [span for _, span in blocks]
        yield Culprit(
            cause=place.cause,
            file=blame.frame.file,
            line=blame.frame.line,
            function=blame.frame.function,
            lost_s=sum(span.to_s - span.from_s for span in spans),
            times=len(spans),
            what=wording.blocked(place.cause, blame, callers_in_words(blocks, timeline)),
            instead=wording.instead_of_blocking(place.cause, blame),
            at=longest(spans),
        )


def _commonest(blames: Iterable[Blame]) -> Blame:
    several = list(blames)
    return max(several, key=several.count)


def doors_in_loops(timeline: Timeline) -> Iterable[Culprit]:
    """Blame synchronous doors that were used inside a running loop."""
    found: dict[tuple[str, int, str, str], list[Span]] = defaultdict(list)
    for event in timeline.doors:
        if event.door:
            found[event.file, event.line, event.function, event.door].append(
                Span(event.at_s - event.blocked_s, event.at_s)
            )
    for (file, line, function, door), spans in found.items():
        yield Culprit(
            cause=Cause.KICKOFF_IN_LOOP,
            file=file,
            line=line,
            function=function,
            lost_s=covered_s((span.from_s, span.to_s) for span in spans),
            times=len(spans),
            what=f"{door}() was called inside a running event loop, which stood still until the run was done",
            instead=wording.instead_of_door(door),
            at=longest(spans),
        )
