"""The blueprint of a model: which one, where, and with which parameters."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, field_validator

from aiocrew.aio.door import run_sync
from aiocrew.aio.functions import call_function
from aiocrew.errors import BlueprintError, ModelRefusedError, NotBuiltError
from aiocrew.models.addressing import Getenv, auth_headers, base_url_of, first_set, key_of, url_of
from aiocrew.models.conversation import messages_from, tools_from
from aiocrew.models.endpoint import Endpoint, ToolProtocol
from aiocrew.models.extras import checked_body, checked_headers
from aiocrew.models.json_values import as_fields
from aiocrew.models.offline import offline_model
from aiocrew.models.output_schema import json_schema_format
from aiocrew.models.parameters import fit_parameters
from aiocrew.models.providers import OFFLINE, PROVIDERS, parse_model
from aiocrew.models.resolved import ResolvedModel, chat_model
from aiocrew.models.shown import shown_url
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.limits import Limits
from aiocrew.types.messages import Message, Request, ToolCall, ToolSpec
from aiocrew.types.prices import Price

__all__ = ["LLM"]

_DEFAULT_MODEL = "gpt-4o-mini"
_DEFAULT_TIMEOUT_S = 600.0
_PARAMETERS = (
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
"""Fields that are sent under their own names where they are set."""


class _Memo(NamedTuple):
    """What an LLM came to, and from what: while that is unchanged, resolving it again gives the same."""

    fields: dict[str, Any]
    environment: list[tuple[str, str | None]]
    resolved: ResolvedModel

    def holds(self, fields: dict[str, Any]) -> bool:
        if self.fields != fields:
            return False
        get = os.environ.get
        for name, value in self.environment:  # noqa: SIM110 - a generator costs half as much again
            if get(name) != value:
                return False
        return True


class LLM(Blueprint):
    """A model: `LLM("openai/gpt-4o-mini")`, with CrewAI's parameters.

    model: "provider/model", "provider:model" or a model of OpenAI; without it OPENAI_MODEL_NAME, MODEL or gpt-4o-mini.
    timeout: seconds for one attempt. max_retries: attempts after the first; this is the only retry layer of a call.
    limits: what the provider allows, where that is known; without it, it is learned from the answers.
    response_format: sent as it is, or a pydantic class whose schema the model must keep to.
    extra_headers: sent with every request, in place of ours of the same name; those that frame a request are refused.
    extra_body: fields of every request's body, in place of parameters of the same name; model, messages, tools and
    stream are refused.
    price: what its tokens cost, in place of the price list of the extra `cost`.
    tool_protocol: "native" tool calls, "text" for models without, "auto" understands both.
    """

    # A slot: no part of what an LLM is, so that copies start without it, and faster than a private attribute.
    __slots__ = ("_memo",)

    model_config = ConfigDict(validate_assignment=True, allow_inf_nan=False, hide_input_in_errors=True)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "n": (None, 1),
        "callbacks": (None, []),
        "additional_params": (None, {}),
        "thinking": (None,),
        "interceptor": (None,),
        "provider": (None,),
        "custom_llm_provider": (None,),
        "completion_cost": (None,),
        "context_window_size": (None, 0),
        "prefer_upload": (None, False),
        "is_litellm": (None, False),
        "is_anthropic": (None, False),
        "llm_type": (None, "litellm"),
        # What a model refuses is left out by a table anyway, and nothing depends on stop.
        "drop_params": (None, False, True),
        "additional_drop_params": (None, [], ["stop"]),
    }
    frames_to_caller: ClassVar[int] = Blueprint.frames_to_caller + 1  # our own __init__

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = None
    timeout: float | None = Field(default=None, gt=0)
    response_format: type[BaseModel] | dict[str, Any] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[int | str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0)
    reasoning_effort: str | None = None
    base_url: str | None = None
    api_base: str | None = None
    """Another name of base_url."""
    api_version: str | None = None
    api_key: SecretStr | None = Field(default=None, repr=False)
    extra_headers: dict[str, str] | None = Field(default=None, repr=False)
    extra_body: dict[str, Any] | None = Field(default=None, repr=False)
    stream: bool = False
    max_retries: int = Field(default=8, ge=0)
    limits: Limits | None = None
    tool_protocol: ToolProtocol = "auto"
    price: Price | None = None

    def __init__(self, model: str | None = None, **fields: Any) -> None:
        if model is not None:
            fields["model"] = model
        super().__init__(**fields)

    @field_validator("limits", mode="before")
    @classmethod
    def _take_limits(cls, limits: Any) -> Any:
        """Take what a YAML file gives."""
        if not isinstance(limits, dict):
            return limits
        given = cast("dict[str, Any]", limits)
        unknown = sorted(given.keys() - set(Limits.__struct_fields__))
        if unknown:
            raise BlueprintError(f"limits has no {unknown}; it has {list(Limits.__struct_fields__)}")
        return Limits(**given)

    @field_validator("extra_headers", mode="before")
    @classmethod
    def _open_headers(cls, headers: Any) -> Any:
        """Take what a dump gives."""
        if not isinstance(headers, dict):
            return headers
        return {name: _opened(value) for name, value in cast("dict[Any, Any]", headers).items()}

    @field_validator("extra_headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        return headers and checked_headers(headers)

    @field_validator("extra_body")
    @classmethod
    def _check_body(cls, body: dict[str, Any] | None) -> dict[str, Any] | None:
        checked_body(body or {})
        return body

    @field_serializer("extra_headers")
    def _hide_headers(self, headers: dict[str, str] | None) -> dict[str, SecretStr] | None:
        return None if headers is None else {name: SecretStr(value) for name, value in headers.items()}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, shown_url(value) if name in ("base_url", "api_base") and isinstance(value, str) else value

    def resolve(self) -> ResolvedModel:
        """Return the model that this blueprint names, the same object while fields and environment are the same.

        Raises BlueprintError (MissingKeyError where a key is missing) for what cannot be called.
        """
        fields = cast("dict[str, Any]", self.__dict__)
        memo: _Memo | None = getattr(self, "_memo", None)
        if memo is not None and memo.holds(fields):
            return memo.resolved
        # Copied first: where a field changes meanwhile in another thread, the next call sees the difference.
        seen = {name: _frozen(value) for name, value in fields.items()}
        environment: dict[str, str | None] = {}

        def getenv(name: str) -> str:
            environment[name] = os.environ.get(name)
            return (environment[name] or "").strip()

        resolved = self._resolve(getenv)
        self._memo = _Memo(seen, list(environment.items()), resolved)
        return resolved

    def _resolve(self, getenv: Getenv) -> ResolvedModel:
        text = (self.model or "").strip() or first_set(getenv, ("OPENAI_MODEL_NAME", "MODEL")) or _DEFAULT_MODEL
        given_url = self.base_url or self.api_base
        # An address in OpenAI's variables says as much as one that is given: the model's name is that server's affair.
        name = parse_model(text, at_base_url=lambda: bool(base_url_of(PROVIDERS["openai"], given_url, getenv)))
        label = f"{name.prefix}/{name.model}"
        if name.prefix == OFFLINE:
            identity = msgspec.json.encode((label, self.tool_protocol))
            return ResolvedModel(
                offline_model(name.model),
                label,
                self.tool_protocol,
                self.stream,
                identity=identity,
                price=self.price,
            )
        provider = PROVIDERS[name.prefix]
        base_url = base_url_of(provider, given_url, getenv)
        extra_headers = dict(self.extra_headers or {})
        own_authorization = bool({"authorization", "api-key"} & {header.lower() for header in extra_headers})
        given_key = None if self.api_key is None else self.api_key.get_secret_value()
        key = "" if own_authorization else key_of(provider, given_key, getenv, label=label, optional=bool(base_url))
        api_version = (self.api_version or "").strip()
        if provider.style == "azure" and not api_version:
            api_version = first_set(getenv, ("AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"))
        endpoint = Endpoint(
            provider=provider.name,
            model=name.model,
            label=label,
            url=url_of(provider, base_url, name.model, api_version=api_version),
            headers=auth_headers(provider, key) | extra_headers,
            key=key,
            parameters=self._body(provider.name, name.model),
            timeout_s=self.timeout or _DEFAULT_TIMEOUT_S,
            max_retries=self.max_retries,
            limits=self.limits,
            price=self.price,
        )
        model = chat_model(endpoint)
        identity = msgspec.json.encode((label, endpoint.parameters, self.tool_protocol))
        return ResolvedModel(
            model, label, self.tool_protocol, self.stream, identity=identity, admits=True, price=self.price
        )

    def _body(self, provider: str, model: str) -> dict[str, Any]:
        given = {name: value for name in _PARAMETERS if (value := getattr(self, name)) not in (None, [], "")}
        body = fit_parameters(provider, model, given)
        if isinstance(self.response_format, type):
            body["response_format"] = json_schema_format(self.response_format)
        elif self.response_format is not None:
            body["response_format"] = self.response_format
        return body | (self.extra_body or {})

    def call(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> str:
        """Return what `acall` returns, from code that cannot await; inside a running loop it blocks that loop."""
        return run_sync(lambda: self.acall(messages, tools, callbacks, available_functions))

    async def acall(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> str:
        """Return the model's answer to a prompt or to a list of {"role", "content"}.

        Where it calls one of `available_functions`, its answer is what that function gives; where it calls other tools,
        their calls as JSON. Raises ProviderError, and ModelRefusedError when the model declines.
        """
        if callbacks:
            raise NotBuiltError("LLM.call(callbacks=...): aiocrew does not have callbacks of a single call yet")
        resolved = self.resolve()
        reply = await resolved.model.reply(Request(messages_from(messages), tools_from(tools)))
        if reply.refusal and not reply.text:
            raise ModelRefusedError(f"{resolved.name} declined to answer: {reply.refusal}", refusal=reply.refusal)
        for call in reply.calls:
            if available_functions and call.name in available_functions:
                return await _result(call, available_functions[call.name])
        if reply.calls:
            return msgspec.json.encode(
                [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in reply.calls]
            ).decode()
        return reply.text


def _opened(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _frozen(value: Any) -> Any:
    return copy.deepcopy(cast("Any", value)) if isinstance(value, (dict, list)) else value


async def _result(call: ToolCall, function: Callable[..., Any]) -> str:
    try:
        arguments = as_fields(msgspec.json.decode(call.arguments))
    except msgspec.DecodeError as error:
        raise BlueprintError(f"the model called {call.name!r} with arguments that are not JSON: {error}") from error
    return str(await call_function(lambda: function(**arguments)))
