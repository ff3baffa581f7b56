"""What a provider allows, as its user knows it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from pydantic import ConfigDict

from aiocrew.errors import BlueprintError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a model at its provider, for all runs of the process together; None: learned from its answers.

    max_in_flight: calls under way at once.
    requests_per_minute: sent evenly, at most a second's worth at once (and at least one); no minute holds more.
    tokens_per_minute: prompt and reply together, evenly as well; estimated when a call starts, set right when it ends.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    """For who gives them as a dict."""

    max_in_flight: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value: Any = getattr(self, field.name)
            if value is not None and (type(value) is not int or value < 1):
                raise BlueprintError(f"Limits({field.name}={value!r}): a whole number of at least 1 is needed, or None")
