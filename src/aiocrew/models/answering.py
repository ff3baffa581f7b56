"""Asking a model for an answer in a form: where it is not in that form, the model is told so and asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from pydantic import BaseModel

from aiocrew.errors import UnusableReplyError
from aiocrew.models.answers import AnswerProblem, answer_spec, named_apart, read_answer, tells_form
from aiocrew.models.resolved import ResolvedModel
from aiocrew.types.messages import AnswerSpec, Assistant, Message, Reply, Request, User

__all__ = ["answer_in_form"]

M = TypeVar("M", bound=BaseModel)

_REPAIRS = 2


async def answer_in_form(
    model: ResolvedModel, request: Request, cls: type[M], ask: Callable[[Request], Awaitable[Reply]]
) -> M | Reply:
    """Return the `cls` that `model` answers, or its reply where that calls one of the request's tools.

    `ask` carries out one call. Raises UnusableReplyError after two corrections that did not help, and BlueprintError
    for a class that cannot be the form of an answer.
    """
    spec = named_apart(answer_spec(cls), request.tools)
    if model.tool_protocol != "text":
        request = msgspec.structs.replace(request, answer=spec)
    if not tells_form(model):
        request = _told(request, (), _form_words(spec))
    problem = ""
    for _ in range(1 + _REPAIRS):
        reply = await ask(request)
        call = next((call for call in reply.calls if call.name == spec.name), None)
        if call is None and reply.calls:
            return reply
        text = reply.text if call is None else call.arguments
        answer = read_answer(cls, text)
        if not isinstance(answer, AnswerProblem):
            return answer
        cut = "it ended at the limit of tokens (raise max_tokens): " if reply.finish_reason == "length" else ""
        problem = f"{cut}{answer.text}"
        said = (Assistant(text),) if text.strip() else ()  # providers refuse an empty message
        request = _told(request, said, f"Your last reply could not be used: {problem}\n\n{_form_words(spec)}")
    raise UnusableReplyError(f"{model.name} gave no {cls.__name__} in {1 + _REPAIRS} replies; the last one: {problem}")


def _form_words(spec: AnswerSpec) -> str:
    return f"The answer must be one JSON object of this schema:\n{bytes(spec.schema).decode()}"


def _told(request: Request, said: tuple[Message, ...], words: str) -> Request:
    """Return the request with `said` and then `words` at its end; no user speaks twice in a row."""
    messages = (*request.messages, *said)
    last = messages[-1] if messages else None
    if isinstance(last, User):
        messages, words = messages[:-1], f"{last.text}\n\n{words}"
    return msgspec.structs.replace(request, messages=(*messages, User(words)))
