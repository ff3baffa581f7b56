"""Tool calls in plain text, as models really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.text_protocol import FinalAnswer, TextAction, Unreadable, read_reply, without_results


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'Thought: look it up\nAction: search\nAction Input: {"q": "x"}',
            TextAction("look it up", "search", '{"q": "x"}'),
        ),
        (
            'Thought: a\n\nAction: search  \nAction Input: {"q": "x"}\nObservation: made up\nFinal Answer: wrong',
            TextAction("a", "search", '{"q": "x"}'),
        ),
        (
            '**Action:** `search`\n**Action Input:** ```json\n{"q": 1}\n```',
            TextAction("", "search", '{"q": 1}'),
        ),
        (
            "Observation: 12\nThought: on\nAction: a\nAction Input: {}\nObservation: made up",
            TextAction("Observation: 12\nThought: on", "a", "{}"),
        ),
        ("# Thought:\nfound\n\n# Final Answer:\nit is 42", FinalAnswer("# Thought:\nfound", "it is 42")),
        ("Final Answer: seen\nObservation: kept", FinalAnswer("", "seen\nObservation: kept")),
        ("Thought: done\nFinal Answer: 42", FinalAnswer("done", "42")),
        (
            "I now can give a great answer  \nFinal Answer: one\ntwo",
            FinalAnswer("I now can give a great answer", "one\ntwo"),
        ),
        ("Thought: I know. Final Answer: 42", FinalAnswer("", "42")),
        (
            'Action: a\nAction Input: {"x": 1}\n\nFinal Answer: too soon',
            TextAction("", "a", '{"x": 1}'),
        ),
        ("Final Answer: first\nAction: a\nAction Input: {}", FinalAnswer("", "first\nAction: a\nAction Input: {}")),
        ('Thought: x\nAction: [search]\nAction Input: {"a":\n 1}', TextAction("x", "search", '{"a":\n 1}')),
    ],
)
def test_forms(text, expected):
    assert read_reply(text) == expected


def test_what_is_missing_is_said():
    assert "Action Input" in read_reply("Action: search").problem
    assert isinstance(read_reply("just prose"), Unreadable)


def test_results_that_the_model_made_up_are_cut():
    assert without_results("Action: a\nAction Input: {}\nObservation: lies") == "Action: a\nAction Input: {}"


@given(st.text())
def test_any_text_is_read(text):
    read_reply(text)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_an_answer_comes_back_whole(answer):
    read = read_reply(f"Final Answer: {answer}")
    assert isinstance(read, FinalAnswer)
    assert read.answer == answer.strip() or answer[:1] in "* \t"


@pytest.mark.parametrize("run", ["* ", " ", "*", "\t", "[", "\n "])
def test_a_long_degenerate_reply_is_read_at_once(run):
    # A pattern that is worse than linear would not end within the time that a test has.
    read_reply(f"Action: {run * 40_000}x\nfinal answer\nAction Input{run * 40_000}")
    read_reply(f"Thought{run * 40_000}: {run * 40_000} final answer")
