"""What a call may use at most, from what is sent. Pure.

Every token of a vocabulary stands for at least one byte of text, so a prompt has no more tokens than bytes. What a
provider's template puts around each message is shorter than the JSON around it. What is left is what it adds once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, TypeGuard

from aiocrew.models.endpoint import Endpoint
from aiocrew.models.parameters import sent_as
from aiocrew.types.messages import Assistant, Message, Request, ToolResult

__all__ = ["limit_field", "prompt_bound", "reply_limit", "request_bound"]

_ADDED = 512
"""Tokens that a template brings along: dates, channels, a default system message. Where templates are public it is some
80 (OpenAI's harmony) to a few hundred (Mistral's default system message)."""

_ADDED_FOR_TOOLS: Mapping[str, int] = {
    # docs.anthropic.com, tool use pricing: a system prompt of 159 to 530 tokens; twice that, for models to come.
    "anthropic": 1060,
    "openrouter": 1060,
}
_ADDED_FOR_TOOLS_BY_OTHERS = 512
"""A preamble and closing instructions; public templates (Llama's, Qwen's) take 100 to 200. The form of an answer, which
providers put into the prompt in the same way, takes less."""

_AROUND_A_MESSAGE = 32
_TOOLS, _FORMAT, _MESSAGES = b'"tools":[', b'"response_format":{', b'"messages":['


def prompt_bound(endpoint: Endpoint, body: bytes, has_tools: bool) -> int:
    """Return no fewer tokens than the provider counts for the prompt of a request with this body."""
    tokens = _bytes_at_most(body) + _ADDED
    # No text can look like these: its quotes are escaped.
    tools, form = body.find(_TOOLS), body.find(_FORMAT)
    if has_tools or tools >= 0 or form >= 0:
        tokens += _ADDED_FOR_TOOLS.get(endpoint.provider, _ADDED_FOR_TOOLS_BY_OTHERS)
    if tools >= 0:
        tokens += _escaping(body[tools:])
    if form >= 0 and not 0 <= tools < form:
        # Among the endpoint's parameters it stands before the messages, as the form of this answer behind them.
        end = body.find(_MESSAGES, form)
        tokens += _escaping(body[form : end if end >= 0 else len(body)])
    return tokens


def request_bound(request: Request) -> int:
    """Return no fewer tokens than a model of one's own can count for the request, if it sends no more than that."""
    texts = [text for message in request.messages for text in _texts(message)]
    around = _AROUND_A_MESSAGE * len(request.messages)
    for tool in request.tools:
        texts += (tool.name, tool.description)
        around += 3 * len(bytes(tool.parameters)) + _AROUND_A_MESSAGE
    if request.answer is not None:
        texts += (request.answer.name, request.answer.description)
        around += 3 * len(bytes(request.answer.schema)) + _AROUND_A_MESSAGE
    if request.tools or request.answer is not None:
        around += _ADDED_FOR_TOOLS["anthropic"]
    return sum(_bytes_at_most(text.encode("utf-8", "surrogatepass")) for text in texts) + around + _ADDED


def reply_limit(parameters: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return to how many tokens these fields of a body limit each reply (None: not at all), and how many replies."""
    given = [parameters.get(name) for name in ("max_tokens", "max_completion_tokens")]
    # Where both are given nobody knows which one a server heeds.
    limits = [limit for limit in given if _is_number(limit)]
    replies = parameters.get("n")
    return max(limits, default=None), replies if _is_number(replies) else 1


def limit_field(provider: str, model: str) -> str:
    """Return the field that limits the reply of this model: "max_tokens" or "max_completion_tokens".

    A model that knows the other one only refuses the request; a limit that a server silently ignored would cost money.
    """
    return sent_as(provider, model, "max_tokens")


def _is_number(value: Any) -> TypeGuard[int]:
    return type(value) is int and value > 0


def _bytes_at_most(text: bytes) -> int:
    """Return the bytes of a UTF-8 text, also if the tokenizer normalizes it first, as some do (NFC, NFKC)."""
    if text.isascii():
        return len(text)
    # One character can become eighteen: U+FDFA has 3 bytes, and 33 in NFKC.
    characters = text.decode("utf-8", "replace")
    return max(
        len(text),
        len(unicodedata.normalize("NFC", characters).encode()),
        len(unicodedata.normalize("NFKC", characters).encode()),
    )


def _escaping(part: bytes) -> int:
    """Return how many bytes tools or a schema have more where a template writes them as ASCII: \\u4e2d has 6, was 3."""
    if part.isascii():
        return 0
    text = part.decode("utf-8", "replace")
    return sum(12 if ord(character) > 0xFFFF else 6 for character in text if not character.isascii())


def _texts(message: Message) -> list[str]:
    if isinstance(message, Assistant):
        calls = [text for call in message.calls for text in (call.id, call.name, call.arguments, *_opaque(call.opaque))]
        return [message.text, *calls, *_opaque(message.opaque)]
    if isinstance(message, ToolResult):
        return [message.call_id, message.name, message.text]
    return [message.text]


def _opaque(fields: Mapping[str, Any]) -> list[str]:
    return [text for name, value in fields.items() for text in (name, bytes(value).decode("utf-8", "replace"))]
