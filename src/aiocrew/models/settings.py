"""What may be told of an endpoint: where its requests go, and with which parameters. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aiocrew.models.endpoint import Endpoint
from aiocrew.models.json_values import as_fields, as_items, as_text
from aiocrew.types.model_settings import ModelSettings, OutputType

__all__ = ["settings_of"]

_PORTS = {"http": 80, "https": 443}
_INT64 = 2**63
"""Beyond that no reader of events has a whole number."""
_OUTPUT_TYPES: Mapping[str, OutputType] = {"text": "text", "json_object": "json", "json_schema": "json"}


def settings_of(endpoint: Endpoint, *, stream: bool) -> ModelSettings:
    """Return what every request to `endpoint` has in common, as far as it is known what it means.

    Of the parameters, only those with a name and a type that are known: anything may stand in an extra_body.
    """
    address, sent = urlsplit(endpoint.url), endpoint.parameters
    return ModelSettings(
        provider=endpoint.provider,
        model=endpoint.model,
        server=address.hostname or "",
        port=address.port or _PORTS.get(address.scheme),
        stream=stream,
        temperature=_number(sent.get("temperature")),
        top_p=_number(sent.get("top_p")),
        top_k=_number(sent.get("top_k")),
        max_tokens=_whole(sent.get("max_completion_tokens", sent.get("max_tokens"))),
        seed=_whole(sent.get("seed", sent.get("random_seed"))),  # Mistral's name
        presence_penalty=_number(sent.get("presence_penalty")),
        frequency_penalty=_number(sent.get("frequency_penalty")),
        stop=_texts(sent.get("stop")),
        choices=_whole(sent.get("n")),
        reasoning_effort=as_text(sent.get("reasoning_effort")),
        service_tier=as_text(sent.get("service_tier")),
        output_type=_OUTPUT_TYPES.get(as_text(as_fields(sent.get("response_format")).get("type")), ""),
        max_in_flight=None if endpoint.limits is None else endpoint.limits.max_in_flight,
    )


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _INT64
    return float(value) if is_number and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT64 else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(text for text in as_items(value) if isinstance(text, str))
