"""Telling the callbacks of an LLM of a call that was completed, as LiteLLM would."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from aiocrew.aio.functions import call_function, name_of
from aiocrew.errors import BlueprintError, CallbackError
from aiocrew.models.message_dicts import dict_of_call, dicts_of_messages
from aiocrew.types.messages import Reply, Request
from aiocrew.types.usage import Usage

__all__ = ["Fields", "checked_callbacks", "tell_callbacks"]

_PLAIN, _ASYNC = "log_success_event", "async_log_success_event"


class Fields(dict[str, Any]):
    """A dict whose fields can be read as attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r}; there are {', '.join(self)}") from None


def checked_callbacks(callbacks: Sequence[Any]) -> list[Any]:
    """Return `callbacks` as a list; BlueprintError for one that cannot be told anything."""
    for callback in callbacks:
        if _method(callback) is None:
            raise BlueprintError(
                f"callbacks= of an LLM takes functions of (kwargs, completion_response, start_time, end_time), and "
                f"objects with log_success_event or async_log_success_event; this is a {type(callback).__name__}"
            )
    return list(callbacks)


async def tell_callbacks(
    callbacks: Sequence[Any], request: Request, reply: Reply, model_name: str, started_s: float, ended_s: float
) -> None:
    """Call each of `callbacks` with what was asked and answered, one after another; plain ones run in a thread.

    They get (kwargs, completion_response, start_time, end_time); a function of one parameter gets the response alone.
    `started_s` and `ended_s` are seconds since the epoch, which they get as datetimes of the local zone. Raises
    CallbackError, which names the callback; those that follow are not called then.
    """
    if not callbacks:
        return
    told = (
        Fields(model=model_name, messages=dicts_of_messages(request.messages)),
        _response(reply, model_name),
        datetime.fromtimestamp(started_s),
        datetime.fromtimestamp(ended_s),
    )
    for callback in callbacks:
        await _tell(callback, told)


async def _tell(callback: Any, told: tuple[Any, ...]) -> None:
    function = _method(callback)
    if function is None:
        raise BlueprintError(f"{type(callback).__name__} is no callback of an LLM: it cannot be called")
    name = name_of(function)
    try:
        await call_function(function, *(told if _takes_all(function, told) else told[1:2]))
    except (Exception, SystemExit) as error:
        raise CallbackError(f"callback {name} raised {error!r}", callback=name) from error


def _method(callback: Any) -> Callable[..., Any] | None:
    """Return what is to be called; where an object has both methods, the one that is nearer to its class."""
    for kind in type(callback).__mro__:
        for name in (_ASYNC, _PLAIN):
            if name in vars(kind):
                return getattr(callback, name)
    return callback if callable(callback) and not isinstance(callback, type) else None


def _takes_all(function: Callable[..., Any], told: tuple[Any, ...]) -> bool:
    try:
        inspect.signature(function).bind(*told)
    except TypeError:
        return False
    except ValueError:  # written in C: it has no signature
        return True
    return True


def _response(reply: Reply, model_name: str) -> Fields:
    calls = [dict_of_call(call) for call in reply.calls]
    message = Fields(role="assistant", content=reply.text, tool_calls=[_deep(call) for call in calls] or None)
    choice = Fields(index=0, finish_reason=reply.finish_reason, message=message)
    return Fields(
        id=reply.id,
        object="chat.completion",
        model=reply.model or model_name,
        choices=[choice],
        usage=_usage(reply.usage),
    )


def _deep(call: dict[str, Any]) -> Fields:
    return Fields(call | {"function": Fields(call["function"])})


def _usage(usage: Usage) -> Fields:
    return Fields(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        cache_creation_input_tokens=usage.cache_creation_tokens,
        prompt_tokens_details=Fields(cached_tokens=usage.cached_prompt_tokens),
        completion_tokens_details=Fields(reasoning_tokens=usage.reasoning_tokens),
    )
