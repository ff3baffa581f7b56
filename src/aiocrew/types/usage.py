"""Tokens that were used, for a call and summed over calls."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pydantic import BaseModel

from aiocrew.types.unvalidated import filled

__all__ = ["Usage", "UsageMetrics"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """The tokens of one model call, as its provider counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0
    """Of the prompt's tokens, those read from the provider's cache."""
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    """Of the completion's tokens, those spent on reasoning."""


class UsageMetrics(BaseModel):
    """The tokens of several calls: of a task, of a run, of a batch."""

    total_tokens: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    successful_requests: int = 0
    reasoning_tokens: int = 0
    cache_creation_tokens: int = 0

    @classmethod
    def sum_of(cls, usages: Sequence[Usage]) -> UsageMetrics:
        """Return the sum over successful calls."""
        prompt = completion = cached = created = reasoning = 0
        for usage in usages:
            prompt += usage.prompt_tokens
            completion += usage.completion_tokens
            cached += usage.cached_prompt_tokens
            created += usage.cache_creation_tokens
            reasoning += usage.reasoning_tokens
        fields = {
            "total_tokens": prompt + completion,
            "prompt_tokens": prompt,
            "cached_prompt_tokens": cached,
            "completion_tokens": completion,
            "successful_requests": len(usages),
            "reasoning_tokens": reasoning,
            "cache_creation_tokens": created,
        }
        return filled(cls, fields, set(fields))

    def add_usage_metrics(self, other: UsageMetrics) -> None:
        """Count what `other` counted."""
        self.total_tokens += other.total_tokens
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cached_prompt_tokens += other.cached_prompt_tokens
        self.cache_creation_tokens += other.cache_creation_tokens
        self.reasoning_tokens += other.reasoning_tokens
        self.successful_requests += other.successful_requests
