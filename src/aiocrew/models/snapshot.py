"""What admission holds at this moment, for people and dashboards."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import msgspec

from aiocrew.models.shown import shown_url

if TYPE_CHECKING:
    from aiocrew.admission.bucket import Bucket
    from aiocrew.admission.limits import Identity, Limit

__all__ = ["Allowance", "LimitState", "admission_snapshot"]

_MINUTE_S = 60.0

_FINGERPRINT = 8


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """Requests or tokens that may still go out now."""

    per_minute: float
    left: float
    """Below 0: more was used than there was, and is being paid back."""


class LimitState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One (provider, base URL, key, model), for all runs of the process."""

    provider: str
    base_url: str
    """Without user, password and query."""
    key: str
    """A fingerprint of the API key, "" where there is none: equal for equal keys, and nothing can be read from it."""
    model: str
    in_flight: int
    exceeding: int
    """Of those in flight, calls of a synchronous kickoff() that blocks a running loop: they wait for no slot."""
    ceiling: int
    """How many may be in flight now; it is learned where the user has set no limit."""
    waiting: int
    requests: Allowance | None
    """By the user's own limit."""
    tokens: Allowance | None
    told_requests: Allowance | None
    """By the provider's headers."""
    told_tokens: Allowance | None
    told_reply_tokens: Allowance | None
    """Where the provider counts the tokens of replies apart."""
    learned_per_minute: float | None
    """The rate of requests that rejections have taught; None as long as none did."""
    paused_for_s: float
    """How long the provider has asked to wait still."""
    rejections: int
    """Replies of 429 since the process began."""
    retries: int


def admission_snapshot() -> tuple[LimitState, ...]:
    """Return the state of every limit that some model of this process has, in the order of provider and model."""
    # Here, because who only imports aiocrew shall not wait for what limits need.
    from aiocrew.admission.limits import all_limits

    return tuple(sorted((_state(identity, limit) for identity, limit in all_limits()), key=_order))


def _order(state: LimitState) -> tuple[str, ...]:
    return state.provider, state.model, state.base_url, state.key


def _state(identity: Identity, limit: Limit) -> LimitState:
    provider, url, key, model = identity
    with limit.reading() as (controller, now_s):
        rules = controller.rules
        learned = rules.learned
        return LimitState(
            provider=provider,
            base_url=shown_url(url),
            key=hashlib.blake2b(key.encode(errors="surrogateescape"), digest_size=_FINGERPRINT).hexdigest()
            if key
            else "",
            model=model,
            in_flight=controller.in_flight,
            exceeding=controller.unbounded,
            ceiling=controller.ceiling.value,
            waiting=controller.waiting,
            requests=_allowance(rules.requests, now_s),
            tokens=_allowance(rules.tokens, now_s),
            told_requests=_allowance(rules.told_requests.bucket, now_s),
            told_tokens=_allowance(rules.told_tokens.bucket, now_s),
            told_reply_tokens=_allowance(rules.told_reply_tokens.bucket, now_s),
            learned_per_minute=None if learned is None else _MINUTE_S * learned.rate,
            paused_for_s=max(0.0, rules.paused_until_s - now_s) if rules.paused_until_s > -math.inf else 0.0,
            rejections=limit.rejections,
            retries=limit.retries,
        )


def _allowance(bucket: Bucket | None, now_s: float) -> Allowance | None:
    return None if bucket is None else Allowance(_MINUTE_S * bucket.rate, bucket.level(now_s))
