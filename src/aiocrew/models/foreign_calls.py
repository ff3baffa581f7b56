"""Models with CrewAI's protocol: objects that answer by `call` or `acall`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, cast
from weakref import WeakKeyDictionary

import msgspec

from aiocrew.aio.functions import call_function
from aiocrew.errors import BlueprintError
from aiocrew.models.foreign_base import ForeignModel, nearest
from aiocrew.models.foreign_replies import reply_from
from aiocrew.models.inner_calls import counting_inner_calls
from aiocrew.models.llm import LLM
from aiocrew.models.message_dicts import dicts_of_messages, dicts_of_tools
from aiocrew.models.providers import parse_model
from aiocrew.types.messages import Reply, Request
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = ["CallingModel"]

_EMPTY = inspect.Parameter.empty
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MORE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a `call` is to be called."""

    by_name: bool
    """The messages are given as messages=."""
    takes_tools: bool
    needed: tuple[str, ...]
    """Parameters beside the messages that it cannot do without."""


class CallingModel(ForeignModel):
    """An object with `call` or `acall`, as a Model.

    Where it has both, the one counts that is nearer to its class, and `acall` where one class has both; an `acall` that
    raises NotImplementedError is none. A plain one runs in a thread. It has native tool calls if its
    `supports_function_calling()` says so and it takes `tools`; else tools are described in the text. The object is
    never changed, its `stop` neither.
    """

    def __init__(self, original: Any) -> None:
        self._ways = _ways(original)
        native = _form(original, self._ways[0]).takes_tools and _calls_functions(original)
        super().__init__(original, "auto" if native else "text")
        if isinstance(original, LLM) and original.model:
            self.name = _label(original.model)

    @classmethod
    def around(cls, original: Any) -> Self | None:
        """Return the model around an object that has this protocol, or None.

        Raises BlueprintError for a `call` that takes no messages.
        """
        return cls(original) if nearest(original, ("acall", "call")) else None

    async def reply(self, request: Request) -> Reply:
        self.leave()
        *others, last = self._ways
        for way in others:
            try:
                return await self._ask(way, request)
            except NotImplementedError:  # it is there only to say that there is none
                continue
        return await self._ask(last, request)

    async def _ask(self, way: str, request: Request) -> Reply:
        if not isinstance(self.original, LLM):
            return reply_from(await self._call(way, request))
        with counting_inner_calls() as used:
            reply = reply_from(await self._call(way, request))
        return msgspec.structs.replace(reply, usage=_sum(used))

    async def _call(self, way: str, request: Request) -> Any:
        form = _form(self.original, way)
        messages = dicts_of_messages(request.messages)
        named: dict[str, Any] = dict.fromkeys(form.needed)
        if form.by_name:
            named["messages"] = messages
        if request.tools and form.takes_tools:
            named["tools"] = dicts_of_tools(request.tools)
        positional = () if form.by_name else (messages,)
        return await call_function(partial(getattr(self.original, way), *positional, **named))


def _ways(original: Any) -> tuple[str, ...]:
    """Return the methods to ask by, in their order."""
    first = nearest(original, ("acall", "call"))
    if first == "call" or not callable(getattr(original, "call", None)):
        return (first,)
    # An LLM that overrides `acall` alone has our `call` beside it, which asks somebody else.
    return ("acall",) if getattr(cast("Any", type(original)), "call", None) is LLM.call else ("acall", "call")


def _label(model: str) -> str:
    """Return the model's name as price lists have it, or as it was given."""
    try:
        name = parse_model(model)
    except BlueprintError:
        return model
    return f"{name.prefix}/{name.model}"


def _calls_functions(original: Any) -> bool:
    asked = getattr(original, "supports_function_calling", None)
    return callable(asked) and asked() is True


_FORMS: WeakKeyDictionary[type[Any], dict[str, _Form]] = WeakKeyDictionary()


def _form(original: Any, way: str) -> _Form:
    kind = cast("type[Any]", type(original))
    if not hasattr(kind, way):
        return _read(original, way)
    known = _FORMS.setdefault(kind, {})
    if way not in known:
        known[way] = _read(original, way)
    return known[way]


def _read(original: Any, way: str) -> _Form:
    parameters = list(inspect.signature(getattr(original, way)).parameters.values())
    kinds = {parameter.kind for parameter in parameters}
    first = next((parameter for parameter in parameters if parameter.kind in _BY_POSITION), None)
    others = [parameter for parameter in parameters if parameter is not first]
    names = {parameter.name for parameter in others}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds
    by_name = first is None and inspect.Parameter.VAR_POSITIONAL not in kinds
    if by_name and not takes_any and "messages" not in names:
        raise BlueprintError(f"{type(original).__name__}.{way} takes no messages: write `def {way}(self, messages)`")
    return _Form(
        by_name=by_name,
        takes_tools=takes_any or "tools" in names,
        needed=tuple(
            parameter.name
            for parameter in others
            if parameter.default is _EMPTY and parameter.kind not in _MORE and parameter.name != "messages"
        ),
    )


def _sum(used: list[Usage]) -> Usage:
    total = UsageMetrics.sum_of(used)
    return Usage(
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        cached_prompt_tokens=total.cached_prompt_tokens,
        cache_creation_tokens=total.cache_creation_tokens,
        reasoning_tokens=total.reasoning_tokens,
    )
