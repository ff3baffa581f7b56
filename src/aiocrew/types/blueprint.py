"""The base of what people write: fields by name, and a clear word about those that are not there."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, model_validator

from aiocrew.errors import NotBuiltError

__all__ = ["AiocrewWarning", "Blueprint"]


class AiocrewWarning(UserWarning):
    """Something works, but most likely not as it was meant."""


def _with_config(given: dict[str, Any]) -> dict[str, Any]:
    config = given.get("config")
    return {**config, **given} if isinstance(config, dict) else given


def _shown(value: Any) -> str:
    # A text or an object (an embedder's settings, parameters of a client) may hold a key.
    return repr(value) if value is None or isinstance(value, (bool, int, float, Enum)) else "..."


class Blueprint(BaseModel):
    """A pydantic model that takes CrewAI's keywords, singly or as `config={...}` where there is such a field.

    A keyword that `not_built` lists may be given its inert value (which asks for nothing); any other value raises
    NotBuiltError. A keyword that nobody knows is dropped with a warning that names the nearest field.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    """CrewAI's fields that are not there yet, each with the values that ask for nothing."""

    instead: ClassVar[Mapping[str, str]] = {}
    """For some of them, what there is in their place."""

    frames_to_caller: ClassVar[int] = 4
    """From where a warning is given to the user's line: that method, the validator, pydantic's __init__, the caller."""

    @model_validator(mode="before")
    @classmethod
    def _check_keywords(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = _with_config(cast("dict[str, Any]", data)) if "config" in cls.model_fields else cast("Any", data)
        if given.keys() <= cls.model_fields.keys():
            return given
        known: dict[str, Any] = {}
        for name, value in given.items():
            if name in cls.model_fields:
                known[name] = value
            elif name in cls.not_built:
                cls._refuse_unless_inert(name, value)
            else:
                cls._warn_unknown(name)
        return known

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).not_built:
            self._refuse_unless_inert(name, value)
        else:
            super().__setattr__(name, value)

    @classmethod
    def _refuse_unless_inert(cls, name: str, value: Any) -> None:
        if not any(value is inert or value == inert for inert in cls.not_built[name]):
            way = cls.instead.get(name)
            advice = f"Instead: {way}." if way else "Leave it out, or keep what needs it on CrewAI until it is built."
            raise NotBuiltError(f"{cls.__name__}({name}={_shown(value)}): aiocrew does not have {name!r} yet. {advice}")

    @classmethod
    def _warn_unknown(cls, name: str) -> None:
        nearest = difflib.get_close_matches(name, [*cls.model_fields, *cls.not_built], n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        text = f"{cls.__name__} has no field {name!r}, it is ignored{hint}"
        warnings.warn(text, AiocrewWarning, stacklevel=cls.frames_to_caller)
