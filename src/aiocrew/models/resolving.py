"""From what somebody wrote of a model, and from the environment, to the model that a run can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import BaseModel

from aiocrew.models.addressing import Getenv, auth_headers, base_url_of, first_set, key_of, url_of
from aiocrew.models.endpoint import Endpoint, ToolProtocol
from aiocrew.models.environment import model_named
from aiocrew.models.providers import OFFLINE, PROVIDERS, ModelName, parse_model
from aiocrew.models.resolved import ResolvedModel, chat_model, pieces_of
from aiocrew.models.settings import settings_of
from aiocrew.types.limits import Limits
from aiocrew.types.prices import Price

__all__ = ["PARAMETERS", "WrittenModel", "resolve_written"]

_DEFAULT_TIMEOUT_S = 600.0
_API_VERSIONS = ("AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")

PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
)
"""What is sent under its own name where it is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenModel:
    """What an LLM says of itself. What it leaves empty is the environment's, or the provider's."""

    model: str
    base_url: str
    api_key: str | None = field(repr=False)
    api_version: str
    parameters: Mapping[str, Any] = field(repr=False)
    response_format: type[BaseModel] | dict[str, Any] | None
    extra_headers: Mapping[str, str] = field(repr=False)
    extra_body: Mapping[str, Any] = field(repr=False)
    timeout_s: float | None
    max_retries: int
    limits: Limits | None
    price: Price | None
    stream: bool
    tool_protocol: ToolProtocol
    callbacks: tuple[Any, ...]


def resolve_written(written: WrittenModel, getenv: Getenv) -> ResolvedModel:
    """Return the model that is meant, with everything that is the same for each of its calls.

    Raises BlueprintError (MissingKeyError where a key is missing) for what cannot be called.
    """
    text = written.model.strip() or model_named(getenv)
    # An address in OpenAI's variables says as much as one that is given: the model's name is that server's affair.
    openai = PROVIDERS["openai"]
    name = parse_model(text, at_base_url=lambda: bool(base_url_of(openai, written.base_url, getenv)))
    if name.prefix == OFFLINE:
        return _offline(written, name)
    endpoint = _endpoint(written, name, getenv)
    model = chat_model(endpoint)
    return ResolvedModel(
        model,
        endpoint.label,
        written.tool_protocol,
        written.stream,
        identity=msgspec.json.encode((endpoint.label, endpoint.parameters, written.tool_protocol)),
        admits=True,
        price=written.price,
        callbacks=written.callbacks,
        pieces=pieces_of(model),
        settings=settings_of(endpoint, stream=written.stream),
    )


def _offline(written: WrittenModel, name: ModelName) -> ResolvedModel:
    from aiocrew.models.offline import offline_model

    label, model = f"{name.prefix}/{name.model}", offline_model(name.model)
    return ResolvedModel(
        model,
        label,
        written.tool_protocol,
        written.stream,
        identity=msgspec.json.encode((label, written.tool_protocol)),
        price=written.price,
        callbacks=written.callbacks,
        pieces=pieces_of(model),
    )


def _endpoint(written: WrittenModel, name: ModelName, getenv: Getenv) -> Endpoint:
    provider, label = PROVIDERS[name.prefix], f"{name.prefix}/{name.model}"
    base_url = base_url_of(provider, written.base_url, getenv)
    headers = dict(written.extra_headers)
    own_authorization = bool({"authorization", "api-key"} & {header.lower() for header in headers})
    key = "" if own_authorization else key_of(provider, written.api_key, getenv, label=label, optional=bool(base_url))
    api_version = written.api_version.strip()
    if provider.style == "azure" and not api_version:
        api_version = first_set(getenv, _API_VERSIONS)
    return Endpoint(
        provider=provider.name,
        model=name.model,
        label=label,
        url=url_of(provider, base_url, name.model, api_version=api_version),
        headers=auth_headers(provider, key) | headers,
        key=key,
        parameters=_parameters(written, provider.name, name.model),
        timeout_s=written.timeout_s or _DEFAULT_TIMEOUT_S,
        max_retries=written.max_retries,
        limits=written.limits,
        price=written.price,
    )


def _parameters(written: WrittenModel, provider: str, model: str) -> dict[str, Any]:
    from aiocrew.models.parameters import fit_parameters

    given = {name: value for name, value in written.parameters.items() if value not in (None, [], "")}
    body, form = fit_parameters(provider, model, given), written.response_format
    if isinstance(form, type):
        from aiocrew.models.answer_ways import response_format_of
        from aiocrew.models.answers import answer_spec

        body["response_format"] = response_format_of(answer_spec(form))
    elif form is not None:
        body["response_format"] = form
    return body | dict(written.extra_body)
