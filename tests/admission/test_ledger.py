"""The books of a budget: nothing passes its limits, nothing leaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.admission.ledger import Amount, Granted, Ledger, Limits, Need, Refused, Wait

amounts = st.builds(Amount, st.integers(0, 40), st.integers(0, 40), st.integers(0, 2))
eaches = st.builds(Amount, st.integers(0, 3), st.integers(0, 3))
some = st.one_of(st.none(), st.integers(1, 120))
limits = st.builds(Limits, some, some, some)


@st.composite
def needs(draw: st.DrawFn) -> Need:
    asked = draw(st.integers(1, 30))
    least = draw(st.one_of(st.just(asked), st.integers(1, asked)))
    return Need(draw(amounts), draw(eaches), asked=asked, least=least)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), needs(), st.booleans()),
        st.tuples(st.just("keep"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("settle"), st.integers(0, 20), st.integers(0, 100)),
    ),
    max_size=40,
)


def fits(limits: Limits, amount: Amount) -> bool:
    return not limits.too_small_for(amount)


def part(amount: Amount, percent: int) -> Amount:
    return Amount(amount.picodollars * percent // 100, amount.tokens * percent // 100, amount.requests)


@given(limits, STEPS)
def test_what_is_spent_and_set_aside_never_passes_a_limit_and_every_hold_ends_once(
    limits: Limits, steps: list[tuple[str, Need | int, int]]
) -> None:
    ledger, open_holds, spent = Ledger(limits), [], Amount()
    for kind, what, more in steps:
        if kind == "reserve":
            decision = ledger.reserve(what, others_wait=bool(more))
            if isinstance(decision, Granted):
                assert what.least <= decision.reply_tokens <= what.asked
                assert decision.amount == what.at(decision.reply_tokens)
                open_holds.append(decision)
        elif open_holds:
            granted = open_holds.pop(what % len(open_holds))
            used = None if kind == "keep" else part(granted.amount, more)
            spent += granted.amount if used is None else used
            assert ledger.end(granted.number, used)
            assert not ledger.end(granted.number, granted.amount)
        assert ledger.spent == spent
        assert ledger.set_aside == sum((granted.amount for granted in open_holds), Amount())
        assert ledger.open == len(open_holds)
        assert fits(limits, ledger.spent + ledger.set_aside)
    for granted in open_holds:
        ledger.end(granted.number, Amount())
    assert (ledger.open, ledger.set_aside, ledger.exceeded) == (0, Amount(), 0)


@given(limits, st.lists(needs(), max_size=10), needs())
def test_a_call_waits_only_while_others_are_open_and_is_refused_only_when_it_would_not_fit_alone(
    limits: Limits, before: list[Need], need: Need
) -> None:
    ledger = Ledger(limits)
    held = [decision for one in before if isinstance(decision := ledger.reserve(one), Granted)]
    decision = ledger.reserve(need)
    if isinstance(decision, Wait):
        assert held
        assert not fits(limits, ledger.set_aside + need.at(need.asked))
        for granted in held:
            ledger.end(granted.number, Amount())
        assert isinstance(ledger.reserve(need), Granted)
    elif isinstance(decision, Refused):
        assert decision.by
        assert not fits(limits, need.at(need.least))


@given(limits, st.lists(needs(), max_size=10))
def test_a_call_that_may_not_wait_is_granted_or_refused_and_what_it_exceeds_is_counted(
    limits: Limits, asked: list[Need]
) -> None:
    ledger = Ledger(limits)
    for need in asked:
        before = ledger.exceeded
        decision = ledger.reserve(need, unbounded=True, others_wait=True)
        assert not isinstance(decision, Wait)
        if isinstance(decision, Granted):
            assert fits(limits, ledger.spent + decision.amount)
            assert fits(limits, ledger.spent + ledger.set_aside) or ledger.exceeded > 0
            assert ledger.exceeded - before in (0, 1)


def test_a_reply_of_free_length_gets_what_is_left_when_nothing_is_open() -> None:
    ledger = Ledger(Limits(tokens=1_000))
    need = Need(Amount(tokens=100), Amount(tokens=1), asked=8_192, least=256)
    granted = ledger.reserve(need)
    assert granted == Granted(0, Amount(tokens=1_000), 900)
    assert isinstance(ledger.reserve(need), Wait)
    ledger.end(0, Amount(tokens=700))
    assert ledger.reserve(need) == Refused(("tokens",))


def test_what_was_used_beyond_the_hold_counts() -> None:
    ledger = Ledger(Limits(tokens=10))
    need = Need(Amount(tokens=4), Amount(tokens=1), asked=2, least=2)
    assert isinstance(ledger.reserve(need), Granted)
    ledger.end(0, Amount(tokens=50))
    assert ledger.spent == Amount(tokens=50)
    assert ledger.reserve(need) == Refused(("tokens",))


def test_forgotten_holds_change_nothing_when_they_end_later() -> None:
    ledger = Ledger(Limits(tokens=10))
    need = Need(Amount(tokens=4), Amount(tokens=1), asked=2, least=2)
    assert isinstance(ledger.reserve(need), Granted)
    ledger.forget_open()
    second = ledger.reserve(need)
    assert isinstance(second, Granted)
    assert not ledger.end(0, None)
    assert (ledger.open, ledger.set_aside, ledger.spent) == (1, second.amount, Amount())
