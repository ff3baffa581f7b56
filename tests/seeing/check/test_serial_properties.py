"""What is called independent is so: whatever earlier runs say, each run is given the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.seeing.check import check_text
from aiocrew.seeing.check.serial import serial_awaits

NAMES = ["a", "b", "item"]
VALUES = st.sampled_from([*NAMES, "out", "seen[-1]", "held['k']", "str(a)", "a + b", "[b, item]", "len(seen)", "''"])
TESTS = st.sampled_from(["a == b", "len(seen) > 2", "str(out) < 'c'", "item", "'k' in held", "flag"])
SIMPLE = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(["a", "b", "item", "flag"]), VALUES),
    st.builds("seen.append({})".format, VALUES),
    st.builds("other.append({})".format, VALUES),
    st.builds("held['k'] = {}".format, VALUES),
    st.builds("mine = held; mine['k'] = {}".format, VALUES),
    st.builds("print({})".format, VALUES),
    st.builds("a += str({})".format, VALUES),
    st.sampled_from(["continue", "other = seen", "out = ''", "seen = [b]"]),
)
RUN = st.builds("out = crew.kickoff({{'v': {}}}).raw".format, VALUES)


def indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines] or ["    pass"]


def under(head: str, body: Sequence[str]) -> list[str]:
    return [head, *indented(body)]


LINES = SIMPLE.map(lambda line: [line]) | RUN.map(lambda line: [line])
BLOCKS = st.recursive(
    LINES,
    lambda inner: st.one_of(
        st.builds(lambda one, two: [*one, *two], inner, inner),
        st.builds(lambda test, body: under(f"if {test}:", body), TESTS, inner),
        st.builds(lambda body, rest: [*under("try:", body), *under("except IndexError:", rest)], inner, inner),
        st.builds(lambda body: under("for b in ['p', 'q']:", body), inner),
    ),
    max_leaves=6,
)
HEAD = """\
a, b, out, flag, held, seen = 'x', 'y', '', False, {'k': 'z'}, ['w']
other = seen
for item in ['i', 'j', 'l']:
"""


class Output:
    def __init__(self, raw: str) -> None:
        self.raw = raw


class Told:
    """A crew that says what it is told to, and keeps what it was given in each pass."""

    def __init__(self, answers: str) -> None:
        self.answers = answers
        self.given: list[Any] = []

    def kickoff(self, inputs: dict[str, Any]) -> Output:
        self.given.append(repr(inputs))
        return Output(self.answers + str(len(self.given)))


def passes(source: str, answers: str) -> tuple[list[Any], bool]:
    """Carry out a loop; return what the runs were given, and whether it failed."""
    crew = Told(answers)
    try:
        exec(source, {"crew": crew, "print": lambda *_: None})
    except (IndexError, TypeError, UnboundLocalError):
        return crew.given, True
    return crew.given, False


@settings(max_examples=400, deadline=None)
@given(before=BLOCKS, run=RUN, after=BLOCKS)
def test_independent_passes_give_the_first_run_of_each_the_same_whatever_the_others_say(
    before: list[str], run: str, after: list[str]
) -> None:
    lines = indented(["crew.kickoff({'pass': item})" if not before else "pass", *before, run, *after])
    source = HEAD + "\n".join(lines)
    line = source.split("\n").index(f"    {run}") + 1
    found = serial_awaits(source, line)
    assert found is None or found.kind != "unreadable"
    if found is None or found.kind != "loop" or found.line != 3:
        return
    if sum("crew.kickoff" in one for one in lines) > 1:
        return  # within a pass a run may need another
    given, failed = passes(source, "c")
    others, failed_too = passes(source, "d")
    if not (failed or failed_too):
        assert given == others


NAMED = "a, b, out, flag, seen, other"
STATE = """\
a, b, out, flag, held, seen = 'x', 'y', '', False, {'k': 'z'}, ['w']
other = seen
"""


@settings(max_examples=400, deadline=None)
@given(before=BLOCKS, run=RUN, after=BLOCKS, own=st.booleans())
def test_what_a_helper_keeps_counts_as_what_its_loop_keeps(
    before: list[str], run: str, after: list[str], own: bool
) -> None:
    body = ["crew.kickoff({'pass': item})" if not before else "pass", *before, run, *after]
    body = [line.replace("continue", "return") for line in body]
    locals_of_it = ["a = b = out = ''", "flag = False"] if own else [f"global {NAMED}"]
    source = STATE + "\n".join(under("def step(item):", [*locals_of_it, *body]))
    source += "\nfor item in ['i', 'j', 'l']:\n    step(item)\n"
    found = serial_awaits(source, source.count("\n"))
    if found is None or found.kind != "loop" or sum("crew.kickoff" in one for one in body) > 1:
        return
    given, failed = passes(source, "c")
    others, failed_too = passes(source, "d")
    if not (failed or failed_too):
        assert given == others


@settings(max_examples=150, deadline=None)
@given(BLOCKS)
def test_any_program_is_checked_the_same_twice(body: list[str]) -> None:
    source = "from aiocrew import Crew\n" + HEAD + "\n".join(indented(body)) + "\n"
    assert check_text(source, "a.py") == check_text(source, "a.py")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="async def f():\n    wit crew.kickoff_async()[]{}'\"#\\\0\t=:,é", max_size=80))
def test_any_text_is_findings_and_never_an_exception(text: str) -> None:
    for finding in check_text("import aiocrew\n" + text, "a.py"):
        assert finding.line >= 1
        assert finding.column >= 1
