"""A Request as the body of a chat-completions request. Pure, and on the path of every call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from aiocrew.models.answer_ways import answer_way, response_format_of
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.providers import PROVIDERS
from aiocrew.types.messages import AnswerSpec, Assistant, Message, Request, System, ToolCall, ToolResult, ToolSpec, User

__all__ = ["encode_request"]

_NOTHING_KEPT_BACK: frozenset[str] = frozenset()
_ANSWERING = "Call this with your complete answer once you have all that the task needs."
_encoder = msgspec.json.Encoder()
_arguments_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode_request(
    endpoint: Endpoint, request: Request, *, stream: bool, more: Mapping[str, Any] | None = None
) -> bytes:
    """Return the body that asks `endpoint` for a reply to `request`.

    Opaque fields of earlier replies go back as they came. With `stream` the last chunk is asked to bring the usage.
    `more`: further parameters of this one request. A form of the answer is told in the model's own way, and takes the
    place of a response_format among the endpoint's parameters; a tool that stands for it bears its name, so no other
    tool may.
    """
    provider = PROVIDERS.get(endpoint.provider)
    kept_back = _NOTHING_KEPT_BACK if provider is None else provider.not_sent_back
    body: dict[str, Any] = {
        **endpoint.parameters,
        "model": endpoint.model,
        "messages": [_message(message, kept_back) for message in request.messages],
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = request.tool_choice
    if request.answer is not None:
        _tell_form(body, endpoint, request, request.answer, stream=stream)
    if more:
        body |= more
    if stream:
        body["stream"] = True
        if provider is None or provider.stream_usage:
            body.setdefault("stream_options", {"include_usage": True})
    try:
        return _encoder.encode(body)
    except UnicodeEncodeError:
        # Half a surrogate pair (a file name that is no UTF-8, in a tool's result) is no reason to lose the run.
        return _encoder.encode(_encodable(body))


def _tell_form(body: dict[str, Any], endpoint: Endpoint, request: Request, form: AnswerSpec, *, stream: bool) -> None:
    """Say in `body` that the answer must have this form."""
    body.pop("response_format", None)
    way = answer_way(endpoint)
    due = request.tool_choice != "auto" or not request.tools
    if way == "text":
        if request.tool_choice == "required":
            body["tool_choice"] = "none"
        return
    if (
        way == "schema"
        or (way == "schema_at_last" and due)
        # Groq has no schemas in streams: console.groq.com/docs/structured-outputs.
        or (way == "schema_alone" and not request.tools and not (stream and endpoint.provider == "groq"))
    ):
        # Last, as the tools are: the bounds of a prompt look for it behind the messages.
        body["response_format"] = response_format_of(form)
        if request.tools and due:
            body["tool_choice"] = "none"
        return
    tool = _tool(ToolSpec(form.name, f"{_ANSWERING} {form.description}".rstrip(), form.schema))
    if not due:
        body["tools"].append(tool)
    elif way == "lone_tool":
        body |= {"tools": [tool], "tool_choice": "required"}
    else:
        named = {"type": "function", "function": {"name": form.name}}
        body |= {"tools": [*body.get("tools", ()), tool], "tool_choice": named}


class _Said(msgspec.Struct, gc=False):
    """A message of text alone, on the wire. Most are, and a dict for each would be the collector's to look at."""

    role: str
    content: str


def _message(message: Message, kept_back: frozenset[str]) -> _Said | dict[str, Any]:
    if isinstance(message, User):
        return _Said("user", message.text)
    if isinstance(message, System):
        return _Said("system", message.text)
    if isinstance(message, ToolResult):
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    if isinstance(message, Assistant):  # pyright: ignore[reportUnnecessaryIsInstance] - a further kind must show below
        return _assistant(message, kept_back)
    assert_never(message)


def _assistant(message: Assistant, kept_back: frozenset[str]) -> dict[str, Any]:
    # Null beside calls, as OpenAI does: some servers refuse an empty text, others a null alone.
    wire: dict[str, Any] = {"role": "assistant", "content": message.text or (None if message.calls else "")}
    if message.opaque:
        wire.update((name, value) for name, value in message.opaque.items() if name not in kept_back)
    if message.calls:
        wire["tool_calls"] = [_call(call) for call in message.calls]
    return wire


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": _sound(call.arguments)},
        **call.opaque,
    }


def _sound(arguments: str) -> str:
    """Return arguments that every server takes back: one JSON object."""
    # vLLM and the compatible endpoints of Anthropic and Gemini parse what stands in the transcript and answer 400 when
    # the model wrote broken JSON; the model is told of it by the tool's result, and sees its text here.
    try:
        _arguments_decoder.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return _encoder.encode({"unreadable_arguments": _utf8(arguments)}).decode() if arguments.strip() else "{}"
    return arguments


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, _Said):
        return _Said(value.role, _utf8(value.content))
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
