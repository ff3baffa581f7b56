"""What the providers' headers say of their limits, in all the forms that are known."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from aiocrew.admission.headers import Quota, Told, read_limits

NOW_S = 1_755_780_060.0
DATE = "Thu, 21 Aug 2025 12:41:00 GMT"
"""NOW_S, as a header has it."""

OPENAI = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-limit-tokens_usage_based": "1",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-remaining-tokens": "159976",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-reset-tokens": "6m0s",
}
AZURE = {
    "x-ratelimit-limit-requests": "5",
    "x-ratelimit-limit-tokens": "5000",
    "x-ratelimit-remaining-requests": "4",
    "x-ratelimit-remaining-tokens": "-1",
    "x-ratelimit-renewalperiod-requests": "60",
    "x-ratelimit-reset-requests": "12",
}
GROQ = {
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-remaining-tokens": "17997",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-reset-tokens": "7.66s",
}
ANTHROPIC = {
    "date": DATE,
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "999",
    "anthropic-ratelimit-requests-reset": "2025-08-21T12:40:59Z",
    "anthropic-ratelimit-input-tokens-limit": "80000",
    "anthropic-ratelimit-input-tokens-remaining": "80000",
    "anthropic-ratelimit-input-tokens-reset": "2025-08-21T12:41:00Z",
    "anthropic-ratelimit-output-tokens-limit": "16000",
    "anthropic-ratelimit-output-tokens-remaining": "4000",
    "anthropic-ratelimit-output-tokens-reset": "2025-08-21T12:41:45Z",
    "anthropic-ratelimit-tokens-limit": "96000",
    "anthropic-ratelimit-tokens-remaining": "84000",
    "anthropic-ratelimit-tokens-reset": "2025-08-21T12:41:08Z",
    "anthropic-ratelimit-unified-reset": "1755780999",
}
MISTRAL = {
    "x-ratelimit-limit-req-minute": "720",
    "x-ratelimit-remaining-req-minute": "717",
    "x-ratelimit-limit-tokens-minute": "5000000",
    "x-ratelimit-remaining-tokens-minute": "4999911",
    "x-ratelimit-tokens-query-cost": "52",
}
MISTRAL_BY_SIZE = {
    "x-ratelimitbysize-limit-minute": "500000",
    "x-ratelimitbysize-remaining-minute": "499000",
    "x-ratelimitbysize-limit-month": "1000000000",
    "x-ratelimitbysize-remaining-month": "999990000",
}
MISTRAL_BEFORE = {
    "ratelimitbysize-limit": "500000",
    "ratelimitbysize-remaining": "499978",
    "ratelimitbysize-reset": "12",
    "ratelimitbysize-query-cost": "22",
}
CEREBRAS = {
    "x-ratelimit-limit-requests-day": "14400",
    "x-ratelimit-remaining-requests-day": "14399",
    "x-ratelimit-reset-requests-day": "33011.382867",
    "x-ratelimit-limit-tokens-minute": "60000",
    "x-ratelimit-remaining-tokens-minute": "50",
    "x-ratelimit-reset-tokens-minute": "26.5",
}
FIREWORKS = {
    "x-ratelimit-limit-tokens-prompt": "60000",
    "x-ratelimit-remaining-tokens-prompt": "59000",
    "x-ratelimit-limit-tokens-generated": "6000",
    "x-ratelimit-remaining-tokens-generated": "600",
    "x-ratelimit-limit-tokens-cache-adjusted-prompt": "1",
}
TOGETHER = {
    "x-ratelimit-limit": "10",
    "x-ratelimit-remaining": "9",
    "x-ratelimit-reset": "1",
    "x-tokenlimit-limit": "3000",
    "x-tokenlimit-remaining": "2900",
}
OPENROUTER = {
    "X-RateLimit-Limit": "20",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": str(int((NOW_S + 30) * 1000)),
}
EPOCH_S = OPENROUTER | {"X-RateLimit-Reset": str(int(NOW_S + 45))}
DRAFT_06 = {"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "50", "RateLimit-Reset": "5"}
DRAFT_07 = {"RateLimit": "limit=100, remaining=50, reset=5"}
DRAFT_10 = {
    "RateLimit": '"day";r=500;t=7000, "api";r=49;t=30',
    "RateLimit-Policy": '"day";q=5000;w=86400, "api";q=100;w=60',
}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (OPENAI, Told(Quota(5000, 4999, 0.012), Quota(160000, 159976, 360))),
        (AZURE, Told(Quota(5, 4, 12, 60), Quota(5000))),
        (GROQ, Told(Quota(14400, 14370, 179.56), Quota(18000, 17997, 7.66))),
        (ANTHROPIC, Told(Quota(1000, 999, 0), Quota(96000, 84000, 8), Quota(16000, 4000, 45))),
        (MISTRAL, Told(Quota(720, 717, None, 60), Quota(5_000_000, 4_999_911, None, 60))),
        (MISTRAL_BY_SIZE, Told(None, Quota(500_000, 499_000, None, 60))),
        (MISTRAL_BEFORE, Told(None, Quota(500_000, 499_978, 12))),
        (CEREBRAS, Told(Quota(14400, 14399, 33011.382867, 86400), Quota(60000, 50, 26.5, 60))),
        (FIREWORKS, Told(None, Quota(60000, 59000), Quota(6000, 600))),
        (TOGETHER, Told(Quota(10, 9, 1), Quota(3000, 2900))),
        (OPENROUTER, Told(Quota(20, 0, 30))),
        (EPOCH_S, Told(Quota(20, 0, 45))),
        (DRAFT_06, Told(Quota(100, 50, 5, 60))),
        (DRAFT_07, Told(Quota(100, 50, 5))),
        (DRAFT_10, Told(Quota(100, 49, 30, 60))),
    ],
)
def test_every_form_is_read_as_it_is_meant(headers: dict[str, str], told: Told) -> None:
    others = {"Content-Type": "application/json", "Server": "x", "X-Request-Id": "req_1"}
    assert read_limits({**others, **headers}, lambda: NOW_S) == told
    shouted = CIMultiDictProxy(CIMultiDict({name.upper(): value for name, value in headers.items()}))
    assert read_limits(shouted, lambda: NOW_S) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400),
        ("500µs", 0.0005),
        ("0", 0),
        ("59.7", 59.7),
        (" 7 ", 7),
        ("2025-08-21T12:41:30Z", 30),
        ("2025-08-21T14:41:30.5+02:00", 30.5),
        ("2025-08-21T12:41:30", 30),
        ("2025-08-21T12:00:00Z", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1h30", None),
        ("99999999d", None),
        ("500000000", None),
    ],
)
def test_a_reset_is_the_seconds_from_now(text: str, seconds: float | None) -> None:
    told = read_limits({"x-ratelimit-limit": "10", "x-ratelimit-reset": text}, lambda: NOW_S)
    assert told == Told(Quota(10, None, seconds if seconds is None else pytest.approx(seconds)))


def test_a_time_of_day_counts_from_the_answers_own_date_and_not_from_our_clock() -> None:
    headers = {"anthropic-ratelimit-requests-reset": "2025-08-21T12:41:30Z", "Date": DATE}
    assert read_limits(headers, lambda: NOW_S - 7200) == Told(Quota(None, None, 30))


def test_our_clock_is_asked_only_for_a_time_of_day_without_a_date() -> None:
    asked: list[float] = []

    def wall_s() -> float:
        asked.append(NOW_S)
        return NOW_S

    assert read_limits(OPENAI, wall_s) is not None
    assert read_limits(ANTHROPIC, wall_s) is not None
    assert not asked
    assert read_limits({**ANTHROPIC, "date": "today"}, wall_s) is not None
    assert asked == [NOW_S]


def test_the_limit_on_all_tokens_counts_while_its_parts_are_no_tighter() -> None:
    full = {name: value for name, value in ANTHROPIC.items() if name.endswith("limit") or name == "date"}
    full |= {name.replace("limit", "remaining"): value for name, value in full.items() if name.endswith("tokens-limit")}
    told = read_limits(full | {"anthropic-ratelimit-tokens-remaining": "96000"}, lambda: NOW_S)
    assert told is not None
    assert told.tokens is not None
    assert told.tokens.limit == 96000


def test_a_days_limit_binds_when_less_of_it_remains_than_of_the_minutes() -> None:
    headers = MISTRAL | {"x-ratelimit-limit-req-day": "10000", "x-ratelimit-remaining-req-day": "8000"}
    assert read_limits(headers, lambda: NOW_S) == read_limits(MISTRAL, lambda: NOW_S)
    told = read_limits(headers | {"x-ratelimit-remaining-req-day": "3"}, lambda: NOW_S)
    assert told is not None
    assert told.requests == Quota(10000, 3, None, 86400)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json", "Retry-After": "1"},
        {"x-ratelimit-limit-requests": "unlimited", "x-ratelimit-remaining-requests": "-1"},
        {"x-ratelimit-limit-images": "5", "x-ratelimit-over-limit": "no", "x-ratelimit-type": "Tokens"},
        {"llm_provider-x-ratelimit-limit-requests": "5"},
        {"RateLimit": "", "RateLimit-Policy": '"api";q=ten'},
    ],
)
def test_what_says_nothing_of_limits_is_none(headers: dict[str, str]) -> None:
    assert read_limits(headers, lambda: NOW_S) is None


KNOWN = sorted({name for form in (OPENAI, AZURE, ANTHROPIC, MISTRAL_BY_SIZE, CEREBRAS, TOGETHER) for name in form})
names = st.one_of(
    st.sampled_from([*KNOWN, *DRAFT_06, *DRAFT_10, "date"]),
    st.from_regex(r"(x-|anthropic-)?(ratelimit|tokenlimit)[a-z-]{0,20}", fullmatch=True),
    st.text(max_size=12),
)
values = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"[0-9.e+-]{0,20}", fullmatch=True),
    st.from_regex(r"([0-9]{1,6}(ms|s|m|h|d|µs)){1,3}", fullmatch=True),
    st.floats().map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.lists(st.sampled_from(['"api"', ";", "r=5", "t=", "q=-1", ",", "w=60", "=", "remaining=2"])).map("".join),
)


@given(st.dictionaries(names, values, max_size=8), st.floats(0, 1e10))
@example({"x-ratelimit-reset": "0001-01-01T00:00:00"}, 0.0)
@example(
    {"anthropic-ratelimit-tokens-reset": "9999-12-31T23:59:59-23:59", "Date": "Fri, 31 Dec 9999 23:59:59 -2359"}, 0.0
)
def test_whatever_the_headers_hold_what_is_given_are_finite_numbers_from_0_up(
    headers: Mapping[str, str], wall_s: float
) -> None:
    told = read_limits(headers, lambda: wall_s)
    if told is None:
        return
    assert told != Told()
    for quota in (told.requests, told.tokens):
        if quota is not None:
            given_values = [quota.limit, quota.remaining, quota.reset_s, quota.window_s]
            assert all(value is None or 0 <= value < float("inf") for value in given_values)


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.floats(0, 86400).map(lambda seconds: round(seconds, 3)),
    st.randoms(use_true_random=False),
)
def test_what_a_provider_writes_is_what_is_read(limit: int, remaining: int, reset_s: float, chance: Random) -> None:
    headers = {
        "x-ratelimit-limit-tokens": str(limit),
        "x-ratelimit-remaining-tokens": str(remaining),
        "x-ratelimit-reset-tokens": f"{reset_s:.3f}s",
        "content-type": "application/json",
    }
    cased = ["".join(chance.choice((c.lower(), c.upper())) for c in name) for name in headers]
    told = read_limits(dict(zip(cased, headers.values(), strict=True)), lambda: NOW_S)
    assert told == Told(None, Quota(limit, remaining, pytest.approx(reset_s)))
