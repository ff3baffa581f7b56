"""What spans and metrics say of a model, made once for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from aiocrew.seeing.otel.names import GenAI, Server, one_line, sound
from aiocrew.types.model_settings import ModelSettings

__all__ = ["CalledModel", "called_model"]

_PROVIDERS: Final = {"azure": "azure.ai.openai", "gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}
_OPENAI: Final = "openai"
_CUSTOM: Final = "custom"
"""The provider of a model that the application wrote itself: it has a class, and no provider's prefix."""
_USUAL_TIER: Final = "auto"


class CalledModel(NamedTuple):
    """Whom a call goes to, as the conventions say it."""

    model: str
    call: Mapping[str, AttributeValue]
    """On the span of each of its calls."""
    agent: Mapping[str, AttributeValue]
    """On the span of an agent that uses it."""
    metric: Mapping[str, str | int]
    """On the measurements of each of its calls."""


@lru_cache(maxsize=1024)
def called_model(label: str, settings: ModelSettings | None = None) -> CalledModel:
    """Return what is said of "provider/model", which is how a model is called in events, with its settings.

    A model of the application's own has a class in place of provider and model, and no settings.
    """
    prefix, slash, name = label.partition("/")
    provider = _PROVIDERS.get(prefix, one_line(prefix)) if slash else _CUSTOM
    model = one_line(name if slash else label)
    whom: dict[str, str | int] = {GenAI.PROVIDER: provider, GenAI.REQUEST_MODEL: model}
    metric = {GenAI.OPERATION: "chat", **whom}
    if settings is None:
        return CalledModel(model, metric, whom, metric)
    if settings.server:
        metric[Server.ADDRESS] = sound(settings.server)
        if settings.port is not None:
            metric[Server.PORT] = settings.port
    parameters = _parameters(settings)
    call = metric | parameters | (_of_openai(settings) if provider == _OPENAI else {})
    if settings.stream:
        call[GenAI.REQUEST_STREAM] = True
    return CalledModel(model, call, whom | parameters, metric)


def _parameters(settings: ModelSettings) -> dict[str, AttributeValue]:
    given: dict[str, AttributeValue | None] = {
        GenAI.TEMPERATURE: settings.temperature,
        GenAI.TOP_P: settings.top_p,
        GenAI.TOP_K: settings.top_k,
        GenAI.MAX_TOKENS: settings.max_tokens,
        GenAI.SEED: settings.seed,
        GenAI.PRESENCE_PENALTY: settings.presence_penalty,
        GenAI.FREQUENCY_PENALTY: settings.frequency_penalty,
        GenAI.STOP_SEQUENCES: tuple(sound(text) for text in settings.stop) or None,
        GenAI.CHOICES: settings.choices if settings.choices != 1 else None,
        GenAI.REASONING_LEVEL: sound(settings.reasoning_effort) or None,
        GenAI.OUTPUT_TYPE: settings.output_type or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _of_openai(settings: ModelSettings) -> dict[str, AttributeValue]:
    said: dict[str, AttributeValue] = {GenAI.OPENAI_API: "chat_completions"}
    if settings.service_tier not in ("", _USUAL_TIER):
        said[GenAI.OPENAI_TIER] = sound(settings.service_tier)
    return said
