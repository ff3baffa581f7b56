"""The arithmetic of the rounds and the look of the table."""

from __future__ import annotations

import pytest

from benchmarks.rounds import compare, interleave
from benchmarks.table import Limit, Row, format_table, missed


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row(name="a", ratio=1.4, limit=Limit("ratio", "<=", 1.4)), "ok"),
        (Row(name="a", ratio=1.41, limit=Limit("ratio", "<=", 1.4)), "missed"),
        (Row(name="a", ours=50, limit=Limit("ours", "<", 50)), "missed"),
        (Row(name="a", ours=999, limit=Limit("ours", "=", 1000)), "missed"),
        (Row(name="a", limit=Limit("ours", "=", 1000)), "failed"),
        (Row(name="a", failed="no such module"), "failed"),
        (Row(name="a", ours=3), ""),
    ],
)
def test_a_row_says_whether_its_target_holds(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
    assert bool(missed([row])) == (verdict in ("missed", "failed"))


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The third round was slow for both: the medians of both sides would not show that they stayed 2 to 1.
    found = compare([2.0, 4.0, 60.0], [1.0, 2.0, 30.0])
    assert (found.ratio, found.spread) == (2.0, (2.0, 2.0))


def test_every_round_begins_with_another_side() -> None:
    order: list[str] = []
    samples = interleave({name: lambda name=name: order.append(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert {name: len(found) for name, found in samples.items()} == {"a": 3, "b": 3, "c": 3}


def test_the_table_has_a_line_for_each_row_and_its_note_below() -> None:
    rows = [Row(name="first", ours=1.5, bare=1000, unit="us", ratio=1.2), Row(name="second", note="cold")]
    lines = format_table(rows).splitlines()
    assert lines[2].split() == ["first", "1.50", "us", "1,000", "us", "1.20"]
    assert lines[3].split() == ["second", "-", "-", "[1]"]
    assert lines[-1] == "[1] cold"
