"""Tool calls in plain text, for models that have no native ones. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from aiocrew.types.messages import ToolSpec

__all__ = [
    "FinalAnswer",
    "TextAction",
    "Unreadable",
    "in_protocol",
    "instructions",
    "observation",
    "read_reply",
    "without_results",
]

# Possessive throughout: a run of stars and blanks must not make the reading of one reply cubic in its length.
_ACTION = re.compile(
    r"^[ \t*]*+Action[ \t*]*+:(?P<tool>[^\n]*+)\n\s*+[*]*+Action Input[ \t*]*+:[ \t*]*+(?P<input>.*+)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_LONE_ACTION = re.compile(r"^[ \t*]*+Action[ \t*]*+:(?P<tool>[^\n]++)", re.MULTILINE | re.IGNORECASE)
_FINAL = re.compile(r"^[ \t*#]*+Final Answer[ \t*]*+:[ \t*]*+(?P<answer>.*+)", re.DOTALL | re.MULTILINE | re.IGNORECASE)
# A model that thinks aloud may put both on one line.
_FINAL_INLINE = re.compile(r"^\s*+Thought\s*+:.*?Final Answer\s*+:\s*+(?P<answer>.*+)", re.DOTALL | re.IGNORECASE)
_INPUT = re.compile(r"^[ \t*]*+Action Input[ \t*]*+:", re.MULTILINE | re.IGNORECASE)
_OBSERVATION = re.compile(r"^[ \t*]*+Observation[ \t*]*+:", re.MULTILINE | re.IGNORECASE)
_FENCE = re.compile(r"^```[\w-]*\n(?P<inside>.*?)\n?```\s*$", re.DOTALL)


class TextAction(msgspec.Struct, frozen=True):
    """The reply asks for a tool."""

    thought: str
    tool: str
    arguments: str


class FinalAnswer(msgspec.Struct, frozen=True):
    """The reply gives the answer."""

    thought: str
    answer: str


class Unreadable(msgspec.Struct, frozen=True):
    """The reply follows neither form; `problem` is what to tell the model."""

    problem: str


def instructions(tools: Iterable[ToolSpec]) -> str:
    """Return what the model must be told to call `tools` in text."""
    offered = "\n".join(
        f"- {tool.name}: {tool.description}\n  arguments (JSON schema): {bytes(tool.parameters).decode()}"
        for tool in tools
    )
    return f"""You can use these tools:
{offered}

To use a tool, write exactly these lines and then stop, because its result comes as the next message:
Thought: why this tool helps now
Action: the name of one tool from the list
Action Input: its arguments as one JSON object

When you have all that the task needs, write instead:
Thought: why the answer is complete
Final Answer: the complete answer"""


def observation(result: str) -> str:
    """Return a tool's result as the model is told it."""
    return f"Observation: {result}"


def without_results(text: str) -> str:
    """Return a reply up to the result that the model made up for its own call."""
    # Only after a call: a reply may also begin by repeating the result that it was given.
    call = _INPUT.search(text)
    made_up = _OBSERVATION.search(text, call.end()) if call else None
    return text[: made_up.start()].rstrip() if made_up else text


def in_protocol(text: str) -> bool:
    """Return whether a reply may be in the text protocol: a cheap look that spares most replies the reading."""
    folded = text.casefold()
    return "action input" in folded or "final answer" in folded


def read_reply(text: str) -> TextAction | FinalAnswer | Unreadable:
    """Tell what a reply in the text protocol asks for. Where it holds several forms the first one counts."""
    said = without_results(text)
    action, final = _ACTION.search(said), _FINAL.search(said) or _FINAL_INLINE.search(said)
    if action and (final is None or action.start() < final.start()):
        arguments = action["input"].strip()
        if final is not None:
            arguments = said[action.start("input") : final.start()].strip()
        return TextAction(_thought(said[: action.start()]), _tool(action["tool"]), _unfenced(arguments))
    if final:
        return FinalAnswer(_thought(said[: final.start()]), final["answer"].strip())
    lone = _LONE_ACTION.search(said)
    if lone:
        return Unreadable(f"'Action: {lone['tool'].strip()}' has no 'Action Input:' line with its arguments as JSON")
    return Unreadable("there is neither an 'Action:' with its 'Action Input:' nor a 'Final Answer:'")


def _thought(before: str) -> str:
    return re.sub(r"^\s*Thought\s*:\s*", "", before, flags=re.IGNORECASE).strip()


def _tool(name: str) -> str:
    return name.strip(" \t*`\"'[]")


def _unfenced(arguments: str) -> str:
    match = _FENCE.match(arguments)
    return match["inside"] if match else arguments
