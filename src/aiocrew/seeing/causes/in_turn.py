"""Independent runs that one task awaited one after another. Pure, but for reading the program's own source."""

from __future__ import annotations

import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

from aiocrew.aio.watch import Frame
from aiocrew.seeing.causes.batches import Batches
from aiocrew.seeing.causes.spans import longest
from aiocrew.seeing.check.serial import SerialAwait, serial_awaits
from aiocrew.seeing.dependence import RunTexts, uses
from aiocrew.seeing.figures import covered_s, curve_of, merged
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import CallSpan, RunSpan, Timeline

__all__ = ["SourceOf", "awaited_in_turn", "source_of"]

SourceOf: TypeAlias = Callable[[str], str | None]
"""Gives the text of a file, None where there is none."""

_NEAR_S: Final = 0.05
_NEAR_SHARE: Final = 0.25
"""A run that begins later than this after the one before it waited for something else; as a share of that one."""
_HELD_SHARE: Final = 0.1
"""What waits longer than this share of the time for a limit could not go on wider."""
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
    found: dict[tuple[str, int], list[_Row]] = defaultdict(list)
    verdicts: dict[tuple[str, int], SerialAwait] = {}
    batches = Batches(sightings)
    judge = _Judge(sightings, source, batches)
    for chain in _chains(timeline, sightings):
        rest = chain
        while len(rest) > 1:
            verdict, frame, row = judge.beginning_of(rest)
            if verdict is not None and not _has_company(row, timeline, sightings):
                found[frame.file, verdict.line].append(row)
                verdicts[frame.file, verdict.line] = verdict
            rest = rest[max(1, sum(len(one) for one in row)) :]
    return [
        _culprit(file, line, verdicts[file, line], rows, sightings, batches) for (file, line), rows in found.items()
    ]


_Wave: TypeAlias = list[RunSpan]
"""Runs that went on at once; mostly a single one."""
_Pass: TypeAlias = list[_Wave]
"""What one pass of a loop did, wave after wave."""
_Row: TypeAlias = list[_Pass]
"""Passes that followed each other at once, none of which uses anything of another."""


def _chains(timeline: Timeline, sightings: Sightings) -> Iterable[list[_Wave]]:
    """Give waves that followed each other at once, awaited by the same task."""
    by_awaiter: dict[tuple[int, str], list[RunSpan]] = defaultdict(list)
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is not None and start.site.lines:
            by_awaiter[start.awaiter, run.outer].append(run)
    for runs in by_awaiter.values():
        chain: list[_Wave] = []
        for wave in _waves(runs):
            if chain and not _follows(wave, chain[-1]):
                yield chain
                chain = []
            chain.append(wave)
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
    """Says which line puts runs in turn, by the program's own source, and how many by what they used."""

    def __init__(self, sightings: Sightings, source: SourceOf, batches: Batches) -> None:
        self._sightings = sightings
        self._batches = batches
        self._source = source
        self._verdicts: dict[tuple[str, int], SerialAwait | None] = {}

    def beginning_of(self, chain: list[_Wave]) -> tuple[SerialAwait | None, Frame, _Row]:
        """Return what puts the beginning of a chain in turn, where, and that; None, and nothing, where nothing does."""
        first = self._site(chain[0][0])
        for level, frame in enumerate(first):
            verdict = self._verdict(frame)
            if verdict is None:
                break  # its runs may need each other
            if verdict.kind == "none":
                continue  # who called this function may hold the loop
            row = _independent(self._passes(chain, level, frame.file, verdict))
            least = 3 if verdict.kind == "unreadable" else 2
            return (verdict, frame, row) if len(row) >= least else (None, frame, row[:1])
        return None, first[0], []

    def _verdict(self, frame: Frame) -> SerialAwait | None:
        place = frame.file, frame.line
        if place not in self._verdicts:
            text = self._source(frame.file)
            unread = SerialAwait("unreadable", frame.line)
            self._verdicts[place] = unread if text is None else serial_awaits(text, frame.line)
        return self._verdicts[place]

    def _passes(self, chain: list[_Wave], level: int, file: str, verdict: SerialAwait) -> _Row:
        """Return the beginning of `chain` that `verdict` is about, pass by pass."""
        known = set(verdict.lines) or {verdict.line}
        is_loop = verdict.kind in ("loop", "comprehension")
        # Where a loop inside it begins them all at one line, those that go on at once are a pass.
        are_groups = len(known) == 1 and len(chain[0]) > 1
        passes: _Row = []
        for wave in chain:
            lines = {self._line(run, level, file) for run in wave}
            if not lines <= known or (len(wave) > 1 and not is_loop):
                break
            if is_loop and not verdict.first and not are_groups:
                break  # its passes cannot be told apart
            # What a batch goes on with is of the pass that awaits it.
            goes_on = bool(passes) and self._batches.bound(passes[-1][-1], wave) > 0
            if not goes_on and (not is_loop or not passes or verdict.first in lines or are_groups):
                passes.append([])
            passes[-1].append(wave)
        return passes

    def _line(self, run: RunSpan, level: int, file: str) -> int:
        lines = self._site(run)
        return lines[level].line if level < len(lines) and lines[level].file == file else 0

    def _site(self, run: RunSpan) -> tuple[Frame, ...]:
        return self._sightings.starts[run.run_id].site.lines


def _independent(passes: _Row) -> _Row:
    """Return the beginning of `passes` of which none uses anything of another."""
    row: _Row = []
    texts: list[RunTexts] = []
    for one in passes:
        own = [RunTexts(run) for wave in one for run in wave]
        # What a run of this very pass gave as well needs no earlier one to come from.
        earlier = [old for old in texts[-_MOST_TEXTS:] if all(old.gave != new.gave for new in own)]
        if any(uses(new, old) for new in own for old in earlier):
            break
        row.append(one)
        texts += own
    return row


def _has_company(row: _Row, timeline: Timeline, sightings: Sightings) -> bool:
    """Return whether other tasks carried out runs at the same line meanwhile: then these are workers of a pool.

    Those inside another run are not: each of these goes on by itself, and waits for its own.
    """
    outer, first = row[0][0][0].outer, sightings.starts[row[0][0][0].run_id]
    from_s, to_s = row[0][0][0].from_s, max(run.to_s for run in row[-1][-1])
    for run in timeline.runs.values():
        start = sightings.starts.get(run.run_id)
        if start is None or start.awaiter == first.awaiter or not start.site.lines or run.outer != outer:
            continue
        if start.site.lines[0] == first.site.lines[0] and run.from_s < to_s and run.to_s > from_s:
            return True
    return False


def _culprit(
    file: str, line: int, verdict: SerialAwait, rows: list[_Row], sightings: Sightings, batches: Batches
) -> Culprit:
    passes = [one for row in rows for one in row]
    start = sightings.starts[passes[0][0][0].run_id]
    after_the_first = [run for row in rows for one in row[1:] for wave in one for run in wave]
    return Culprit(
        cause=Cause.AWAITED_IN_TURN,
        file=file,
        line=line,
        function=next((frame.function for frame in start.site.lines if frame.file == file), ""),
        lost_s=_lost_together_s(rows, batches),
        times=len(passes) - len(rows),
        what=_what(verdict, passes, rows, is_sync=start.site.is_sync, is_bound=_bound(passes, batches) > 0),
        instead=_instead(verdict, rows, is_sync=start.site.is_sync),
        at=longest([Span(run.from_s, run.to_s, run.run_id) for run in after_the_first]),
    )


def _what(verdict: SerialAwait, passes: _Row, rows: list[_Row], *, is_sync: bool, is_bound: bool) -> str:
    runs = sum(len(wave) for one in passes for wave in one)
    where = {"loop": "this loop", "comprehension": "this comprehension"}.get(verdict.kind, "these lines")
    verb = "wait for" if is_sync else "await"
    if where != "these lines":
        verb = verb.replace("wait", "waits")
    if runs == len(passes):
        return f"{where} {verb} {runs} runs one after another, although none needs the one before"
    groups = f"{runs} runs in {len(passes)} groups, one after another, although none needs the one before"
    if is_bound:  # so many at a time is what their batches say
        return f"{where} {verb} {groups}"
    return f"at most {_width(passes)} at a time because of {where}, which {verb} {groups}"


def _instead(verdict: SerialAwait, rows: list[_Row], *, is_sync: bool) -> str:
    width = max(_width(row) for row in rows)
    instead = verdict.instead or (
        "crew.kickoff_for_each(inputs)" if is_sync else "await asyncio.gather(*(... for ... in ...))"
    )
    if width == 1:
        return instead
    return (
        f"{instead}; where {width} at a time are meant, bound it to {width}: the next begins as soon as one has ended"
    )


def _width(row: _Row) -> int:
    """Return how many runs went on at once at most."""
    return max(len(wave) for one in row for wave in one)


def _bound(row: _Row, batches: Batches) -> int:
    """Return how many runs at once the batches in `row` allow; 0 where none was held."""
    return max((batches.bound(one, other) for waves in row for one, other in pairwise(waves)), default=0)


def _lost_s(row: _Row, bound: int = 0) -> float:
    """Return how much sooner all passes at once would have been done, as far as limits would have let them.

    bound: how many runs may go on at once, 0 where nobody said.
    """
    runs = [run for one in row for wave in one for run in wave]
    lasted_s = sum(_lasted_s(one) for one in row)
    waited_s = _waited_s(runs)
    longest_s = max(_lasted_s(one) - _waited_s(run for wave in one for run in wave) for one in row)
    calls = [call for run in runs for call in run.calls.values() if call.kind == "model"]
    if waited_s > _HELD_SHARE * lasted_s:  # a limit, and not the loop, said how many go on at once
        _, most = curve_of(calls, runs[0].from_s, runs[-1].to_s)
    else:
        most = _most_at_once(calls)
    limited_s = sum(call.in_flight_s for call in calls) / most if most else 0.0
    bound_s = sum(run.to_s - run.from_s for run in runs) / bound if bound else 0.0
    return max(0.0, lasted_s - max(longest_s, waited_s, limited_s, bound_s))


def _most_at_once(calls: Iterable[CallSpan]) -> int:
    """Return how many of `calls` may be under way at once, 0 where nobody said."""
    by_model = {call.name: call.most_at_once for call in calls}
    known = [most for most in by_model.values() if most is not None]
    return sum(known) if len(known) == len(by_model) else 0


def _waited_s(runs: Iterable[RunSpan]) -> float:
    """Return for how long calls of `runs` waited for a limit."""
    waits = (wait for run in runs for call in run.calls.values() for wait in call.waits)
    return covered_s((wait.from_s, wait.to_s) for wait in waits if not wait.is_ramp)


def _lost_together_s(rows: list[_Row], batches: Batches) -> float:
    """Return how much sooner all would have been done; of rows that went on side by side, the one that lost the most.

    Rows of one run came one after another.
    """
    spans = [(row[0][0][0].from_s, max(run.to_s for run in row[-1][-1])) for row in rows]
    total_s = 0.0
    for from_s, to_s in merged(spans):
        by_outer: dict[str, float] = defaultdict(float)
        for row, (began_s, _) in zip(rows, spans, strict=True):
            if from_s <= began_s <= to_s:
                by_outer[row[0][0][0].outer] += _lost_s(row, _bound(row, batches))
        total_s += max(by_outer.values())
    return total_s


def _lasted_s(one: _Pass) -> float:
    return max(run.to_s for run in one[-1]) - min(run.from_s for run in one[0])
