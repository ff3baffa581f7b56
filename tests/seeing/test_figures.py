"""Chains, curves and covered time, against a plain search."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.seeing.figures import Stretch, common, covered_s, curve_of, longest_chain, merged
from aiocrew.seeing.timeline import CallSpan
from aiocrew.types.paths import Path


@st.composite
def stretches(draw: st.DrawFn) -> list[Stretch]:
    whole = draw(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), st.integers(0, 9)), max_size=7))
    return [Stretch(float(start), float(start + length), float(weight)) for start, length, weight in whole]


@given(stretches())
def test_the_longest_chain_is_the_heaviest_choice_without_overlap(given_stretches: list[Stretch]) -> None:
    def fits(chosen: tuple[Stretch, ...]) -> bool:
        ordered = sorted(chosen, key=lambda stretch: stretch.from_s)
        return all(a.to_s <= b.from_s for a, b in pairwise(ordered))

    choices = (chosen for n in range(len(given_stretches) + 1) for chosen in combinations(given_stretches, n))
    assert longest_chain(given_stretches) == max(sum(s.weight for s in chosen) for chosen in choices if fits(chosen))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9))))
def test_covered_time_counts_each_moment_once(pairs: list[tuple[int, int]]) -> None:
    given_pairs = [(float(start), float(start + length)) for start, length in pairs]
    moments = {moment for start, end in given_pairs for moment in range(int(start), int(end))}
    assert covered_s(given_pairs) == len(moments)
    together = merged(given_pairs)
    assert all(a[1] < b[0] for a, b in pairwise(together))
    assert covered_s(common(together, together)) == len(moments)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1))
def test_the_curve_knows_the_peak_and_ends_at_nothing(pairs: list[tuple[int, int]]) -> None:
    calls = [
        CallSpan("model", Path(str(n)), "m", float(start), float(start), float(start + length), ended=True)
        for n, (start, length) in enumerate(pairs)
    ]
    points, peak = curve_of(calls, 0.0, 40.0)
    assert peak == max(sum(start <= at < start + length for start, length in pairs) for at in range(40))
    assert max(count for _, count in points) <= peak
    assert points[-1] == (40.0, 0)
