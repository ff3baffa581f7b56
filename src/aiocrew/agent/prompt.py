"""What an agent's model is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aiocrew.agent import text_protocol
from aiocrew.types.messages import Message, System, ToolSpec, User

__all__ = ["Assignment", "Persona", "closing_words", "correction", "opening"]


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """A task as its agent is given it."""

    description: str
    expected_output: str
    context: tuple[str, ...] = ()
    """Outputs of earlier tasks, in order of position."""


class Persona(msgspec.Struct, frozen=True, gc=False):
    """Who the model is to be."""

    role: str
    goal: str
    backstory: str


def opening(
    persona: Persona, assignment: Assignment, text_tools: Sequence[ToolSpec], *, use_system_prompt: bool
) -> list[Message]:
    """Return the first messages: who the model is, and its task. The description stands verbatim, ending its line.

    `text_tools` are described in the text, for a model that calls tools in the text protocol.
    """
    who = f"You are {persona.role}.\n{persona.backstory}\n\nYour goal: {persona.goal}"
    if text_tools:
        who = f"{who}\n\n{text_protocol.instructions(text_tools)}"
    task = _task_text(assignment)
    if use_system_prompt:
        return [System(who), User(task)]
    return [User(f"{who}\n\n{task}")]


def _task_text(assignment: Assignment) -> str:
    parts = [f"Your task: {assignment.description}\n"]
    if assignment.expected_output:
        parts.append(f"The answer must be: {assignment.expected_output}\n")
    if assignment.context:
        parts.append("What earlier tasks gave:\n" + "\n\n".join(assignment.context) + "\n")
    parts.append("Reply with the complete answer itself; it is used as it stands.")
    return "\n".join(parts)


def correction(problem: str) -> User:
    """Return what the model is told after a reply that cannot be used."""
    return User(f"Your last reply could not be used: {problem}. Reply again.")


def closing_words() -> User:
    """Return what the model is told when it may use no more tools."""
    return User("No more tool calls are possible. Give your best complete answer now, from what you know so far.")
