"""Writing down what a model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from aiocrew.types.messages import Reply, Request, ToolCall, User
from aiocrew.types.usage import Usage

__all__ = ["USAGE", "calls", "prompt", "structured"]

USAGE = Usage(10, 5)
"""What a scripted reply has used, where it does not say so itself."""


def calls(*named: tuple[str, Mapping[str, Any] | str], text: str = "") -> Reply:
    """Return a reply that asks for tools: `calls(("search", {"query": "tea"}), ...)`.

    Arguments that are a text go out as they stand, so that they may be broken JSON.
    """
    asked = tuple(
        ToolCall(f"c{number}", name, given if isinstance(given, str) else msgspec.json.encode(given).decode())
        for number, (name, given) in enumerate(named)
    )
    return Reply(text, asked, USAGE, "tool_calls")


def structured(answer: BaseModel | Mapping[str, Any]) -> Reply:
    """Return a reply that is `answer` as JSON: what a task with output_pydantic or output_json waits for."""
    if isinstance(answer, BaseModel):
        return Reply(answer.model_dump_json(by_alias=True), usage=USAGE)
    return Reply(msgspec.json.encode(answer).decode(), usage=USAGE)


def prompt(request: Request) -> str:
    """Return what the user said first: the task."""
    return next((message.text for message in request.messages if isinstance(message, User)), "")
