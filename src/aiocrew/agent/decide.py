"""What follows a reply. Pure: a table of cases covers it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from aiocrew.agent.answer import Answer, AnswerForm
from aiocrew.agent.text_protocol import FinalAnswer, TextAction, Unreadable, in_protocol, read_reply
from aiocrew.models.endpoint import ToolProtocol
from aiocrew.tools.toolbox import Toolbox
from aiocrew.types.messages import Reply, ToolCall

__all__ = ["CallTools", "Finish", "NextStep", "Refuse", "Repair", "Turn", "next_step", "shaped"]


class Turn(msgspec.Struct, frozen=True):
    """What the agent may do with a reply."""

    toolbox: Toolbox
    protocol: ToolProtocol
    closing: bool = False
    """The last turn: tools are over, whatever was said is the answer."""
    form: AnswerForm | None = None


class Finish(msgspec.Struct, frozen=True, gc=False):
    thought: str
    answer: Answer


class CallTools(msgspec.Struct, frozen=True, gc=False):
    thought: str
    calls: tuple[ToolCall, ...]
    in_text: bool = False
    """The model asked in the text protocol, so it is told the result in text."""


class Repair(msgspec.Struct, frozen=True, gc=False):
    problem: str
    said: str = ""
    """The answer that does not have its form; empty where the reply was no answer at all."""


class Refuse(msgspec.Struct, frozen=True, gc=False):
    refusal: str


NextStep: TypeAlias = Finish | CallTools | Repair | Refuse


def next_step(turn: Turn, reply: Reply) -> NextStep:
    """Choose what follows `reply`."""
    text = reply.text.strip()
    if reply.refusal or (reply.finish_reason == "content_filter" and not text):
        return Refuse(reply.refusal or "the provider's content filter stopped the reply")
    if reply.calls:
        given = _answer_call(turn, reply.calls)
        if given is not None:
            return shaped(turn.form, text, given.arguments)
        if not turn.closing:
            return CallTools(text, reply.calls)
    if not text:
        return Repair(_why_empty(reply))
    if turn.protocol == "native" or (turn.protocol == "auto" and not in_protocol(text)):
        return shaped(turn.form, "", text)
    return _read_text(turn, text)


def shaped(form: AnswerForm | None, thought: str, text: str) -> Finish | Repair:
    """Return `text` as the answer; where it does not have the form that was asked for, what is wrong with it."""
    if form is None or form.converter is not None:
        return Finish(thought, Answer(text))
    from aiocrew.models.answers import AnswerProblem, read_answer  # most answers are text, and never need it

    read = read_answer(form.cls, text)
    if isinstance(read, AnswerProblem):
        return Repair(read.text, text)
    return Finish(thought, Answer(text, read))


def _answer_call(turn: Turn, calls: tuple[ToolCall, ...]) -> ToolCall | None:
    """Return the call that is the answer itself, in the form's name, for models that answer by calling a tool."""
    if turn.form is None:
        return None
    return next((call for call in calls if call.name == turn.form.spec.name), None)


def _why_empty(reply: Reply) -> str:
    if reply.finish_reason == "length":
        return "it ended at the limit of tokens before any answer (raise max_tokens)"
    return "it asks for tools, which are over" if reply.calls else "it is empty"


def _read_text(turn: Turn, text: str) -> NextStep:
    match read_reply(text):
        case FinalAnswer(thought=thought, answer=answer) if answer:
            return shaped(turn.form, thought, answer)
        case TextAction(tool=tool) as action if turn.protocol == "text" or turn.toolbox.find(tool):
            if turn.closing:
                return Repair("it asks for a tool, which are over")
            return CallTools(action.thought, (ToolCall("text-0", tool, action.arguments),), in_text=True)
        case Unreadable(problem=problem) if turn.protocol == "text" and turn.toolbox.specs and not turn.closing:
            return Repair(problem)
        case _:
            return shaped(turn.form, "", text)
