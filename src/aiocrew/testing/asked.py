"""What a step is about to do, in words that a file can hold and people can compare."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import msgspec

from aiocrew.batch.keys import canonical_json
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.json_values import as_fields, as_items
from aiocrew.models.resolved import ResolvedModel
from aiocrew.testing.redaction import Redactor
from aiocrew.types.messages import AnswerSpec, Message, Request, ToolCall, ToolSpec
from aiocrew.types.ports import Effect

__all__ = ["Shared", "asked_of", "endpoint_of"]


class Shared:
    """What many steps refer to, held once, under a name with a digest of it."""

    def __init__(self, redactor: Redactor, held: dict[str, Any] | None = None) -> None:
        self._redactor = redactor
        self.held: dict[str, Any] = dict(held or {})

    def name_of(self, spec: ToolSpec | AnswerSpec) -> str:
        """Return the name of `spec`, which is held from now on."""
        return self.name_for(spec.name, msgspec.json.decode(msgspec.json.encode(spec)))

    def name_for(self, what: str, content: Any) -> str:
        """Return a name for JSON's `content`, which is held from now on."""
        content = self._redactor.clean(content)
        digest = hashlib.blake2b(canonical_json(content), digest_size=4).hexdigest()
        name = f"{what}@{digest}"
        self.held[name] = content
        return name


def asked_of(effect: Effect | None, shared: Shared) -> Any:
    """Return what the result of `effect` depends on, as JSON; None for no effect."""
    if effect is None:
        return None
    model, request = getattr(effect, "model", None), getattr(effect, "request", None)
    if isinstance(model, ResolvedModel) and isinstance(request, Request):
        return _question(model, request, shared)
    content = _readable(effect.content())
    if isinstance(getattr(effect, "call", None), ToolCall) and isinstance(content, list):
        return _tool_use(effect.label, cast("list[Any]", content), shared)
    return content


def endpoint_of(effect: Effect | None) -> Endpoint | None:
    """Return where the model that `effect` asks is; None where it asks none, or one that has no address."""
    model = getattr(effect, "model", None)
    endpoint = getattr(model.model, "endpoint", None) if isinstance(model, ResolvedModel) else None
    return endpoint if isinstance(endpoint, Endpoint) else None


def _question(model: ResolvedModel, request: Request, shared: Shared) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": _readable(model.identity),
        "messages": [_message(message) for message in request.messages],
    }
    if request.tools:
        asked["tools"] = [shared.name_of(tool) for tool in request.tools]
    if request.tool_choice != "auto":
        asked["tool_choice"] = request.tool_choice
    if request.answer is not None:
        asked["answer"] = shared.name_of(request.answer)
    return asked


def _message(message: Message) -> dict[str, Any]:
    fields = as_fields(json.loads(json.dumps(msgspec.to_builtins(message))))
    said = {"role": fields.pop("type"), **_filled(fields)}
    if "calls" in said:
        said["calls"] = [_filled(as_fields(call)) for call in as_items(said["calls"])]
    return said


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ([], {})}


def _tool_use(tool: str, content: list[Any], shared: Shared) -> dict[str, Any]:
    match content:
        case [str(name), str(parameters), version, str(arguments)]:
            form = shared.name_for(f"{name}()", _readable(parameters))
            asked = {"tool": name, "arguments": _readable(arguments), "parameters": form}
            return {**asked, "version": version} if version else asked
        case _:  # a call that fits no tool
            return {"tool": tool, "call": content}


def _readable(content: bytes | str) -> Any:
    """Return what `content` holds where that is JSON, else its text."""
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogatepass")
    try:
        return json.loads(text)
    except ValueError:
        return text
