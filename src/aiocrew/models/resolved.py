"""What an LLM comes to: the model that answers, and how it is to be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.models.endpoint import Endpoint, ToolProtocol
from aiocrew.types.limits import Limits
from aiocrew.types.messages import Chunk, Reply, Request, Restart
from aiocrew.types.model_settings import ModelSettings
from aiocrew.types.ports import Model
from aiocrew.types.prices import Price

__all__ = ["Pieces", "ResolvedModel", "chat_model", "pieces_of"]

Pieces: TypeAlias = Callable[[Request], AsyncIterator[Chunk | Restart | Reply]]
"""Gives a reply in pieces, and the whole of it at the end."""


class ResolvedModel(msgspec.Struct, frozen=True):
    """A model that a run can use."""

    model: Model
    name: str
    """ "openai/gpt-4o-mini", or the class name of a user's own model."""
    tool_protocol: ToolProtocol
    stream: bool
    identity: bytes = b""
    """Equal for models of which equal answers can be expected: provider, model, parameters; no address, no key."""
    admits: bool = False
    """It passes paces, budgets and the provider's limit by itself, at each attempt."""
    price: Price | None = None
    """What the user said that it costs."""
    callbacks: tuple[Any, ...] = ()
    """To be told of every call that was completed, by `tell_callbacks`."""
    pieces: Pieces | None = None
    """How it is asked for a reply in pieces; None where it cannot be."""
    settings: ModelSettings | None = None
    """What events tell of it; None for a model of the user's own, and for the offline one, which is asked nothing."""


def pieces_of(model: Model) -> Pieces | None:
    """Return the method by which a run asks `model` for pieces: a RestartingModel's, a StreamingModel's, or None."""
    # By name: to ask whether it is an instance of those protocols takes fifty times as long.
    for name in ("stream_with_restarts", "stream"):
        method = getattr(model, name, None)
        if callable(method):
            return cast("Pieces", method)
    return None


class _Key(NamedTuple):
    """An Endpoint as something that a cache can hold."""

    provider: str
    model: str
    label: str
    url: str
    headers: tuple[tuple[str, str], ...]
    key: str
    parameters: bytes
    timeout_s: float
    max_retries: int
    limits: Limits | None
    price: Price | None


def chat_model(endpoint: Endpoint) -> Model:
    """Return the model behind `endpoint`: one and the same for equal endpoints.

    Raises BlueprintError when its parameters cannot be JSON.
    """
    key = _Key(
        provider=endpoint.provider,
        model=endpoint.model,
        label=endpoint.label,
        url=endpoint.url,
        headers=tuple(endpoint.headers.items()),
        key=endpoint.key,
        parameters=_as_json(endpoint.parameters, endpoint.label),
        timeout_s=endpoint.timeout_s,
        max_retries=endpoint.max_retries,
        limits=endpoint.limits,
        price=endpoint.price,
    )
    return _chat_model(key)


def _as_json(parameters: Mapping[str, Any], label: str) -> bytes:
    try:
        return msgspec.json.encode(parameters)
    except (TypeError, ValueError) as error:
        raise BlueprintError(f"the parameters of {label} cannot be sent as JSON: {error}") from error


@lru_cache(maxsize=1024)
def _chat_model(key: _Key) -> Model:
    # Here, because it loads aiohttp: who only imports aiocrew, or uses the offline model, never pays for that.
    from aiocrew.models.chat import ChatModel

    return ChatModel(
        Endpoint(
            provider=key.provider,
            model=key.model,
            label=key.label,
            url=key.url,
            headers=dict(key.headers),
            key=key.key,
            parameters=msgspec.json.decode(key.parameters),
            timeout_s=key.timeout_s,
            max_retries=key.max_retries,
            limits=key.limits,
            price=key.price,
        )
    )
