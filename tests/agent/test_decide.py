"""What follows a reply: a table of cases."""

from __future__ import annotations

import pytest

from aiocrew.agent.answer import Answer
from aiocrew.agent.decide import CallTools, Finish, Refuse, Repair, Turn, next_step
from aiocrew.tools.decorator import tool
from aiocrew.tools.toolbox import make_toolbox
from aiocrew.types.messages import Reply, ToolCall


@tool("Search the web")
async def search(query: str) -> str:
    """Search."""
    return query


TOOLS, NO_TOOLS = make_toolbox([search]), make_toolbox([])
CALL = ToolCall("1", "search_the_web", "{}")
ACTION = "Thought: look\nAction: Search the web\nAction Input: {}"
OTHER_ACTION = "Thought: look\nAction: fly\nAction Input: {}"
FINAL = "Thought: done\nFinal Answer: 42"


@pytest.mark.parametrize(
    ("turn", "reply", "expected"),
    [
        (Turn(TOOLS, "auto"), Reply("hello"), Finish("", Answer("hello"))),
        (Turn(TOOLS, "auto"), Reply("so", (CALL,)), CallTools("so", (CALL,))),
        (Turn(TOOLS, "native"), Reply("", (CALL,)), CallTools("", (CALL,))),
        (Turn(TOOLS, "auto"), Reply(ACTION), CallTools("look", (ToolCall("text-0", "Search the web", "{}"),), True)),
        (Turn(TOOLS, "native"), Reply(ACTION), Finish("", Answer(ACTION))),
        (Turn(TOOLS, "auto"), Reply(OTHER_ACTION), Finish("", Answer(OTHER_ACTION))),
        (Turn(TOOLS, "text"), Reply(OTHER_ACTION), CallTools("look", (ToolCall("text-0", "fly", "{}"),), True)),
        (Turn(NO_TOOLS, "auto"), Reply(FINAL), Finish("done", Answer("42"))),
        (Turn(NO_TOOLS, "native"), Reply(FINAL), Finish("", Answer(FINAL))),
        (Turn(NO_TOOLS, "text"), Reply("prose"), Finish("", Answer("prose"))),
        (Turn(TOOLS, "auto", closing=True), Reply("best", (CALL,)), Finish("", Answer("best"))),
        (Turn(TOOLS, "text", closing=True), Reply("prose"), Finish("", Answer("prose"))),
        (Turn(NO_TOOLS, "auto"), Reply("", refusal="no"), Refuse("no")),
        (Turn(NO_TOOLS, "auto"), Reply("part", finish_reason="length"), Finish("", Answer("part"))),
        (Turn(NO_TOOLS, "auto"), Reply("part", finish_reason="content_filter"), Finish("", Answer("part"))),
    ],
)
def test_next_step(turn, reply, expected):
    assert next_step(turn, reply) == expected


@pytest.mark.parametrize(
    ("turn", "reply", "problem"),
    [
        (Turn(NO_TOOLS, "auto"), Reply("  "), "it is empty"),
        (Turn(NO_TOOLS, "auto"), Reply("", finish_reason="length"), "max_tokens"),
        (Turn(TOOLS, "text"), Reply("prose"), "neither"),
        (Turn(TOOLS, "text"), Reply("Action: search"), "Action Input"),
        (Turn(TOOLS, "auto", closing=True), Reply("", (CALL,)), "are over"),
        (Turn(TOOLS, "text", closing=True), Reply(ACTION), "are over"),
    ],
)
def test_repairs_say_what_is_wrong(turn, reply, problem):
    step = next_step(turn, reply)
    assert isinstance(step, Repair)
    assert problem in step.problem


def test_a_content_filter_without_text_is_a_refusal():
    assert isinstance(next_step(Turn(NO_TOOLS, "auto"), Reply("", finish_reason="content_filter")), Refuse)
