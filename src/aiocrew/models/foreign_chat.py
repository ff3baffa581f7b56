"""Models with LangChain's protocol: objects that answer by `invoke` or `ainvoke`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any, Self, cast
from weakref import ReferenceType, ref

import msgspec

from aiocrew.aio.functions import call_function
from aiocrew.models.foreign_base import ForeignModel
from aiocrew.models.foreign_replies import PARTS, reply_from
from aiocrew.models.json_values import as_fields, as_items
from aiocrew.models.message_dicts import dicts_of_messages, dicts_of_tools
from aiocrew.types.messages import Assistant, Message, Reply, Request

__all__ = ["ChatObject", "LoopHome", "awaits"]

_IN_THREADS = frozenset(
    {
        "Runnable.ainvoke",
        "BaseChatModel._agenerate",
        "SimpleChatModel._agenerate",
        "BaseLLM._agenerate",
        "LLM._acall",
        "BaseTool._arun",
    }
)
"""LangChain's methods that run their synchronous twins on asyncio's default executor: cpu + 4 threads for everybody."""


class LoopHome:
    """The one event loop in which LangChain's models are awaited: the first that asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._home: ReferenceType[asyncio.AbstractEventLoop] | None = None

    def is_here(self) -> bool:
        """Return whether the running loop is the one. It stays the one when it is closed, so that there is no other."""
        running = asyncio.get_running_loop()
        with self._lock:
            self._home = self._home or ref(running)
            return self._home() is running

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> str:
        return "_HOME"  # that of the process that it comes to


_HOME = LoopHome()


class ChatObject(ForeignModel):
    """An object with `invoke` or `ainvoke`, as a Model.

    One that cannot truly await is invoked in a thread of our pool, and so is one of LangChain's in a second event loop.
    It has native tool calls if it has a `bind_tools` of its own; else tools are described in the text. Usage, refusals
    and what it thought are read from its messages.
    """

    def __init__(self, original: Any, home: LoopHome = _HOME) -> None:
        super().__init__(original, "auto" if _binds_tools(original) else "text")
        self._awaits = awaits(original)
        # LangChain's objects share asynchronous clients, and these keep connections, which belong to the loop that
        # opened them: in another one they fail with "Event loop is closed". Each kickoff() has a loop of its own.
        self._home = home if _is_langchains(original) and callable(getattr(original, "invoke", None)) else None

    @classmethod
    def around(cls, original: Any) -> Self | None:
        """Return the model around an object that has this protocol, or None."""
        has_it = any(callable(getattr(original, name, None)) for name in ("invoke", "ainvoke"))
        return cls(original) if has_it else None

    async def reply(self, request: Request) -> Reply:
        self.leave()
        asked: Any = self.original
        if request.tools and self.tool_protocol != "text":
            # "any" is LangChain's word for a call that must be; none has every model understand "none".
            choice = {"tool_choice": "any"} if request.tool_choice == "required" else {}
            asked = _with_tools(asked, dicts_of_tools(request.tools), choice)
        awaited = self._awaits and (self._home is None or self._home.is_here())
        method = getattr(asked, "ainvoke" if awaited else "invoke")
        return reply_from(await call_function(method, _messages(request.messages)))


def awaits(original: Any) -> bool:
    """Return whether an object of LangChain's does its work on the event loop when it is awaited."""
    if not callable(getattr(original, "ainvoke", None)):
        return False
    if _is_langchains(original) and not all(map(awaits, _inside(original))):
        return False
    kind = cast("type[Any]", type(original))
    methods = (getattr(kind, name, None) for name in ("ainvoke", "_agenerate", "_acall", "_arun"))
    by_thread = any(
        getattr(method, "__qualname__", "") in _IN_THREADS and method.__module__.startswith("langchain")
        for method in methods
    )
    return not (by_thread and callable(getattr(original, "invoke", None)))


def _inside(runnable: Any) -> list[Any]:
    """Return what a binding, a model with fallbacks or a chain of LangChain's hands its work on to."""
    one = [inner for name in ("bound", "runnable") if (inner := getattr(runnable, name, None)) is not None]
    several = [inner for name in ("fallbacks", "steps") for inner in as_items(getattr(runnable, name, None))]
    return [*one, *several]


def _is_langchains(original: Any) -> bool:
    return any(kind.__module__.startswith("langchain") for kind in type(original).__mro__)


def _binds_tools(original: Any) -> bool:
    method = getattr(original, "bind_tools", None)
    # That of LangChain's base only says that there is none.
    return callable(method) and getattr(method, "__qualname__", "") != "BaseChatModel.bind_tools"


def _with_tools(asked: Any, tools: list[dict[str, Any]], choice: dict[str, Any]) -> Any:
    bound = asked.bind_tools(tools, **choice)
    before, now = as_fields(getattr(asked, "kwargs", None)), as_fields(getattr(bound, "kwargs", None))
    if getattr(asked, "bound", None) is None or not now:
        return bound
    # A binding hands bind_tools on to what it binds, and what was bound before is lost.
    lost = {name: value for name, value in before.items() if name not in now}
    return bound.bind(**lost).with_config(getattr(asked, "config", None))


def _messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [_dict_of(message) for message in messages]


def _dict_of(message: Message) -> dict[str, Any]:
    [said] = dicts_of_messages((message,))
    if isinstance(message, Assistant):
        if PARTS in message.opaque:
            parts: list[Any] = msgspec.json.decode(message.opaque[PARTS])
            said["content"] = [*parts, {"type": "text", "text": message.text}] if message.text else parts
        if message.calls:
            said["tool_calls"] = [
                {"name": call.name, "args": _arguments(call.arguments), "id": call.id, "type": "tool_call"}
                for call in message.calls
            ]
    return said


def _arguments(text: str) -> dict[str, Any]:
    """Return a call's arguments; none where they were no JSON object, which its result says."""
    try:
        return as_fields(msgspec.json.decode(text))
    except msgspec.DecodeError:
        return {}
