"""Independent runs that one task awaited one after another. Pure, but for reading the program's own source."""

from __future__ import annotations

import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from aiocrew.aio.watch import Frame
from aiocrew.seeing.check.serial import SerialAwait, serial_awaits
from aiocrew.seeing.dependence import RunTexts, uses
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings, Start
from aiocrew.seeing.timeline import RunSpan, Timeline

__all__ = ["SourceOf", "awaited_in_turn", "source_of"]

SourceOf: TypeAlias = Callable[[str], str | None]
"""Gives the text of a file, None where there is none."""

_NEAR_S: Final = 0.05
_NEAR_SHARE: Final = 0.25
"""A run that begins later than this after the one before it waited for something else; as a share of that one."""
_MOST_TEXTS: Final = 20
"""With so many runs before it a run is compared: a chain hands on what came shortly before."""


@lru_cache(maxsize=256)
def source_of(file: str) -> str | None:
    """Return the text of a Python file."""
    try:
        with tokenize.open(file) as opened:
            return opened.read()
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return None


def awaited_in_turn(timeline: Timeline, sightings: Sightings, source: SourceOf = source_of) -> list[Culprit]:
    """Return a culprit for each place where runs that do not need one another were carried out in turn."""
    found: dict[tuple[str, int], list[list[RunSpan]]] = defaultdict(list)
    verdicts: dict[tuple[str, int], SerialAwait] = {}
    for chain in _chains(timeline, sightings):
        place = _place(chain, sightings, source)
        if place is None or _has_company(chain, timeline, sightings):
            continue
        frame, verdict = place
        found[frame.file, verdict.line].append(chain)
        verdicts[frame.file, verdict.line] = verdict
    return [_culprit(file, line, verdicts[file, line], chains, sightings) for (file, line), chains in found.items()]


def _chains(timeline: Timeline, sightings: Sightings) -> Iterable[list[RunSpan]]:
    """Give runs that followed each other at once, awaited by the same task, and use nothing of each other."""
    by_awaiter: dict[tuple[int, str], list[RunSpan]] = defaultdict(list)
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is not None and start.site.lines:
            by_awaiter[start.awaiter, run.outer].append(run)
    for several in by_awaiter.values():
        runs = _alone(several)
        chain: list[RunSpan] = []
        texts: list[RunTexts] = []
        for run in runs:
            text = RunTexts(run)
            if chain and not (
                _follows(run, chain[-1]) and not any(uses(text, other) for other in texts[-_MOST_TEXTS:])
            ):
                yield chain
                chain, texts = [], []
            chain.append(run)
            texts.append(text)
        yield chain


def _alone(runs: list[RunSpan]) -> list[RunSpan]:
    """Return those of `runs`, by their start, that went on while none of the others did."""
    ordered = sorted(runs, key=lambda run: run.from_s)
    alone: list[RunSpan] = []
    latest_s = float("-inf")
    for run, after in zip(ordered, [*ordered[1:], None], strict=True):
        if run.from_s >= latest_s - 1e-9 and (after is None or after.from_s >= run.to_s - 1e-9):
            alone.append(run)
        latest_s = max(latest_s, run.to_s)
    return alone


def _follows(later: RunSpan, earlier: RunSpan) -> bool:
    gap_s = later.from_s - earlier.to_s
    near_s = max(_NEAR_S, _NEAR_SHARE * (earlier.to_s - earlier.from_s))
    return earlier.ended and earlier.ok and -1e-9 <= gap_s <= near_s


def _place(chain: list[RunSpan], sightings: Sightings, source: SourceOf) -> tuple[Frame, SerialAwait] | None:
    """Return the line that puts a chain in turn; None where there is none, or its runs may need each other."""
    if len(chain) < 2:
        return None
    starts = [sightings.starts[run.run_id] for run in chain]
    for level, frame in enumerate(starts[0].site.lines):
        lines = {_line_at(start, level) for start in starts}
        if None in lines or len({line[0] for line in lines if line is not None}) > 1:
            return None
        text = source(frame.file)
        if text is None:
            return (frame, SerialAwait("unreadable", frame.line)) if len(lines) == 1 and len(chain) > 2 else None
        verdict = serial_awaits(text, frame.line)
        if verdict is None:
            return None
        if verdict.kind in ("loop", "comprehension"):
            return frame, verdict
        if verdict.kind == "statements" and {line[1] for line in lines if line is not None} <= set(verdict.lines):
            return frame, verdict
    return None


def _line_at(start: Start, level: int) -> tuple[str, int] | None:
    lines = start.site.lines
    return (lines[level].file, lines[level].line) if level < len(lines) else None


def _has_company(chain: list[RunSpan], timeline: Timeline, sightings: Sightings) -> bool:
    """Return whether other tasks carried out runs at the same line meanwhile: then these are workers of a pool."""
    first = sightings.starts[chain[0].run_id]
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is None or start.awaiter == first.awaiter or not start.site.lines:
            continue
        if start.site.lines[0] == first.site.lines[0] and run.from_s < chain[-1].to_s and run.to_s > chain[0].from_s:
            return True
    return False


def _culprit(file: str, line: int, verdict: SerialAwait, chains: list[list[RunSpan]], sightings: Sightings) -> Culprit:
    lost_s, spans = 0.0, list[Span]()
    for chain in chains:
        lasted = [run.to_s - run.from_s for run in chain]
        lost_s += sum(lasted) - max(lasted)
        spans += [Span(run.from_s, run.to_s, run.run_id) for run in chain[1:]]
    runs = sum(len(chain) for chain in chains)
    start = sightings.starts[chains[0][0].run_id]
    function = next((frame.function for frame in start.site.lines if frame.file == file), "")
    where = {"loop": "this loop", "comprehension": "this comprehension"}.get(verdict.kind, "these lines")
    waits = "wait for" if start.site.is_sync else "await"
    instead = verdict.instead or (
        "crew.kickoff_for_each(inputs)" if start.site.is_sync else "await asyncio.gather(*(... for ... in ...))"
    )
    return Culprit(
        cause=Cause.AWAITED_IN_TURN,
        file=file,
        line=line,
        function=function,
        lost_s=lost_s,
        times=runs - len(chains),
        what=f"{where} {waits} {runs} runs one after another, and none uses what another one gave",
        instead=instead,
        at=tuple(spans),
    )
