"""The body of a chat-completions reply as a Reply, tolerant of what servers really send. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from aiocrew.errors import InvalidReplyError
from aiocrew.models.json_values import as_fields, as_items, as_text
from aiocrew.models.wire_errors import reported_error
from aiocrew.types.messages import FinishReason, Reply, ToolCall
from aiocrew.types.usage import Usage

__all__ = [
    "CALL_FIELDS",
    "MESSAGE_FIELDS",
    "decode_reply",
    "excerpt",
    "finish_reason",
    "read_usage",
    "repaired",
    "reply_tokens",
    "split_content",
    "unique_ids",
]

_Fields: TypeAlias = dict[str, msgspec.Raw]

_NULL = msgspec.Raw(b"null")

MESSAGE_FIELDS = frozenset({"role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio"})
"""Fields of a message that are read here, or that no server takes back in a transcript."""

CALL_FIELDS = frozenset({"id", "type", "function", "index"})
"""Fields of a tool call that are read here, or that only place it in a stream."""

_EMPTY = (b"null", b'""', b"[]", b"{}")
_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Choice(msgspec.Struct):
    message: _Fields | None = None
    finish_reason: Any = None
    error: Any = None


class _Body(msgspec.Struct):
    id: Any = None
    object: Any = None
    choices: list[_Choice] | None = None
    usage: Any = None
    model: Any = None
    error: Any = None


class _Function(msgspec.Struct):
    name: Any = None
    arguments: msgspec.Raw = _NULL


_body_decoder: msgspec.json.Decoder[_Body | list[_Body]] = msgspec.json.Decoder(_Body | list[_Body])
_function_decoder = msgspec.json.Decoder(_Function)
_items_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_fields_decoder = msgspec.json.Decoder(_Fields)


def decode_reply(body: bytes, *, model: str) -> Reply:
    """Return the reply that a body of status 200 holds; `model` names it in errors.

    Raises InvalidReplyError when the body holds none, or the error that the body reports in its place.
    """
    try:
        return _decode(body, model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return _decode(repaired(body), model)
        except (ValueError, RecursionError):
            fault = f"is malformed: {error}" if isinstance(error, msgspec.ValidationError) else "is not JSON"
            raise InvalidReplyError(f"the reply of {model} {fault}{excerpt(body)}", model=model) from error


def _decode(data: bytes, model: str) -> Reply:
    body = _body_decoder.decode(data)
    if isinstance(body, list):  # Gemini's endpoint wraps its errors so
        body = body[0] if body else _Body()
    choice = body.choices[0] if body.choices else _Choice()
    if body.object == "error":
        raise reported_error(msgspec.json.decode(data), model=model)
    if error := body.error or choice.error:
        raise reported_error(error, model=model)
    if choice.message is None and not as_text(choice.finish_reason):  # Gemini's content filter sends the reason alone
        missing = "message" if body.choices else "choices"
        raise InvalidReplyError(f"the reply of {model} has no {missing}{excerpt(data)}", model=model)
    return _reply(choice.message or {}, choice.finish_reason, body)


def _reply(message: _Fields, reason: Any, body: _Body) -> Reply:
    content = message.get("content", _NULL)
    text, refusal, complete = split_content(msgspec.json.decode(content))
    calls = _calls(message)
    opaque = {
        name: raw.copy() for name, raw in message.items() if name not in MESSAGE_FIELDS and bytes(raw) not in _EMPTY
    }
    if not complete:  # thinking between the texts: the list itself goes back
        opaque["content"] = content.copy()
    return Reply(
        text=text,
        calls=calls,
        usage=read_usage(body.usage),
        finish_reason=finish_reason(reason, calls),
        refusal=_text(message.get("refusal", _NULL)) or refusal,
        model=as_text(body.model),
        opaque=opaque,
        id=as_text(body.id),
    )


def repaired(body: bytes) -> bytes:
    """Return JSON that came with half a surrogate pair, a byte order mark, NaN or broken UTF-8 as JSON without them.

    Raises ValueError where it is no JSON at all.
    """
    value = json.loads(body.decode("utf-8-sig", "replace"), parse_constant=lambda _: None)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def excerpt(body: bytes) -> str:
    """Return how a body begins, for a message."""
    start = body[:200].decode("utf-8", "replace").strip()
    return f"; it begins {start!r}" if start else "; it is empty"


def split_content(content: Any) -> tuple[str, str, bool]:
    """Return a content's text, what it refuses, and whether that is all that it says."""
    if isinstance(content, str):
        return content, "", True
    texts: list[str] = []
    refusals: list[str] = []
    complete = True
    for part in as_items(content):
        match part:
            case str(text) | {"type": "text" | "output_text", "text": str(text)}:
                texts.append(text)
            case {"type": "refusal", "refusal": str(text)}:
                refusals.append(text)
            case _:  # pyright: ignore[reportUnknownVariableType]
                complete = False
    return "".join(texts), "".join(refusals), complete


def _calls(message: _Fields) -> tuple[ToolCall, ...]:
    listed = message.get("tool_calls", _NULL)
    items = _items_decoder.decode(listed) if bytes(listed).startswith(b"[") else []
    calls = [call for item in items if (call := _call(_fields(item)))]
    if not calls and (call := _call({"function": message.get("function_call", _NULL)})):
        calls = [call]  # the form before tool calls
    return unique_ids(calls)


def _fields(raw: msgspec.Raw) -> _Fields:
    return _fields_decoder.decode(raw) if bytes(raw).startswith(b"{") else {}


def _call(fields: _Fields) -> ToolCall | None:
    """Return the call; None where neither a name nor arguments stand in it."""
    raw = fields.get("function", _NULL)
    function = _function_decoder.decode(raw) if bytes(raw).startswith(b"{") else _Function()
    if not as_text(function.name) and not _arguments_text(function.arguments):
        return None
    opaque = {name: raw.copy() for name, raw in fields.items() if name not in CALL_FIELDS and bytes(raw) not in _EMPTY}
    arguments = _arguments_text(function.arguments) or "{}"
    return ToolCall(_text(fields.get("id", _NULL)), as_text(function.name), arguments, opaque)


def _text(raw: msgspec.Raw) -> str:
    return as_text(msgspec.json.decode(raw))


def _arguments_text(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode()
    if text.startswith('"'):
        return _text(raw)
    return "" if text == "null" else text  # some servers send the object itself


def unique_ids(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Return `calls`, each with an id of its own: `call-<n>` where the server gave none."""
    seen: set[str] = set()
    named: list[ToolCall] = []
    for n, call in enumerate(calls):
        id_ = call.id or f"call-{n}"
        while id_ in seen:
            id_ = f"{id_}-{n}"
        seen.add(id_)
        named.append(call if id_ == call.id else ToolCall(id_, call.name, call.arguments, call.opaque))
    return tuple(named)


def finish_reason(reason: Any, calls: Sequence[ToolCall]) -> FinishReason:
    """Return why the reply ended; what nobody knows is "other"."""
    if reason is None or reason == "":
        return "tool_calls" if calls else "stop"
    known = _FINISH_REASONS.get(reason, "other") if isinstance(reason, str) else "other"
    return "tool_calls" if known == "stop" and calls else known  # Ollama and Gemini say "stop" beside calls


def read_usage(usage: Any) -> Usage:
    """Return the tokens that a reply reports, in any provider's spelling; what is not there is 0."""
    counts = as_fields(usage)
    prompt = as_fields(counts.get("prompt_tokens_details"))
    completion = as_fields(counts.get("completion_tokens_details"))
    prompt_tokens = _count(counts, "prompt_tokens")
    reasoning_tokens = _count(completion, "reasoning_tokens") or _count(counts, "reasoning_tokens")
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=reply_tokens(
            prompt_tokens, _count(counts, "completion_tokens"), reasoning_tokens, _count(counts, "total_tokens")
        ),
        cached_prompt_tokens=_count(prompt, "cached_tokens")
        or _count(counts, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens"),
        cache_creation_tokens=_count(prompt, "cache_write_tokens", "cache_creation_tokens")
        or _count(counts, "cache_creation_input_tokens"),
        reasoning_tokens=reasoning_tokens,
    )


def reply_tokens(prompt: int, completion: int, reasoning: int, total: int) -> int:
    """Return all tokens of the reply. xAI counts those of its reasoning beside the completion's, others among them."""
    return completion + reasoning if reasoning and total == prompt + completion + reasoning else completion


def _count(counts: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = counts.get(name)
        if isinstance(value, (int, float)) and value > 0:
            return int(value)
    return 0
