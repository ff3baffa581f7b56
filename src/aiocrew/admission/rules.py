"""What may go out over time: the user's limits, what the provider tells and teaches, pauses. Pure."""

from __future__ import annotations

import math
from typing import Final

from aiocrew.admission.bucket import Bucket
from aiocrew.admission.call import Call
from aiocrew.admission.headers import Told
from aiocrew.admission.quota import ToldQuota
from aiocrew.admission.rate import History, LearnedRate
from aiocrew.types.limits import Limits

__all__ = ["LONGEST_PAUSE_S", "Rules"]

LONGEST_PAUSE_S: Final = 120.0
_MINUTE_S = 60.0
_LEAST_WINDOW_S = 1.0
_LONGEST_WINDOW_S = 10.0
_LONGEST_SPREAD_S = 1.0
_SPREAD = 0.25
"""Of a pause: so that those who were told the same do not come back together."""
_LEAST_SILENCE_S = 0.010
_LONGEST_SILENCE_S = 5.0
"""Some refuse in the midst of a reply: nobody need wait as long as that took to see whether a call is refused."""
_SILENCE = 2.0
_SMOOTHING = 0.2
_ANY = 1e-3
"""Of tokens so many must be there; a call may take more, and the next one waits for it."""


class Rules:
    """All rules over time of one controller. Where there are none, which is usual, they cost nothing."""

    __slots__ = (
        "_about",
        "_about_reply_tokens",
        "_about_tokens",
        "_by_slots",
        "_cut_s",
        "_history",
        "_refused_after_s",
        "_sent",
        "_sent_reply_tokens",
        "_sent_tokens",
        "_told",
        "any",
        "counts_tokens",
        "learned",
        "paused_until_s",
        "requests",
        "tokens",
        "told_reply_tokens",
        "told_requests",
        "told_tokens",
    )

    def __init__(self) -> None:
        self.any = False
        self.counts_tokens = False
        """Whether calls must say how many tokens they will use."""
        self.paused_until_s = -math.inf
        self.learned: LearnedRate | None = None
        self.told_requests = ToldQuota()
        self.told_tokens = ToldQuota()
        self.told_reply_tokens = ToldQuota()
        self._told: tuple[tuple[ToldQuota, float], ...] = ()
        """Those of which something is known, and how much of each must be there for a call."""
        self.requests: Bucket | None = None
        self.tokens: Bucket | None = None
        self._history = History()
        self._cut_s = -math.inf
        self._by_slots = False
        """Whether the last burst of rejections came of calls in flight."""
        self._refused_after_s = 0.0
        """How long refusals take to come."""
        self._sent = 0
        self._sent_tokens = 0.0
        self._sent_reply_tokens = 0.0
        self._about = 0
        """Calls that have been told that they may go, and have not gone yet."""
        self._about_tokens = 0.0
        self._about_reply_tokens = 0.0

    def declare(self, limits: Limits) -> None:
        """Keep to the user's limits from now on."""
        # Numbers that replace others begin empty: who declares again and again gets no second's worth each time.
        requests = None if self.requests is None else 0.0
        tokens = None if self.tokens is None else 0.0
        self.requests = self.tokens = None
        if limits.requests_per_minute is not None:
            # With one call less in the refill than in the bucket no minute holds more than the limit.
            at_once = max(1.0, limits.requests_per_minute / _MINUTE_S)
            self.requests = Bucket((limits.requests_per_minute - at_once + 1) / _MINUTE_S, at_once, level=requests)
        if limits.tokens_per_minute is not None:
            per_second = limits.tokens_per_minute / _MINUTE_S
            self.tokens = Bucket(per_second, per_second, level=tokens)
        self.any = self.any or bool(self.requests or self.tokens)
        self._look_at_what_is_told()

    def _look_at_what_is_told(self) -> None:
        told = ((self.told_requests, 1.0), (self.told_tokens, _ANY), (self.told_reply_tokens, _ANY))
        self._told = tuple(pair for pair in told if pair[0].bucket is not None)
        told_tokens = self.told_tokens.bucket or self.told_reply_tokens.bucket
        self.counts_tokens = self.tokens is not None or told_tokens is not None

    def allow(self, now_s: float) -> bool:
        """Return whether one more call may go now."""
        return not self.any or self.allow_s(now_s) <= now_s

    def allow_s(self, now_s: float) -> float:
        """Return when one more call may go; `now_s` or earlier if it may now."""
        ready_s = self.paused_until_s
        for quota, least in self._told:
            ready_s = max(ready_s, quota.ready_s(now_s, least))
        if self.requests is not None:
            ready_s = max(ready_s, self.requests.ready_s(now_s, 1.0))
        if self.tokens is not None:
            ready_s = max(ready_s, self.tokens.ready_s(now_s, _ANY))
        if self.learned is not None:
            ready_s = max(ready_s, self.learned.ready_s(now_s))
        return ready_s

    def stands(self, now_s: float) -> bool:
        """Return whether a call that has been told that it may go still may: no pause has begun."""
        return self.paused_until_s <= now_s

    def wanted(self, now_s: float) -> None:
        """Calls wait for the rules: probe what was learned."""
        if self.learned is not None and self.paused_until_s <= now_s < self.learned.ready_s(now_s):
            self.learned.wanted(now_s)

    def take(self, call: Call, now_s: float) -> None:
        """Count a call that is about to go."""
        self._about += 1
        self._about_tokens += call.tokens
        self._about_reply_tokens += call.reply_tokens
        if not self.any:
            return
        self._take(call, now_s)
        if self.requests is not None:
            self.requests.keep(1.0, now_s)
        if self.tokens is not None:
            self.tokens.keep(call.tokens, now_s)

    def _take(self, call: Call, now_s: float) -> bool:
        """Take from what the provider told and taught. False when by its own numbers too little was left."""
        enough = self.told_requests.take(1.0, 1.0, now_s)
        enough &= self.told_tokens.take(call.tokens, _ANY, now_s)
        if self.told_reply_tokens.bucket is not None:
            enough &= self.told_reply_tokens.take(call.reply_tokens, _ANY, now_s)
        if self.learned is not None:
            self.learned.take(now_s)
        return enough

    def give_back(self, call: Call, now_s: float) -> None:
        """Uncount a call that did not go."""
        self._about -= 1
        self._about_tokens -= call.tokens
        self._about_reply_tokens -= call.reply_tokens
        if not self.any:
            return
        self.told_requests.give_back(1.0, now_s)
        self.told_tokens.give_back(call.tokens, now_s)
        self.told_reply_tokens.give_back(call.reply_tokens, now_s)
        if self.requests is not None:
            self.requests.unkeep(1.0, now_s)
        if self.tokens is not None:
            self.tokens.unkeep(call.tokens, now_s)
        if self.learned is not None:
            self.learned.give_back(now_s)

    def sent(self, call: Call, now_s: float) -> None:
        """Count a call that goes now."""
        if self.any:
            call.unexpected = not self._take(call, now_s)
            if self.requests is not None:
                self.requests.take(1.0, now_s)
            if self.tokens is not None:
                self.tokens.take(call.tokens, now_s)
        self._history.add(1, now_s)
        self._sent += 1
        self._sent_tokens += call.tokens
        self._sent_reply_tokens += call.reply_tokens
        call.number, call.sent_s = self._sent, now_s
        call.sent_tokens, call.sent_reply_tokens = self._sent_tokens, self._sent_reply_tokens

    def used(self, call: Call, tokens: float, reply_tokens: float, now_s: float) -> None:
        """A call used so many tokens, `reply_tokens` of them for its reply, whatever it was expected to."""
        # What was sent since other calls stays as it was expected: this one may have been sent before them.
        if self.tokens is not None:
            self.tokens.give_back(call.tokens - tokens, now_s)
        self.told_tokens.give_back(call.tokens - tokens, now_s)
        self.told_reply_tokens.give_back(call.reply_tokens - reply_tokens, now_s)

    def taken(self, call: Call) -> None:
        """The provider took a call."""
        if call.unexpected:
            for quota, _ in self._told:
                quota.doubt()

    def learn(self, call: Call, told: Told, now_s: float) -> None:
        """Take over what the answer to `call` tells of the provider's limits."""
        self.any = True
        age_s = now_s - call.sent_s
        if told.requests is not None:
            used = self._sent - call.number + self._about
            self.told_requests.correct(told.requests, used, age_s, now_s)
        if told.tokens is not None:
            used_tokens = self._sent_tokens - call.sent_tokens + self._about_tokens
            self.told_tokens.correct(told.tokens, used_tokens, age_s, now_s)
        if told.reply_tokens is not None:
            used_tokens = self._sent_reply_tokens - call.sent_reply_tokens + self._about_reply_tokens
            self.told_reply_tokens.correct(told.reply_tokens, used_tokens, age_s, now_s)
        if len(self._told) < (told.requests is not None) + (told.tokens is not None) + (told.reply_tokens is not None):
            self._look_at_what_is_told()

    def rejected(
        self,
        call: Call,
        waits_s: float | None,
        told: Told | None,
        now_s: float,
        chance: float,
        *,
        by_slots: bool = False,
    ) -> bool:
        """A call was one too many: learn from that. Return whether it is the first one of its burst.

        Calls that were sent before the last cut were part of what it answered: a round trip is cut once.
        by_slots: more were in flight than the provider was known to take, so it tells nothing of the rate.
        """
        self.any = True
        took_s = now_s - call.sent_s
        self._refused_after_s += (took_s - self._refused_after_s) * (_SMOOTHING if self._refused_after_s else 1.0)
        self._history.add(-1, now_s)
        if self.learned is not None:
            self.learned.rejected(call.sent_s)
        for quota, _ in self._told:
            quota.believe()
        first = call.sent_s > self._cut_s
        if first:
            self._by_slots = by_slots
            if not by_slots:
                self._learn_rate(waits_s, told, now_s)
            self._cut_s = now_s
        elif self.learned is not None and not self._by_slots:
            self.learned.counted_too_many(now_s)
        if waits_s is not None:
            self.pause(waits_s, now_s, chance if first else 0.0)
        return first

    def _learn_rate(self, waits_s: float | None, told: Told | None, now_s: float) -> None:
        if self.learned is not None:
            self.learned.cut(self._history, min(now_s, self.paused_until_s), now_s)
        elif self._cut_s > -math.inf or (waits_s is not None and (told is None or told.requests is None)):
            # The first time, what is told in numbers is believed; and where no time is named it may be a matter of
            # calls in flight, which the ceiling answers. If calls are rejected in spite of that, they are counted.
            since_s = 0.0 if self._cut_s == -math.inf else min(_LONGEST_WINDOW_S, now_s - self._cut_s)
            window_s = max(_LEAST_WINDOW_S, since_s, min(LONGEST_PAUSE_S, waits_s or 0.0))
            accepted = self._history.within(window_s, now_s)
            self.learned = LearnedRate(accepted, window_s, now_s, silence_s=self.silence_s)

    @property
    def knows_numbers(self) -> bool:
        """Whether the provider told what it limits."""
        return bool(self._told)

    @property
    def silence_s(self) -> float:
        """Return after how long a call that was not refused will not be."""
        return min(_LONGEST_SILENCE_S, max(_LEAST_SILENCE_S, _SILENCE * self._refused_after_s))

    def pause(self, seconds: float, now_s: float, chance: float) -> None:
        """Let nothing out for so long, two minutes at most, and a part of up to a second more."""
        self.any = True
        seconds = min(seconds, LONGEST_PAUSE_S)
        spread_s = chance * min(_LONGEST_SPREAD_S, _SPREAD * seconds)
        self.paused_until_s = max(self.paused_until_s, now_s + seconds + spread_s)
