"""From whatever stands in llm= to a model that a run can use."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast, get_args

from aiocrew.errors import BlueprintError
from aiocrew.models.endpoint import ToolProtocol
from aiocrew.models.foreign import ForeignModel, adopted, in_its_own_way
from aiocrew.models.llm import LLM
from aiocrew.models.resolved import ResolvedModel, pieces_of
from aiocrew.types.prices import Price

__all__ = ["ResolvedModel", "resolve"]


def resolve(llm: Any) -> ResolvedModel:
    """Return the model for a string, an LLM, a user's own model, or None, which is the default model.

    A user's own model may say `tool_protocol = "text"` (it has no native tool calls) and `streams = True` (it is to be
    asked by `stream`). Models of CrewAI's and LangChain's protocols are taken as `adopted` takes them. Cheap when
    repeated: unchanged fields and environment give the same Model object. Raises BlueprintError for anything else, and
    for an LLM that cannot be called.
    """
    if llm is None or isinstance(llm, str):
        return _blueprint(llm).resolve()
    if not isinstance(llm, LLM):
        llm = adopted(llm)
    if not isinstance(llm, LLM):
        return _own_model(llm)
    own = in_its_own_way(llm)
    return llm.resolve() if own is None else _own_model(own)


def _own_model(model: Any) -> ResolvedModel:
    protocol: Any = getattr(model, "tool_protocol", "auto")
    if protocol not in get_args(ToolProtocol):
        raise BlueprintError(f"{type(model).__name__}.tool_protocol={protocol!r} must be 'auto', 'native' or 'text'")
    # What ForeignModel does not have itself is looked up elsewhere, where `stream` means something else.
    pieces = None if isinstance(model, ForeignModel) else pieces_of(model)
    streams = bool(getattr(model, "streams", False)) and pieces is not None
    price: Any = getattr(model, "price", None)
    if not isinstance(price, Price | None):
        raise BlueprintError(f"{type(model).__name__}.price={price!r} must be a Price(input_usd=..., output_usd=...)")
    kind = cast("type[Any]", type(model))
    if isinstance(model, ForeignModel):
        name, identity = model.name, model.identity
    else:
        name = kind.__name__
        identity = f"{kind.__module__}.{kind.__qualname__} {protocol} {getattr(model, 'identity', '')}"
    return ResolvedModel(
        model,
        name,
        cast("ToolProtocol", protocol),
        stream=streams,
        identity=identity.encode(),
        price=price,
        pieces=pieces,
    )


@lru_cache(maxsize=1024)
def _blueprint(model: str | None) -> LLM:
    if model is not None and not model.strip():
        raise BlueprintError("llm='' names no model; leave it out for the default model")
    return LLM(model)
