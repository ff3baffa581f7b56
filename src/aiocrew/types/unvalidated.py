"""Models of pydantic's that the engine itself fills: validating them costs more than the rest of what ends a run."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

__all__ = ["filled"]

M = TypeVar("M", bound=BaseModel)


def filled(cls: type[M], fields: dict[str, Any], given: set[str]) -> M:
    """Return a `cls` that holds `fields`, all of its fields in their order, of which `given` count as set.

    They are not looked at: it is what validating them would give, where they are right.
    """
    model = cls.__new__(cls)
    put = object.__setattr__
    put(model, "__dict__", fields)
    put(model, "__pydantic_fields_set__", given)
    put(model, "__pydantic_extra__", None)
    put(model, "__pydantic_private__", None)
    return model
