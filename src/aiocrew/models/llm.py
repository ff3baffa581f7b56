"""The blueprint of a model: which one, where, and with which parameters."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast, overload

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, field_validator

from aiocrew.aio.door import run_sync
from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.models.api_key import ApiKey
from aiocrew.models.endpoint import ToolProtocol
from aiocrew.models.environment import shown_of
from aiocrew.models.extras import checked_body, checked_headers
from aiocrew.models.resolved import ResolvedModel
from aiocrew.models.resolving import PARAMETERS, WrittenModel, resolve_written
from aiocrew.models.shown import shown_url
from aiocrew.types.blueprint import Blueprint
from aiocrew.types.limits import Limits
from aiocrew.types.messages import Message, ToolSpec
from aiocrew.types.prices import Price

__all__ = ["LLM"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_SHOWN = ("model", "base_url", "api_key")
"""Fields that may show what the environment gave."""


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


_of_environment: list[_Memo] = []
"""What the last LLM came to that left model, address and key to the environment; at most one."""


class LLM(Blueprint):
    """A model: `LLM("openai/gpt-4o-mini")`, with CrewAI's parameters.

    model: "provider/model", "provider:model" or a model of OpenAI; without it OPENAI_MODEL_NAME, MODEL or gpt-4o-mini.
    timeout: seconds for one attempt. max_retries: attempts after the first; this is the only retry layer of a call.
    limits: what the provider allows, where that is known; without it, it is learned from the answers.
    response_format: sent as it is, or a pydantic class whose schema the model must keep to; `call` and `acall` then
        return an instance of it.
    extra_headers: sent with every request, in place of ours of the same name; those that frame a request are refused.
    extra_body: fields of every request's body, in place of parameters of the same name; model, messages, tools and
    stream are refused.
    price: what its tokens cost, in place of the price list of the extra `cost`.
    tool_protocol: "native" tool calls, "text" for models without, "auto" understands both.
    callbacks: told of every call that was completed: functions of (kwargs, completion_response, start_time, end_time),
        and objects with log_success_event or async_log_success_event.

    A subclass may have attributes of its own, and an `__init__` that never calls this one: its fields then have their
    defaults. One that overrides `call` or `acall` answers by itself wherever it stands in llm=; CrewAI's fields that
    aiocrew does not have are then attributes of its own.
    """

    # Slots: no part of what an LLM is, and faster than private attributes. Copies start without a memo.
    __slots__ = ("_memo", "_shown")

    model_config = ConfigDict(validate_assignment=True, allow_inf_nan=False, hide_input_in_errors=True)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
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
    n: int | None = None
    callbacks: list[Any] | None = Field(default=None, exclude=True)

    def __new__(cls, *_: Any, **__: Any) -> Self:
        self = super().__new__(cls)
        # Slots that are not set are asked of pydantic's slow `__getattr__`.
        object.__setattr__(self, "_memo", None)
        object.__setattr__(self, "_shown", None)
        if cls.__init__ is not LLM.__init__:  # it may never come to ours, and is an LLM all the same
            _begin(self)
        return self

    def __init__(self, model: str | None = None, **fields: Any) -> None:
        if model is not None:
            fields["model"] = model
        if type(self) is LLM:
            super().__init__(**fields)
            return
        own = {name: value for name, value in vars(self).items() if self._is_own(name)}
        own |= {name: fields.pop(name) for name in self.not_built if name in fields and self._is_own(name)}
        super().__init__(**fields)
        vars(self).update(own)  # what a subclass began before us; pydantic starts from nothing

    def __setattr__(self, name: str, value: Any) -> None:
        if type(self) is LLM or name.startswith("_"):
            super().__setattr__(name, value)
            return
        if self._is_own(name):
            vars(self)[name] = value
            return
        # pydantic checks all that is there, and would drop these.
        own = {known: vars(self).pop(known) for known in list(vars(self)) if self._is_own(known)}
        try:
            super().__setattr__(name, value)
        finally:
            vars(self).update(own)

    @classmethod
    def answers_itself(cls) -> bool:
        """Return whether it is a subclass with a `call` or `acall` of its own."""
        return cls.call is not LLM.call or cls.acall is not LLM.acall

    @classmethod
    def _is_own(cls, name: str) -> bool:
        """Return whether `name` is an attribute that only a subclass knows."""
        if name.startswith("_") or name in cls.model_fields or (name in cls.not_built and not cls.answers_itself()):
            return False
        return cls.model_config.get("extra") is None and not isinstance(getattr(cls, name, None), property)

    @classmethod
    def of_environment(cls) -> Self:
        """Return an LLM that shows the model, base_url and api_key that the environment names now.

        It shows them only: as long as a field is what was shown, it counts as not given, and the environment of the
        moment when the LLM is resolved decides.
        """
        llm = cls(**shown_of(_getenv))
        llm._shown = {name: getattr(llm, name) for name in _SHOWN}
        if cls is LLM and _of_environment:
            llm._memo = _of_environment[-1]  # most likely it holds: agents without a model are made by the thousand
        return llm

    def __copy__(self) -> Self:
        return _shown_alike(self, super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _shown_alike(self, super().__deepcopy__(memo))

    def __getstate__(self) -> dict[Any, Any]:
        state, shown = super().__getstate__(), self._shown
        if shown is not None and self.api_key == shown["api_key"]:
            # A key that only the environment gave is none of the LLM's: it goes into no file.
            state["__dict__"] = {**state["__dict__"], "api_key": None}
            shown = {**shown, "api_key": None}
        return state | {"_shown": shown}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._shown = state.get("_shown")

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

    @field_validator("n")
    @classmethod
    def _check_n(cls, n: int | None) -> int | None:
        if n not in (None, 1):
            raise NotBuiltError(f"LLM(n={n}): aiocrew asks for one reply to each call; leave n out")
        return n

    @field_validator("callbacks")
    @classmethod
    def _check_callbacks(cls, callbacks: list[Any] | None) -> list[Any] | None:
        from aiocrew.models.call_callbacks import checked_callbacks  # here and below: few need it

        return callbacks and checked_callbacks(callbacks)

    @field_validator("api_key")
    @classmethod
    def _make_comparable(cls, key: SecretStr | None) -> SecretStr | None:
        return None if key is None else ApiKey(key.get_secret_value())

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
        memo = cast("_Memo | None", self._memo)
        if memo is not None and memo.holds(fields):
            return memo.resolved
        # Copied first: where a field changes meanwhile in another thread, the next call sees the difference.
        seen = dict(fields)
        for name, value in seen.items():
            if isinstance(value, (dict, list)) and name in LLM.model_fields:  # what a subclass adds is its own to guard
                # Callbacks are what they are: a copy of one would be another one.
                seen[name] = list(cast("Any", value)) if name == "callbacks" else copy.deepcopy(cast("Any", value))
        environment: dict[str, str | None] = {}

        def getenv(name: str) -> str:
            environment[name] = os.environ.get(name)
            return (environment[name] or "").strip()

        resolved = resolve_written(self._written(), getenv)
        memo = self._memo = _Memo(seen, list(environment.items()), resolved)
        if type(self) is LLM and self._shown is not None and not self._is_given():
            _of_environment[:] = [memo]
        return resolved

    def _given(self, name: str) -> Any:
        """Return a field, or None where it only shows what the environment gave."""
        value = getattr(self, name)
        shown: dict[str, Any] | None = self._shown
        return None if shown is not None and value == shown[name] else value

    def _is_given(self) -> bool:
        return any(self._given(name) is not None for name in _SHOWN)

    def _written(self) -> WrittenModel:
        key: SecretStr | None = self._given("api_key")
        return WrittenModel(
            model=self._given("model") or "",
            base_url=self._given("base_url") or self.api_base or "",
            api_key=None if key is None else key.get_secret_value(),
            api_version=self.api_version or "",
            parameters={name: getattr(self, name) for name in PARAMETERS},
            response_format=self.response_format,
            extra_headers=self.extra_headers or {},
            extra_body=self.extra_body or {},
            timeout_s=self.timeout,
            max_retries=self.max_retries,
            limits=self.limits,
            price=self.price,
            stream=self.stream,
            tool_protocol=self.tool_protocol,
            callbacks=tuple(self.callbacks or ()),
        )

    def supports_function_calling(self) -> bool:
        """Return whether its tool calls are native ones."""
        return self.tool_protocol != "text"

    @overload
    def call(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[M],
    ) -> M: ...
    @overload
    def call(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[BaseModel] | None = None,
    ) -> str | Any: ...
    def call(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[BaseModel] | None = None,
    ) -> str | Any:
        """Return what `acall` returns, from code that cannot await; inside a running loop it blocks that loop."""
        return run_sync(
            lambda: self.acall(messages, tools, callbacks, available_functions, response_model=response_model)
        )

    @overload
    async def acall(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[M],
    ) -> M: ...
    @overload
    async def acall(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[BaseModel] | None = None,
    ) -> str | Any: ...
    async def acall(
        self,
        messages: str | Sequence[Message | Mapping[str, Any]],
        tools: Sequence[ToolSpec | Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        available_functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        response_model: type[BaseModel] | None = None,
    ) -> str | Any:
        """Return the model's answer to a prompt or to a list of {"role", "content"}.

        With a `response_model`, or a class as the LLM's response_format, that is an instance of it: an answer that is
        none goes back to the model, twice at most. Where the model calls one of `available_functions`, its answer is
        what that function gives; where it calls other tools, their calls as JSON. `callbacks` are told of each call
        beside the LLM's own. Raises ProviderError, ModelRefusedError when the model declines, UnusableReplyError, and
        CallbackError.
        """
        from aiocrew.models.direct_call import call_directly

        form = response_model or self.response_format
        form = form if isinstance(form, type) else None
        return await call_directly(self.resolve(), messages, tools, callbacks, available_functions, form)


def _opened(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _shown_alike(llm: LLM, other: T) -> T:
    """Return `other`, a copy of `llm`, which shows the environment where `llm` does."""
    object.__setattr__(other, "_shown", getattr(llm, "_shown", None))
    return other


def _getenv(name: str) -> str:
    return os.environ.get(name, "").strip()


def _begin(llm: LLM) -> None:
    """Make `llm` one whose fields have their defaults."""
    cls = type(llm)
    fields = {
        name: info.get_default(call_default_factory=True)
        for name, info in cls.model_fields.items()
        if not info.is_required()
    }
    private = {name: info.get_default() for name, info in cls.__private_attributes__.items()}
    for name, value in (
        ("__dict__", fields),
        ("__pydantic_fields_set__", set[str]()),
        ("__pydantic_extra__", None),
        ("__pydantic_private__", private or None),
    ):
        object.__setattr__(llm, name, value)
