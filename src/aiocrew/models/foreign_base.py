"""What models that others wrote have in common once they are models of ours."""

from __future__ import annotations

from typing import Any, cast

from aiocrew.models.endpoint import ToolProtocol
from aiocrew.types.messages import Reply, Request
from aiocrew.types.prices import Price

__all__ = ["ForeignModel", "model_name", "nearest"]

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

    def __getattr__(self, name: str) -> Any:
        if name == "original" or name.startswith("__"):  # copying asks before there is one
            raise AttributeError(name)
        return getattr(self.original, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"  # the object itself may show a key


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
