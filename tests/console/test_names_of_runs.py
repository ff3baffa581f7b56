"""Names of runs: one for each, the same for every reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.console.stories import RunNames, summary


def test_runs_are_counted_and_runs_inside_them_below_them() -> None:
    names = RunNames()
    first = names.begin("a", "report", "", {"topic": "bees"})
    second = names.begin("b", "report", "", None)
    inside = names.begin("c", "search", "a", {})
    deeper = names.begin("d", "search", "c", {})
    assert [name.label for name in (first, second, inside, deeper)] == [
        "report #1 bees",
        "report #2",
        "search #1.1",
        "search #1.1.1",
    ]
    assert [name.depth for name in (first, second, inside, deeper)] == [0, 0, 1, 2]
    assert first.colour == inside.colour == deeper.colour != second.colour


def test_a_second_reader_of_a_run_is_told_the_same_name() -> None:
    names = RunNames()
    assert names.begin("a", "report", "") is names.begin("a", "report", "")
    assert names.of("a").label == "report #1"


def test_a_run_that_was_not_seen_to_start_is_named_by_its_id() -> None:
    assert RunNames().of("0123456789ab").label == "run 0123456…"


def test_a_run_inside_one_that_nobody_accounts_for_counts_as_a_run_of_its_own() -> None:
    assert RunNames().begin("a", "report", "elsewhere").label == "report #1"


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()), st.booleans())))
def test_the_summary_of_any_inputs_is_short_and_printable(inputs: dict[str, object]) -> None:
    shown = summary(inputs)
    assert shown.isprintable()
    assert len(shown) <= 16
