"""Independent runs that one task awaited one after another. Pure, but for reading the program's own source."""

from __future__ import annotations

import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from aiocrew.aio.watch import Frame
from aiocrew.seeing.causes.spans import longest
from aiocrew.seeing.check.serial import SerialAwait, serial_awaits
from aiocrew.seeing.dependence import RunTexts, uses
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
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
    found: dict[tuple[str, int], list[_Chain]] = defaultdict(list)
    verdicts: dict[tuple[str, int], SerialAwait] = {}
    judge = _Judge(sightings, source)
    for chain in _chains(timeline, sightings):
        rest = chain
        while len(rest) > 1:
            verdict, frame, length = judge.beginning_of(rest)
            if verdict is not None and not _has_company(rest[:length], timeline, sightings):
                found[frame.file, verdict.line].append(rest[:length])
                verdicts[frame.file, verdict.line] = verdict
            rest = rest[length:]
    return [_culprit(file, line, verdicts[file, line], chains, sightings) for (file, line), chains in found.items()]


_Wave: TypeAlias = list[RunSpan]
"""Runs that went on at once; mostly a single one."""
_Chain: TypeAlias = list[_Wave]
"""Waves that followed each other at once, none of which uses anything of another."""


def _chains(timeline: Timeline, sightings: Sightings) -> Iterable[_Chain]:
    by_awaiter: dict[tuple[int, str], list[RunSpan]] = defaultdict(list)
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is not None and start.site.lines:
            by_awaiter[start.awaiter, run.outer].append(run)
    for runs in by_awaiter.values():
        chain: _Chain = []
        texts: list[RunTexts] = []
        for wave in _waves(runs):
            own = [RunTexts(run) for run in wave]
            earlier = texts[-_MOST_TEXTS:]
            if chain and (not _follows(wave, chain[-1]) or any(uses(new, old) for new in own for old in earlier)):
                yield chain
                chain, texts = [], []
            chain.append(wave)
            texts += own
        yield chain


def _waves(runs: list[RunSpan]) -> Iterable[_Wave]:
    wave: _Wave = []
    latest_s = float("-inf")
    for run in sorted(runs, key=lambda run: run.from_s):
        if wave and run.from_s >= latest_s - 1e-9:
            yield wave
            wave = []
        wave.append(run)
        latest_s = max(latest_s, run.to_s)
    yield wave


def _follows(later: _Wave, earlier: _Wave) -> bool:
    began_s, ended_s = min(run.from_s for run in earlier), max(run.to_s for run in earlier)
    gap_s = min(run.from_s for run in later) - ended_s
    near_s = max(_NEAR_S, _NEAR_SHARE * (ended_s - began_s))
    return all(run.ended and run.ok for run in earlier) and gap_s <= near_s


class _Judge:
    """Says which line puts runs in turn, by the program's own source."""

    def __init__(self, sightings: Sightings, source: SourceOf) -> None:
        self._sightings = sightings
        self._source = source
        self._verdicts: dict[tuple[str, int], SerialAwait | None] = {}

    def beginning_of(self, chain: _Chain) -> tuple[SerialAwait | None, Frame, int]:
        """Return what puts the beginning of a chain in turn, where, and how long that is; None for its first wave."""
        first = self._sightings.starts[chain[0][0].run_id].site.lines
        for level, frame in enumerate(first):
            verdict = self._verdict(frame)
            if verdict is None:
                break  # its runs may need each other
            if verdict.kind == "none":
                continue  # who called this function may hold the loop
            lines = set(verdict.lines or (frame.line,))
            elsewhere = (n for n, wave in enumerate(chain) if not self._all_at(wave, level, frame.file, lines))
            length = next(elsewhere, len(chain))
            single = all(len(wave) == 1 for wave in chain[:length])
            least = {"statements": 2, "unreadable": 3}.get(verdict.kind, 2)
            if length < least or not (single or verdict.kind in ("loop", "comprehension")):
                break
            return verdict, frame, length
        return None, first[0], 1

    def _verdict(self, frame: Frame) -> SerialAwait | None:
        place = frame.file, frame.line
        if place not in self._verdicts:
            text = self._source(frame.file)
            unread = SerialAwait("unreadable", frame.line)
            self._verdicts[place] = unread if text is None else serial_awaits(text, frame.line)
        return self._verdicts[place]

    def _all_at(self, wave: _Wave, level: int, file: str, lines: set[int]) -> bool:
        for run in wave:
            site = self._sightings.starts[run.run_id].site.lines
            if level >= len(site) or site[level].file != file or site[level].line not in lines:
                return False
        return True


def _has_company(chain: _Chain, timeline: Timeline, sightings: Sightings) -> bool:
    """Return whether other tasks carried out runs at the same line meanwhile: then these are workers of a pool."""
    first = sightings.starts[chain[0][0].run_id]
    from_s, to_s = chain[0][0].from_s, max(run.to_s for run in chain[-1])
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is None or start.awaiter == first.awaiter or not start.site.lines:
            continue
        if start.site.lines[0] == first.site.lines[0] and run.from_s < to_s and run.to_s > from_s:
            return True
    return False


def _culprit(file: str, line: int, verdict: SerialAwait, chains: list[_Chain], sightings: Sightings) -> Culprit:
    waves = [wave for chain in chains for wave in chain]
    start = sightings.starts[waves[0][0].run_id]
    runs = sum(len(wave) for wave in waves)
    where = {"loop": "this loop", "comprehension": "this comprehension"}.get(verdict.kind, "these lines")
    verb = (
        ("wait for" if start.site.is_sync else "await")
        if where == "these lines"
        else ("waits for" if start.site.is_sync else "awaits")
    )
    how = "one after another" if runs == len(waves) else f"in {len(waves)} groups, each after the last one's slowest"
    instead = verdict.instead or (
        "crew.kickoff_for_each(inputs)" if start.site.is_sync else "await asyncio.gather(*(... for ... in ...))"
    )
    return Culprit(
        cause=Cause.AWAITED_IN_TURN,
        file=file,
        line=line,
        function=next((frame.function for frame in start.site.lines if frame.file == file), ""),
        lost_s=sum(_lost_s(chain) for chain in chains),
        times=len(waves) - len(chains),
        what=f"{where} {verb} {runs} runs {how}, and none uses what another one gave",
        instead=instead,
        at=longest([Span(run.from_s, run.to_s, run.run_id) for chain in chains for wave in chain[1:] for run in wave]),
    )


def _lost_s(chain: _Chain) -> float:
    """Return how much sooner as many runs at once as the largest wave has would have been done; all at once, if one."""
    lasted = [max(run.to_s for run in wave) - min(run.from_s for run in wave) for wave in chain]
    width = max(len(wave) for wave in chain)
    if width == 1:
        return sum(lasted) - max(lasted)
    alone = [run.to_s - run.from_s for wave in chain for run in wave]
    return max(0.0, sum(lasted) - max(*alone, sum(alone) / width))
