"""The state of one provider's limits, and what its answers teach. Pure: no locks, loops or clocks."""

from __future__ import annotations

from aiocrew.admission.call import Call
from aiocrew.admission.ceiling import Ceiling
from aiocrew.admission.controller import Controller
from aiocrew.admission.headers import Told
from aiocrew.admission.rules import Rules
from aiocrew.types.limits import Limits

__all__ = ["ProviderController"]


class ProviderController(Controller):
    """A Controller whose ceiling and rules follow the user's limits and the provider's answers."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.ceiling = Ceiling()
        self.rules = Rules()
        self.declared: Limits | None = None
        super().__init__(self.ceiling, self.rules)
        if limits is not None:
            self.declare(limits)

    def declare(self, limits: Limits) -> None:
        """Keep to the user's own limits from now on; calls in flight go on."""
        if limits != self.declared:
            self.declared = limits
            self.ceiling.most = limits.max_in_flight
            self.rules.declare(limits)

    def accepted(
        self, call: Call, tokens: float | None, told: Told | None, now_s: float, reply_tokens: float = 0.0
    ) -> bool:
        """The provider took the call, which used so many tokens, `reply_tokens` of them for its reply.

        False when the call had ended already.
        """
        if not self.ended(call):
            return False
        self.ceiling.accepted(now_s - call.sent_s, now_s)
        if self.rules.any:
            self.rules.taken(call)
            if tokens is not None:
                self.rules.used(call, tokens, reply_tokens, now_s)
        if told is not None:
            self.rules.learn(call, told, now_s)  # after that: what is told counts what the call used
        return True

    def rejected(self, call: Call, waits_s: float | None, told: Told | None, now_s: float, chance: float) -> bool:
        """The call was one too many. False when it had ended already.

        waits_s: what the provider asks to wait. chance: a number in [0, 1), for the spread after a pause.
        """
        if not self.ended(call):
            return False
        if told is not None:
            self.rules.learn(call, told, now_s)
        first = self.rules.rejected(call, waits_s, told, now_s, chance)
        if first:
            # Calls that wait for no slot may be in flight beyond the ceiling: it is never cut to more than it was.
            ceiling = self.ceiling.value
            self.ceiling.cut(min(self.in_flight, ceiling) if call.saturating else ceiling, now_s)
            if waits_s is not None:
                self.ceiling.reopen()
        elif call.saturating:
            self.ceiling.lower(self.in_flight)  # still fewer of this burst were accepted
        return True

    def overloaded(self, call: Call, waits_s: float, now_s: float, chance: float) -> bool:
        """The provider cannot serve for so long: all wait, and begin gently. False when the call had ended already."""
        if not self.ended(call):
            return False
        begins = self.rules.paused_until_s <= now_s
        self.rules.pause(waits_s, now_s, chance if begins else 0.0)
        if begins:
            self.ceiling.reopen()
        return True
