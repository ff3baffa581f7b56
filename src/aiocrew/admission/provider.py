"""The state of one provider's limits, and what its answers teach. Pure: no locks, loops or clocks."""

from __future__ import annotations

from aiocrew.admission.call import Call
from aiocrew.admission.ceiling import Ceiling
from aiocrew.admission.controller import Controller
from aiocrew.admission.headers import Told
from aiocrew.admission.rules import LONGEST_PAUSE_S, Rules
from aiocrew.types.limits import Limits

__all__ = ["ProviderController"]

_NEARLY_FULL = 0.75


class ProviderController(Controller):
    """A Controller whose ceiling and rules follow the user's limits and the provider's answers."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.ceiling = Ceiling()
        self.rules = Rules()
        self.declared: Limits | None = None
        self._too_many_at_once = False
        """Whether the last burst of rejections may have come of calls in flight."""
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
        # What let it out was wrong: the slots, if more were in flight than ever before, or nearly as many as might be.
        ceiling, rules = self.ceiling, self.rules
        by_slots = call.beside > ceiling.known
        may_be_by_slots = by_slots or rules.learned is None or call.beside >= _NEARLY_FULL * call.slots
        if rules.rejected(call, waits_s, told, now_s, chance, by_slots=by_slots):
            self._too_many_at_once = may_be_by_slots
            if may_be_by_slots:
                ceiling.cut(
                    max(call.beside, self.in_flight + 1),
                    now_s,
                    silence_s=rules.silence_s,
                    waits_s=min(waits_s or 0.0, LONGEST_PAUSE_S),
                    in_numbers=rules.knows_numbers,
                )
            if waits_s is not None:
                ceiling.reopen()
        elif self._too_many_at_once:
            ceiling.lower(call.beside)  # still fewer of this burst were accepted
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
