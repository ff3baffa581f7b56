"""From whatever stands in llm= to a model that a run can use."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast, get_args

from aiocrew.errors import BlueprintError
from aiocrew.models.endpoint import ToolProtocol
from aiocrew.models.llm import LLM
from aiocrew.models.resolved import ResolvedModel
from aiocrew.types.ports import Model, StreamingModel
from aiocrew.types.prices import Price

__all__ = ["ResolvedModel", "resolve"]


def resolve(llm: str | LLM | Model | None) -> ResolvedModel:
    """Return the model for a string, an LLM, a user's own model, or None, which is the default model.

    A user's own model may say `tool_protocol = "text"` (it has no native tool calls) and `streams = True` (it is to be
    asked by `stream`). Cheap when repeated: unchanged fields and environment give the same Model object. Raises
    BlueprintError for anything else, and for an LLM that cannot be called.
    """
    if isinstance(llm, LLM):
        return llm.resolve()
    if llm is None or isinstance(llm, str):
        return _blueprint(llm).resolve()
    if isinstance(llm, type) or not callable(getattr(llm, "reply", None)):
        raise BlueprintError(_not_a_model(llm))
    return _own_model(llm)


def _own_model(model: Model) -> ResolvedModel:
    protocol: Any = getattr(model, "tool_protocol", "auto")
    if protocol not in get_args(ToolProtocol):
        raise BlueprintError(f"{type(model).__name__}.tool_protocol={protocol!r} must be 'auto', 'native' or 'text'")
    streams = bool(getattr(model, "streams", False)) and isinstance(model, StreamingModel)
    price: Any = getattr(model, "price", None)
    if not isinstance(price, Price | None):
        raise BlueprintError(f"{type(model).__name__}.price={price!r} must be a Price(input_usd=..., output_usd=...)")
    kind = type(model)
    return ResolvedModel(
        model,
        kind.__name__,
        cast("ToolProtocol", protocol),
        stream=streams,
        identity=f"{kind.__module__}.{kind.__qualname__} {protocol} {getattr(model, 'identity', '')}".encode(),
        price=price,
    )


@lru_cache(maxsize=1024)
def _blueprint(model: str | None) -> LLM:
    if model is not None and not model.strip():
        raise BlueprintError("llm='' names no model; leave it out for the default model")
    return LLM(model)


def _not_a_model(llm: Any) -> str:
    what = f"the class {llm.__name__}" if isinstance(llm, type) else f"a {type(llm).__name__}"
    return (
        f"llm= takes a name such as 'openai/gpt-4o-mini', an LLM(...), or an object with "
        f"`async def reply(self, request)`; this is {what}"
    )
