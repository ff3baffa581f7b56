"""What is said between an agent and its model, in no provider's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from aiocrew.types.usage import Usage

__all__ = [
    "AnswerSpec",
    "Assistant",
    "Chunk",
    "FinishReason",
    "Message",
    "Reply",
    "Request",
    "Restart",
    "System",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "ToolSpec",
    "User",
]

Opaque: TypeAlias = Mapping[str, msgspec.Raw]


class System(msgspec.Struct, frozen=True, gc=False, tag="system"):
    """Who the model is to be."""

    text: str


class User(msgspec.Struct, frozen=True, gc=False, tag="user"):
    """What it is told."""

    text: str


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A call that the model asks for; `arguments` is the JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str
    opaque: Opaque = {}
    """Fields of the call that only its provider understands; they go back unchanged."""


class Assistant(msgspec.Struct, frozen=True, gc=False, tag="assistant"):
    """What the model said."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    opaque: Opaque = {}
    """Fields of the message that only its provider understands (reasoning, signatures); they go back unchanged."""


class ToolResult(msgspec.Struct, frozen=True, gc=False, tag="tool"):
    """What a call gave, or why it gave nothing."""

    call_id: str
    name: str
    text: str


Message: TypeAlias = System | User | Assistant | ToolResult
ToolChoice: TypeAlias = Literal["auto", "none", "required"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "other"]


class ToolSpec(msgspec.Struct, frozen=True, gc=False):
    """A tool as it is offered to a model: `parameters` is a JSON schema, encoded once."""

    name: str
    description: str
    parameters: msgspec.Raw


class AnswerSpec(msgspec.Struct, frozen=True, gc=False):
    """The form that an answer must have: JSON of a schema.

    A model keeps to it in its own way: by the provider's structured output, by calling a tool of this name, or because
    the text asks for it.
    """

    name: str
    """Of the form, as a tool may be called."""
    description: str
    schema: msgspec.Raw
    """As it was derived, for whoever reads it."""
    strict_schema: msgspec.Raw | None = None
    """As providers with strict schemas want it; None where it cannot be said strictly."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One question to a model: the whole transcript, and the tools that it may call."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    answer: AnswerSpec | None = None
    """The form of the answer; None is plain text."""


class Reply(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The model's answer to one Request."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish_reason: FinishReason = "stop"
    refusal: str = ""
    """What the model said instead of an answer, when it declined."""
    model: str = ""
    """The model that answered, as the provider names it."""
    opaque: Opaque = {}
    id: str = ""
    """As the provider calls this answer; "" where it does not say."""

    def message(self) -> Assistant:
        """Return the reply as it stands in the transcript."""
        return Assistant(self.text, self.calls, self.opaque)


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """A piece of a reply under way."""

    text: str
    reply_id: str = ""
    """The id that the whole Reply will have, as far as it is known by now."""


class Restart(msgspec.Struct, frozen=True, gc=False):
    """A reply under way failed and is asked for again: the chunks before this are void, if there are any."""

    attempt: int
    """The one that begins now, counted from 1."""
