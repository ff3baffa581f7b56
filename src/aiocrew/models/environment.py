"""Which model the environment names, for those who name none. Pure."""

from __future__ import annotations

from aiocrew.errors import BlueprintError
from aiocrew.models.addressing import Getenv, base_url_of, first_set, key_of
from aiocrew.models.providers import OFFLINE, PROVIDERS, Provider, parse_model

__all__ = ["model_named", "shown_of"]

_MODEL_VARIABLES = ("OPENAI_MODEL_NAME", "MODEL")
_DEFAULT_MODEL = "gpt-4o-mini"


def model_named(getenv: Getenv) -> str:
    """Return the model that an LLM without one stands for."""
    return first_set(getenv, _MODEL_VARIABLES) or _DEFAULT_MODEL


def shown_of(getenv: Getenv) -> dict[str, str]:
    """Return what the environment says of an LLM's model, base_url and api_key. Never raises.

    What is wrong with a model or a key is said when it is to be called.
    """
    text = model_named(getenv)
    shown = {"model": text}
    try:
        name = parse_model(text, at_base_url=lambda: bool(base_url_of(PROVIDERS["openai"], None, getenv)))
    except BlueprintError:
        return shown
    if name.prefix == OFFLINE:
        return shown
    provider = PROVIDERS[name.prefix]
    more = {"base_url": base_url_of(provider, None, getenv), "api_key": _key(provider, text, getenv)}
    return shown | {field: value for field, value in more.items() if value}


def _key(provider: Provider, label: str, getenv: Getenv) -> str:
    try:
        return key_of(provider, None, getenv, label=label, optional=True)
    except BlueprintError:
        return ""
