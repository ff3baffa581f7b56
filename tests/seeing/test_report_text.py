from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.seeing.report import Cause, Culprit, OverlapReport
from aiocrew.seeing.report_text import ASCII_LEVELS, BLOCK_LEVELS, in_words, report_lines

LOOP = Culprit(
    cause=Cause.AWAITED_IN_TURN,
    file="crews/research.py",
    line=14,
    function="main",
    lost_s=5.5,
    times=11,
    what="this loop awaits 12 runs one after another, and none uses what another one gave",
    instead="await asyncio.gather(*(crew.kickoff_async() for crew in crews))",
)


def a_report(**fields: Any) -> OverlapReport:
    given = {"runs": 12, "calls": 48, "wall_s": 6.0, "ideal_s": 0.5, "overlap": 1.0, "peak": 2, "culprits": (LOOP,)}
    curve = tuple((float(second), 1) for second in range(7))
    return OverlapReport(**{"in_flight": curve, **given, **fields})


def test_the_report_is_a_sentence_a_curve_and_the_culprits() -> None:
    assert str(a_report()).splitlines() == [
        "12 runs took 6.00 s. With nothing in the way about 0.50 s would do, which is the longest chain of",
        "calls that need one another: 12.0 times as fast.",
        "48 calls of models and tools: 1.0 in flight on average, 2 at most.",
        "   ███████",
        "",
        "What kept them from going on side by side:",
        "",
        "1. 5.50 s (92%)  awaited-in-turn, 11 times",
        "   crews/research.py:14 in main",
        "   this loop awaits 12 runs one after another, and none uses what another one gave",
        "   instead: await asyncio.gather(*(crew.kickoff_async() for crew in crews))",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"runs": 0, "calls": 0, "culprits": ()}, "No run was seen"),
        ({"runs": 1, "culprits": ()}, "With a single run there is nothing to compare"),
        ({"runs": 1, "calls": 1}, "1 call of models"),
        ({"ideal_s": 5.9, "culprits": ()}, "no order could be faster"),
        ({"ideal_s": 5.9, "culprits": ()}, "Nothing kept these runs from going on side by side."),
        ({"culprits": ()}, "Nothing was seen that kept these runs"),
        ({"calls": 0, "peak": 0, "ideal_s": 0.0}, "They made no calls of models or tools."),
        ({"wall_s": 0.04, "ideal_s": 0.04}, "12 runs took 40 ms."),
        ({"wall_s": 1234.5}, "12 runs took 1,234 s."),
        ({"culprits": (LOOP,) * 15}, "3 more cost less than these."),
    ],
)
def test_each_case_has_its_sentence(fields: dict[str, Any], said: str) -> None:
    assert said in " ".join(in_words(a_report(**fields)).split())


def test_where_there_is_a_culprit_nobody_says_that_nothing_could_be_faster() -> None:
    assert str(a_report(ideal_s=5.9)).splitlines()[0] == "12 runs took 6.00 s."


def test_culprits_stand_in_the_order_of_the_report() -> None:
    text = str(a_report(culprits=(LOOP, Culprit(**{**_fields(LOOP), "cause": Cause.LIMIT, "lost_s": 1.0}))))
    assert text.index("1. 5.50 s (92%)  awaited-in-turn") < text.index("2. 1.00 s (17%)  limit")


def test_what_no_line_is_to_blame_for_has_no_place() -> None:
    text = str(a_report(culprits=(Culprit(**{**_fields(LOOP), "file": "", "line": 0, "function": ""}),)))
    assert ":0" not in text
    assert "this loop awaits" in text


def test_what_stands_in_a_module_itself_is_in_no_function() -> None:
    text = str(a_report(culprits=(Culprit(**{**_fields(LOOP), "function": "<module>"}),)))
    assert "   crews/research.py:14\n" in text


def test_a_place_in_a_file_is_never_broken() -> None:
    long = "/".join(["a long folder"] * 12) + "/crew.py"
    text = in_words(a_report(culprits=(Culprit(**{**_fields(LOOP), "file": long}),)), width=40)
    assert f"   {long}:14 in main\n" in text


def test_the_curve_is_drawn_to_its_own_top_and_tells_little_from_nothing() -> None:
    curve = tuple((float(place), number) for place, number in enumerate([0, 1, 100, 50, 0]))
    assert "   " + " ▁█▄ ".rstrip() in in_words(a_report(in_flight=curve, peak=100))
    assert "    .@+" in in_words(a_report(in_flight=curve, peak=100), levels=ASCII_LEVELS)


def test_names_cannot_drive_a_terminal() -> None:
    nasty = "\x1b[2J[bold]\nnext \u202eline\x07"
    fields = {**_fields(LOOP), "what": nasty, "instead": nasty, "file": f"{nasty}.py", "function": nasty}
    text = str(a_report(culprits=(Culprit(**fields),)))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "[bold]" in text
    assert r"\x1b[2J" in text


TEXTS = st.text(max_size=60)
CULPRITS = st.builds(
    Culprit,
    cause=st.sampled_from(Cause),
    file=TEXTS,
    line=st.integers(0, 10**6),
    function=TEXTS,
    lost_s=st.floats(0, 1e6),
    times=st.integers(0, 10**6),
    what=TEXTS,
    instead=TEXTS,
)
REPORTS = st.builds(
    OverlapReport,
    runs=st.integers(0, 10**6),
    calls=st.integers(0, 10**6),
    wall_s=st.floats(0, 1e6),
    ideal_s=st.floats(0, 1e6),
    overlap=st.floats(0, 1e6),
    peak=st.integers(0, 10**6),
    in_flight=st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**6)), min_size=1, max_size=300).map(tuple),
    culprits=st.lists(CULPRITS, max_size=20).map(tuple),
)


@given(REPORTS, st.integers(1, 300), st.sampled_from([BLOCK_LEVELS, ASCII_LEVELS]))
def test_any_report_has_words(report: OverlapReport, width: int, levels: str) -> None:
    lines = report_lines(report, width=width, levels=levels)
    assert lines
    assert all(span.text.isprintable() for line in lines for span in line)


def _fields(culprit: Culprit) -> dict[str, Any]:
    return {name: getattr(culprit, name) for name in culprit.__struct_fields__}
