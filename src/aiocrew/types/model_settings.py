"""What is the same for every request to a model: where it goes, and with which parameters."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["ModelSettings", "OutputType"]

OutputType: TypeAlias = Literal["", "text", "json"]


class ModelSettings(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, cache_hash=True):
    """A model as its requests name it. It holds no key, no header and no path of an address.

    Made once for each resolved model, so that all its calls refer to one object. Parameters are those that are sent;
    None where the provider's own default holds.
    """

    provider: str
    """As it stands before the slash of "openai/gpt-4o-mini"."""
    model: str
    """The name on the wire."""
    server: str = ""
    """The host, without brackets around an IPv6 address."""
    port: int | None = None
    stream: bool = False
    """Replies are asked for in pieces, whether somebody reads the pieces or not."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_tokens: int | None = None
    """At most so many in a reply, by whichever name the model takes that."""
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
    choices: int | None = None
    reasoning_effort: str = ""
    service_tier: str = ""
    output_type: OutputType = ""
    """Of the form that every reply has to have; a single request may ask for one besides."""
    max_in_flight: int | None = None
    """How many calls may be under way at once, where the user said."""
