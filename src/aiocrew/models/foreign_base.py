"""What models that others wrote have in common once they are models of ours."""

from __future__ import annotations

from typing import Any, cast

from aiocrew.models.endpoint import ToolProtocol
from aiocrew.models.json_values import as_items
from aiocrew.models.real_requests import GATE
from aiocrew.types.messages import Reply, Request
from aiocrew.types.prices import Price

__all__ = ["ForeignModel", "model_name", "nearest"]

_INTEGRATIONS = frozenset({"anthropic", "crewai", "litellm", "llama_index", "openai"})
_ONLY_PROTOCOLS = frozenset({"langchain_core", "langchain_tests"})
_INNER, _INNER_LISTS = ("bound", "runnable"), ("fallbacks", "steps")
_NAMES = ("model_name", "model", "deployment_name")


class ForeignModel:
    """An object of somebody else, as a Model. What it does not have itself is looked up on `original`."""

    streams = False

    def __init__(self, original: Any, tool_protocol: ToolProtocol) -> None:
        self.original = original
        self.name = type(original).__name__
        self.tool_protocol: ToolProtocol = tool_protocol
        price: Any = getattr(original, "price", None)
        self.price = price if isinstance(price, Price) else None

    @property
    def identity(self) -> str:
        """Equal for objects of one class that name the same model."""
        kind = cast("type[Any]", type(self.original))
        return f"{kind.__module__}.{kind.__qualname__} {self.tool_protocol} {model_name(self.original)}"

    async def reply(self, request: Request) -> Reply:
        """Return what the object answers; raises what it raises."""
        raise NotImplementedError

    def leave(self) -> None:
        """To be called before the object is asked. Raises ModelRequestForbiddenError where it would send a request."""
        if GATE.closed and _sends(self.original):
            GATE.refuse(model_name(self.original) or self.name, "")

    def __getattr__(self, name: str) -> Any:
        if name == "original" or name.startswith("__"):  # copying asks before there is one
            raise AttributeError(name)
        return getattr(self.original, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"  # the object itself may show a key


def _sends(original: Any) -> bool:
    """Return whether an object, or what it hands its work on to, is of a package that wraps a provider.

    What a class of the user's own does, nobody knows; such packages' fakes and bare bases send nothing.
    """
    modules = [kind.__module__ for kind in type(original).__mro__]
    if any(_is_integration(module) for module in modules):
        return True
    inner = (getattr(original, name, None) for name in _INNER)
    several = (item for name in _INNER_LISTS for item in as_items(getattr(original, name, None)))
    return any(_sends(part) for part in (*inner, *several) if part is not None)


def _is_integration(module: str) -> bool:
    package = module.partition(".")[0]
    wraps = package in _INTEGRATIONS or (package.startswith("langchain_") and package not in _ONLY_PROTOCOLS)
    return wraps and not {"fake", "base_llm"} & set(module.split("."))


def model_name(thing: Any) -> str:
    """Return the model that an object names, or ""."""
    values = (getattr(thing, name, None) for name in _NAMES)
    return next((value for value in values if isinstance(value, str) and value.strip()), "")


def nearest(thing: Any, names: tuple[str, ...]) -> str:
    """Return which method is defined nearest to the object's class; of one class's the first. "" where there is none.

    So what a subclass overrides counts, and not what its base has beside it.
    """
    for kind in type(thing).__mro__:
        for name in names:
            if callable(vars(kind).get(name)):
                return name
    return next((name for name in names if callable(getattr(thing, name, None))), "")
