"""What tokens cost."""

from __future__ import annotations

import msgspec

from aiocrew.types.usage import Usage

__all__ = ["Price"]

_MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Dollars for a million tokens.

    cached_usd: for tokens of the prompt that the provider had cached; without it they cost as others.
    cache_write_usd: for tokens that the provider puts into its cache; without it they cost as others.
    request_usd: for each request beside its tokens.
    """

    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    cache_write_usd: float | None = None
    request_usd: float = 0.0

    def cost_usd(self, usage: Usage) -> float:
        """Return what the tokens of one call cost."""
        cached = self.input_usd if self.cached_usd is None else self.cached_usd
        written = self.input_usd if self.cache_write_usd is None else self.cache_write_usd
        plain = usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_creation_tokens
        return (
            self.request_usd
            + (
                max(0, plain) * self.input_usd
                + usage.cached_prompt_tokens * cached
                + usage.cache_creation_tokens * written
                + usage.completion_tokens * self.output_usd
            )
            / _MILLION
        )
