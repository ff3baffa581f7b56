"""Where a model's calls go, and how: everything of a call but its transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from aiocrew.types.limits import Limits
from aiocrew.types.prices import Price

__all__ = ["Endpoint", "ToolProtocol"]

ToolProtocol: TypeAlias = Literal["auto", "native", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A resolved model. Equal endpoints share a limit, whichever LLM they were made from."""

    provider: str
    model: str
    """The model's name on the wire."""
    label: str
    """The model's name for people, "provider/model"."""
    url: str = field(repr=False)
    """Its query may hold a key."""
    headers: Mapping[str, str] = field(repr=False, default_factory=dict[str, str])
    """Authorization and the user's own; never shown."""
    key: str = field(repr=False, default="")
    """The API key, to scrub it from whatever is shown and to tell limits apart; never shown."""
    parameters: Mapping[str, Any] = field(repr=False, default_factory=dict[str, Any])
    """Fields of every request's body beside model, messages, tools and stream (temperature, seed, ...)."""
    timeout_s: float = 600.0
    """For one attempt, from sending to the last byte of the reply."""
    max_retries: int = 8
    limits: Limits | None = None
    price: Price | None = None
    """What the user said that it costs."""
