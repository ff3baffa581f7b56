"""What an agent's model is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aiocrew.agent import text_protocol
from aiocrew.agent.answer import ANYTHING, AnswerRules
from aiocrew.types.messages import AnswerSpec, Message, System, ToolSpec, User

__all__ = [
    "Assignment",
    "Persona",
    "Templates",
    "closing_words",
    "correction",
    "feedback_words",
    "form_words",
    "opening",
    "rejection",
    "task_words",
]

_SYSTEM, _PROMPT, _RESPONSE = "{{ .System }}", "{{ .Prompt }}", "{{ .Response }}"


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """A task as its agent is given it."""

    description: str
    expected_output: str
    context: tuple[str, ...] = ()
    """Outputs of earlier tasks, in order of position."""
    rules: AnswerRules = ANYTHING
    markdown: bool = False
    talk: tuple[Message, ...] = ()
    """A conversation to go on with, in place of a task."""


class Templates(msgspec.Struct, frozen=True, gc=False):
    """How a model wants its prompt written, where it is not by messages."""

    system: str | None = None
    prompt: str | None = None
    response: str | None = None

    @property
    def end(self) -> str:
        """What marks the end of a reply; may be empty."""
        return (self.response or "").partition(_RESPONSE)[2].strip()


class Persona(msgspec.Struct, frozen=True, gc=False):
    """Who the model is to be."""

    role: str
    goal: str
    backstory: str
    templates: Templates | None = None


def opening(
    persona: Persona,
    assignment: Assignment,
    text_tools: Sequence[ToolSpec],
    *,
    use_system_prompt: bool,
    form: AnswerSpec | None = None,
) -> list[Message]:
    """Return the first messages: who the model is, and its task. The description stands verbatim, ending its line.

    `text_tools` are described in the text, for a model that calls tools in the text protocol, and so is `form`, for one
    that can be told the form of its answer in no other way.
    """
    who = f"You are {persona.role}.\n{persona.backstory}\n\nYour goal: {persona.goal}"
    if text_tools:
        who = f"{who}\n\n{text_protocol.instructions(text_tools)}"
    if assignment.talk:
        who, said = _talk(who, assignment.talk, form)
    else:
        said = [User(task_words(assignment, form))]
    if persona.templates is not None:
        return _by_templates(persona.templates, who, said, use_system_prompt=use_system_prompt)
    return _beginning(who, said, use_system_prompt=use_system_prompt)


def task_words(assignment: Assignment, form: AnswerSpec | None = None) -> str:
    """Return the task as a model is told it."""
    parts = [f"Your task: {assignment.description}\n"]
    if assignment.expected_output:
        parts.append(f"The answer must be: {assignment.expected_output}\n")
    if assignment.context:
        parts.append("What is known so far:\n" + "\n\n".join(assignment.context) + "\n")
    if form is not None:
        parts.append(f"{form_words(form)}\n")
    elif assignment.markdown:
        parts.append("Write the answer in Markdown, without a code fence around the whole of it.\n")
    parts.append("Reply with the complete answer itself; it is used as it stands.")
    return "\n".join(parts)


def form_words(form: AnswerSpec) -> str:
    """Return how a text tells a model the form of its answer."""
    return f"The answer must be one JSON object of this schema:\n{bytes(form.schema).decode()}"


def _talk(who: str, talk: Sequence[Message], form: AnswerSpec | None) -> tuple[str, list[Message]]:
    """Return the words of the system for a conversation, and what was said in it besides."""
    words = [message.text.removeprefix(who).strip() for message in talk if isinstance(message, System)]
    if form is not None:
        words.append(form_words(form))
    # Each once: a conversation that this agent gave is welcome again, with one more question at its end.
    system = "\n\n".join(dict.fromkeys([who, *filter(None, words)]))
    return system, [message for message in talk if not isinstance(message, System)]


def _beginning(who: str, said: Sequence[Message], *, use_system_prompt: bool) -> list[Message]:
    if use_system_prompt:
        return [System(who), *said]
    if said and isinstance(said[0], User):
        first = said[0].text
        return [User(first if first.startswith(who) else f"{who}\n\n{first}"), *said[1:]]
    return [User(who), *said]


def _by_templates(templates: Templates, who: str, said: Sequence[Message], *, use_system_prompt: bool) -> list[Message]:
    """Return the first messages in the words of the templates; the last one, where it is the user's, is the prompt."""
    system = who if templates.system is None else templates.system.replace(_SYSTEM, who)
    start = (templates.response or "").partition(_RESPONSE)[0]
    if not said or not isinstance(said[-1], User):
        return _beginning(system, said, use_system_prompt=use_system_prompt)
    *earlier, last = said
    prompt = last.text if templates.prompt is None else templates.prompt.replace(_PROMPT, last.text)
    if templates.system is not None and templates.prompt is not None and not earlier:
        # The templates write the whole conversation, turns and all: it is one text.
        return [User("\n".join(part for part in (system, prompt, start) if part))]
    prompt = f"{prompt}\n{start}" if start else prompt
    return _beginning(system, [*earlier, User(prompt)], use_system_prompt=use_system_prompt)


def correction(problem: str, form: AnswerSpec | None = None) -> User:
    """Return what the model is told after a reply that cannot be used."""
    if form is None:
        return User(f"Your last reply could not be used: {problem}. Reply again.")
    return User(f"Your last reply could not be used: {problem}\n\n{form_words(form)}\n\nReply again, with that alone.")


def rejection(reason: str) -> User:
    """Return what the model is told when a guardrail rejected its answer."""
    return User(f"Your answer was checked and not accepted: {reason}\nGive a new, complete answer that mends this.")


def feedback_words(feedback: str) -> User:
    """Return what the model is told when a human asked for something else."""
    return User(f"A person read your answer and says: {feedback}\nGive a new, complete answer that heeds this.")


def closing_words() -> User:
    """Return what the model is told when it may use no more tools."""
    return User("No more tool calls are possible. Give your best complete answer now, from what you know so far.")
