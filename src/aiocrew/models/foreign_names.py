"""Objects that say which model and which parameters are meant, as an LLM: LangChain's ChatOpenAI, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from aiocrew.models.foreign_base import model_name
from aiocrew.models.llm import LLM

__all__ = ["from_chat_openai", "from_names"]

_ALIKE: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "max_tokens": ("max_tokens",),
    "max_completion_tokens": ("max_completion_tokens",),
    "stop": ("stop",),
    "seed": ("seed",),
    "n": ("n",),
    "presence_penalty": ("presence_penalty",),
    "frequency_penalty": ("frequency_penalty",),
    "logit_bias": ("logit_bias",),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
    "reasoning_effort": ("reasoning_effort",),
    "timeout": ("request_timeout", "timeout"),
    "max_retries": ("max_retries",),
    "base_url": ("openai_api_base", "base_url"),
    "api_key": ("openai_api_key", "api_key"),
    "stream": ("streaming",),
    "extra_headers": ("default_headers",),
}
"""Our fields, each with the attributes that mean the same elsewhere."""
_IN_BODY = ("service_tier", "store", "verbosity")
_OTHER_WAYS = (
    "http_client",
    "http_async_client",
    "openai_proxy",
    "default_query",
    "use_responses_api",
    "use_previous_response_id",
    "reasoning",
    "include",
    "truncation",
    "disabled_params",
    "rate_limiter",
    "cache",
    "callbacks",
)
"""What ChatOpenAI can be told and our LLM cannot: then the object itself is asked."""
_NOT_BODY = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})
"""Among its model_kwargs, what OpenAI's client takes for itself."""
_RESPONSES = "responses/v1"
_ONLY_RESPONSES = re.compile(r"codex|-pro(?:-|$)|deep-research")
"""Models that ChatOpenAI reaches by another API than that of chat completions."""


def from_chat_openai(llm: Any) -> LLM | None:
    """Return an LLM with the parameters of LangChain's ChatOpenAI; None for anything else, and for one that has more.

    Its subclasses are something else: nobody knows what they change.
    """
    kind = cast("type[Any]", type(llm))
    if kind.__name__ != "ChatOpenAI" or kind.__module__.partition(".")[0] != "langchain_openai":
        return None
    name, fields = model_name(llm), _fields(llm)
    if _goes_other_ways(llm, name) or len(fields) < len(_given(llm)):
        return None
    # Its names are just what the server is sent; ours may begin with a provider.
    fields["model"] = f"openai/{name}" if "/" in name or ":" in name else name
    body = {option: value for option in _IN_BODY if (value := getattr(llm, option, None)) is not None}
    body = {**_mapping(llm, "model_kwargs"), **body, **_mapping(llm, "extra_body")}
    organization = getattr(llm, "openai_organization", None)
    if organization:
        fields["extra_headers"] = {"OpenAI-Organization": organization, **fields.get("extra_headers", {})}
    try:
        return LLM(**fields, extra_body=body or None)
    except (ValidationError, NotImplementedError):
        return None


def from_names(llm: Any) -> LLM | None:
    """Return an LLM for an object that has `model_name`, `model` or `deployment_name`, with what else it says; or None.

    Raises what LLM raises for values that make no sense.
    """
    name = model_name(llm)
    return LLM(name, **_fields(llm)) if name else None


def _goes_other_ways(llm: Any, name: str) -> bool:
    if any(getattr(llm, option, None) for option in _OTHER_WAYS) or _NOT_BODY & _mapping(llm, "model_kwargs").keys():
        return True
    return getattr(llm, "output_version", None) == _RESPONSES or bool(_ONLY_RESPONSES.search(name))


def _given(llm: Any) -> dict[str, Any]:
    """Return what the object says of our fields, as it says it."""
    given: dict[str, Any] = {}
    for field, names in _ALIKE.items():
        value = next((value for name in names if (value := getattr(llm, name, None)) is not None), None)
        if value is not None:
            given[field] = value
    # Its own default is no wish, and ours knows better what a server asks for.
    if "max_retries" not in getattr(llm, "model_fields_set", ("max_retries",)):
        given.pop("max_retries", None)
    return given


def _fields(llm: Any) -> dict[str, Any]:
    """Return of `_given` what our fields can be."""
    opened = {field: _opened(value) for field, value in _given(llm).items()}
    return {field: value for field, value in opened.items() if isinstance(value, str | int | float | list | dict)}


def _opened(value: Any) -> Any:
    secret = getattr(value, "get_secret_value", None)  # pydantic's of either version
    if callable(secret):
        return secret()
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value


def _mapping(llm: Any, name: str) -> dict[str, Any]:
    value = getattr(llm, name, None)
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
