"""What is said of each event, for any texts in it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.console.account import NOT_READ
from aiocrew.console.lines import Line, PlainLayout, RunName
from aiocrew.console.narrator import TOLD, lines_about, matching
from aiocrew.console.stories import Story
from aiocrew.types import events
from aiocrew.types.events import Event
from aiocrew.types.messages import Request, ToolCall
from aiocrew.types.paths import ROOT, Path, child
from aiocrew.types.usage import Usage

KINDS: tuple[Any, ...] = get_args(Event)
TASK, CALL = child(ROOT, "task-0"), Path("run/task-0/turn-0/call")
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(
        ["[bold]x[/bold]", "[link=http://x]y[/link]", "\x1b[31mred", ":bee:", "a\r\nb\x0bc", "\u202egpj.exe"]
    ),
)


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(KINDS))
    given_types = {
        "path": st.sampled_from([ROOT, TASK, CALL]),
        "inputs": st.one_of(
            st.none(), st.dictionaries(ANY_TEXT, st.one_of(ANY_TEXT, st.integers(), st.lists(ANY_TEXT)))
        ),
        "request": st.just(Request(())),
        "usage": st.builds(Usage, st.integers(0, 9999), st.integers(0, 9999)),
        "calls": st.sampled_from([(), (ToolCall("1", "search", "{}"),)]),
        "cost_usd": st.one_of(st.none(), st.floats(0, 100)),
        "finish_reason": st.sampled_from(["stop", "length", "content_filter"]),
        "by": st.sampled_from(["reader", "max_concurrency"]),
        "led_to": st.just("answer"),
        **dict.fromkeys(("cancelled", "reused", "ok", "is_ramp"), st.booleans()),
        **dict.fromkeys(("waits", "sees"), st.just(())),
        **dict.fromkeys(("attempt", "turn", "line", "most"), st.integers(0, 99)),
        **dict.fromkeys(("at_s", "wall_s", "delay_s", "held_s", "blocked_s"), st.floats(0, 1e6)),
    }
    fields = msgspec.structs.fields(kind)
    return kind(**{field.name: draw(given_types.get(field.name, ANY_TEXT)) for field in fields})


def plain(*lines: Line) -> str:
    return PlainLayout().text(RunName("crew #1", "1", 0), lines)


def told(*told_of: Event) -> str:
    story = Story()
    return plain(*(line for event in told_of for line in lines_about(story, event)))


def test_every_event_is_told_or_is_known_not_to_be() -> None:
    assert set(TOLD) | NOT_READ == set(KINDS)
    assert not set(TOLD) & NOT_READ


@given(st.lists(any_event(), max_size=6))
def test_whatever_stands_in_events_each_line_is_printable_and_under_its_runs_name(happened: list[Event]) -> None:
    text = told(*happened)
    lines = text.split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() and line.startswith("crew #1 │") for line in lines)
    text.encode()


def test_a_call_says_tokens_cost_seconds_and_what_it_waited_for() -> None:
    text = told(
        events.LLMCallStarted("r", CALL, 1.0, 0, "openai/gpt", "Analyst", Request(())),
        events.LLMCallQueued("r", CALL, 1.0, 0, "requests_per_minute of openai", 1),
        events.LLMCallSent("r", CALL, 3.5, 0, 1),
        events.LLMCallCompleted("r", CALL, 5.0, 0, "openai/gpt", "Analyst", "yes", (), Usage(1200, 34), "stop", 0.0123),
    )
    assert "Analyst waits for requests_per_minute of openai\n" in text
    assert (
        "openai/gpt replies to Analyst after 4.0 s · 1,200 + 34 tokens · $0.0123 · "
        "2.5 s of it waiting for requests_per_minute of openai\n"
    ) in text


def test_a_retry_says_whose_it_is_though_its_event_does_not() -> None:
    text = told(
        events.LLMCallStarted("r", CALL, 1.0, 0, "openai/gpt", "Analyst", Request(())),
        events.LLMCallRetried("r", CALL, 1.5, 0, "openai/gpt", 1, 2.0, "429: slow down"),
    )
    assert "↻ Analyst tries openai/gpt again in 2.0 s: attempt 1 failed: 429: slow down\n" in text


def test_a_thought_beside_calls_of_tools_is_shown_and_an_answer_only_once() -> None:
    calls = (ToolCall("1", "search", "{}"),)
    reply = events.LLMCallCompleted("r", CALL, 5.0, 0, "gpt", "Analyst", "Let me look.", calls, Usage(), "tool_calls")
    assert "Let me look." in told(reply)
    assert "Let me look." not in told(msgspec.structs.replace(reply, calls=()))


def test_the_end_of_a_run_sums_up_its_calls() -> None:
    reply = events.LLMCallCompleted("r", CALL, 5.0, 0, "gpt", "Analyst", "", (), Usage(1000, 200), "stop", 0.5)
    unpriced = msgspec.structs.replace(reply, cost_usd=None)
    start = events.CrewKickoffStarted("r", ROOT, 0.0, 0, "crew", None)
    end = events.CrewKickoffCompleted("r", ROOT, 61.0, 0, "crew", "out")
    assert told(start, reply, reply, end).endswith("crew done in 1 min 01 s · 2 calls · 2,400 tokens · $1.0000\n")
    assert told(start, reply, unpriced, end).endswith("2,400 tokens · at least $0.5000\n")
    assert told(start, unpriced, end).endswith("1 call · 1,200 tokens\n")


def test_an_error_is_told_in_full_once_and_in_short_where_it_is_passed_on() -> None:
    error = "ProviderError: " + "why " * 200
    text = told(
        events.LLMCallFailed("r", CALL, 1.0, 0, "gpt", "Analyst", error),
        events.TaskFailed("r", TASK, 1.0, 0, "Find out", "Analyst", error),
        events.CrewKickoffFailed("r", ROOT, 1.0, 0, "crew", error),
    )
    assert text.count(error.strip()) == 1
    assert "crew failed at task 'Find out' of Analyst: ProviderError: why" in text


def test_an_answer_of_several_lines_stands_below_its_head() -> None:
    text = told(events.TaskCompleted("r", TASK, 1.0, 0, "Find out", "Analyst", "# Bees\n\n- one"))
    assert text.split("\n")[:4] == [
        "crew #1 │ ✓ Analyst answers:",
        "crew #1 │   # Bees",
        "crew #1 │",
        "crew #1 │   - one",
    ]


def test_a_task_is_named_with_its_inputs_filled_in() -> None:
    text = told(
        events.CrewKickoffStarted("r", ROOT, 0.0, 0, "crew", {"topic": "\x1bbees", "all": ["x"]}),
        events.TaskStarted("r", TASK, 0.0, 0, "Find {topic} of {all} in {place}", "Analyst"),
    )
    assert r"topic='\x1bbees', all=<list>" in text
    assert "Analyst starts: Find \\x1bbees of {all} in {place}" in text


@pytest.mark.parametrize(
    ("role", "name", "fits"),
    [
        ("Analyst", "Analyst", True),
        ("Analyst", "Analyst of bees", False),
        ("{topic} analyst", "bees analyst", True),
        ("{topic} analyst ", "bees analyst", True),
        ("{topic} (a+b)", "bees (a+b)", True),
        ('{"json": 1}', '{"json": 1}', True),
    ],
)
def test_a_role_fits_the_agents_that_came_of_it(role: str, name: str, fits: bool) -> None:
    assert bool(matching(role).fullmatch(name)) == fits
