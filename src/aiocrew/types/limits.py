"""What a provider allows, as its user knows it."""

from __future__ import annotations

from typing import Any

import msgspec

from aiocrew.errors import BlueprintError

__all__ = ["Limits"]


class Limits(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The limits of a model at its provider, for all runs of the process together; None: learned from its answers.

    max_in_flight: calls under way at once.
    requests_per_minute: sent evenly, at most a second's worth at once (and at least one); no minute holds more.
    tokens_per_minute: prompt and reply together, evenly as well; estimated when a call starts, set right when it ends.

    Models of the same provider, address, key and name share what is set; the one that was set last counts. Raises
    BlueprintError for what is no whole number of at least 1.
    """

    max_in_flight: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value: Any = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise BlueprintError(f"Limits({name}={value!r}): a whole number of at least 1 is needed, or None")
