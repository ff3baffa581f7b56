"""One call of a model outside of any crew: what LLM.call does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from aiocrew.aio.functions import call_function
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import BlueprintError, ModelRefusedError
from aiocrew.models.answering import answer_in_form
from aiocrew.models.call_callbacks import checked_callbacks, tell_callbacks
from aiocrew.models.conversation import messages_from, tools_from
from aiocrew.models.inner_calls import inner_counter
from aiocrew.models.json_values import as_fields
from aiocrew.models.resolved import ResolvedModel
from aiocrew.types.messages import Message, Reply, Request, ToolCall, ToolSpec

__all__ = ["call_directly"]


async def call_directly(
    model: ResolvedModel,
    messages: str | Sequence[Message | Mapping[str, Any]],
    tools: Sequence[ToolSpec | Mapping[str, Any]] | None,
    callbacks: Sequence[Any] | None,
    functions: Mapping[str, Callable[..., Any]] | None,
    form: type[BaseModel] | None,
) -> str | BaseModel:
    """Return what `model` answers: a text, or an instance of `form`; see LLM.acall for calls, callbacks and errors."""
    request = Request(messages_from(messages), tools_from(tools))
    told = (*model.callbacks, *checked_callbacks((*(callbacks or ()), *inner_counter())))
    wall_s = local_runtime().clock.wall_s

    async def ask(request: Request) -> Reply:
        started_s = wall_s()
        reply = await model.model.reply(request)
        await tell_callbacks(told, request, reply, model.name, started_s, wall_s())
        if reply.refusal and not reply.text:
            raise ModelRefusedError(f"{model.name} declined to answer: {reply.refusal}", refusal=reply.refusal)
        return reply

    answer = await (ask(request) if form is None else answer_in_form(model, request, form, ask))
    return answer if isinstance(answer, BaseModel) else await _said(answer, functions or {})


async def _said(reply: Reply, functions: Mapping[str, Callable[..., Any]]) -> str:
    for call in reply.calls:
        if call.name in functions:
            return await _result(call, functions[call.name])
    if not reply.calls:
        return reply.text
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.calls]
    return msgspec.json.encode(calls).decode()


async def _result(call: ToolCall, function: Callable[..., Any]) -> str:
    try:
        arguments = as_fields(msgspec.json.decode(call.arguments))
    except msgspec.DecodeError as error:
        raise BlueprintError(f"the model called {call.name!r} with arguments that are not JSON: {error}") from error
    return str(await call_function(lambda: function(**arguments)))
