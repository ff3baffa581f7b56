"""What the headers of an answer say of the provider's limits. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

import msgspec

__all__ = ["Quota", "Told", "read_limits"]

# The forms, by the pages of the providers' documentation that describe them:
#   OpenAI, "Rate limits"; Groq, "Rate Limits"; xAI; LiteLLM's proxy     x-ratelimit-limit-requests: 5000
#                                                                        x-ratelimit-reset-tokens: 6m0s
#   Azure, "Manage Azure OpenAI quota"; GitHub Models                    x-ratelimit-reset-requests: 12
#                                                                        x-ratelimit-renewalperiod-requests: 60
#   Anthropic, "Rate limits"                            anthropic-ratelimit-input-tokens-reset: 2025-08-21T12:40:59Z
#   Mistral, "Rate limits & usage tiers"                x-ratelimit-remaining-req-minute: 717
#                                                       x-ratelimitbysize-limit-minute, ratelimitbysize-reset: 12
#   Cerebras, "Rate limits"                             x-ratelimit-reset-tokens-minute: 26.5
#   Fireworks, "Rate limits"                            x-ratelimit-remaining-tokens-generated
#   Together, "Rate limits"                             x-tokenlimit-remaining
#   OpenRouter, "Limits"                                x-ratelimit-reset: 1741305600000
#   IETF, draft-ietf-httpapi-ratelimit-headers-06       ratelimit-limit: 100, 100;w=60
#   the same, 07 and from 08 on (Hugging Face)          ratelimit: limit=100, remaining=50, reset=5
#                                                       ratelimit: "api";r=50;t=30, ratelimit-policy: "api";q=100;w=60


class Quota(msgspec.Struct, frozen=True, gc=False):
    """What is known of one limit; None for what the provider did not say, or said in no form that is known."""

    limit: float | None = None
    """How many there may be, in `window_s`."""
    remaining: float | None = None
    reset_s: float | None = None
    """Seconds from now until all of `limit` is there again, or the window ends; 0 is also "in less than a second"."""
    window_s: float | None = None
    """Seconds for which `limit` is meant; seldom said."""


class Told(msgspec.Struct, frozen=True, gc=False):
    """What one answer says: at least one of them is there."""

    requests: Quota | None = None
    tokens: Quota | None = None
    """Of prompts, or of prompts and replies together."""
    reply_tokens: Quota | None = None
    """Of replies alone."""


_Unit: TypeAlias = Literal["requests", "tokens", "reply_tokens"]
_Limit: TypeAlias = tuple[_Unit, str, float | None]
"""Of what, of which part of it, in how many seconds where the name says that."""


class _Place(NamedTuple):
    """Where one limit stands: the headers that tell of it, as they are written in the answer; empty for none."""

    unit: _Unit
    part: str
    """Of limits that are counted apart: the prompt's tokens, a project's. Empty for all."""
    window_s: float | None
    limit: str = ""
    remaining: str = ""
    reset: str = ""
    renewalperiod: str = ""


class _Layout(NamedTuple):
    places: tuple[_Place, ...] = ()
    draft: str = ""
    policy: str = ""


_FIELDS = ("limit", "remaining", "reset", "renewalperiod")
_UNITS: Mapping[str, _Unit] = {"requests": "requests", "req": "requests", "tokens": "tokens"}
_PARTS = ("input", "prompt", "output", "generated", "project")
_OF_REPLIES = ("output", "generated")
_WINDOWS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 30 * 86400.0}

_NAME = re.compile(r"(?:x-|anthropic-)?(ratelimit|ratelimitbysize|tokenlimit)-([a-z-]+)")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h|d)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_MOST = 1e15
_LONGEST_S = 366 * 86400.0
"""Nobody's window is longer; what is larger is a time since 1970, or nothing that is known."""
_EPOCH_S, _EPOCH_MS = (1e9, 1e11), (1e12, 1e14)


def read_limits(headers: Mapping[str, str], wall_s: Callable[[], float]) -> Told | None:
    """Return what the headers say of limits, whatever the case of their names; None when they say nothing.

    A time of day counts from the answer's own Date, and from `wall_s()` where it has none. What cannot be understood is
    left out. Of several limits on one thing the tightest is given.
    """
    # This is on the way of every call, and a provider's answers bear the same names each time.
    layout = _layout("\n".join(headers))
    if layout is _NOTHING:
        return None
    now = _Now(headers, wall_s)
    found: dict[_Unit, list[tuple[_Place, Quota]]] = {}
    for place in layout.places:
        if (quota := _quota(place, headers, now)) is not None:
            found.setdefault(place.unit, []).append((place, quota))
    if layout.draft and (quota := _of_draft(headers[layout.draft], headers.get(layout.policy, ""))) is not None:
        found.setdefault("requests", []).append((_Place("requests", "", None), quota))
    return Told(**{unit: _tightest(quotas) for unit, quotas in found.items()}) if found else None


_NOTHING = _Layout()


@lru_cache(maxsize=256)
def _layout(names: str) -> _Layout:
    """Return where limits stand among headers of these names, one a line."""
    places: dict[_Limit, dict[str, str]] = {}
    draft = policy = ""
    for name in names.split("\n"):
        lower = name.lower()
        if lower == "ratelimit":
            draft = name
        elif lower == "ratelimit-policy":
            policy = name
        elif (matched := _NAME.fullmatch(lower)) and (meaning := _meaning(matched[1], matched[2].split("-"))):
            field, place = meaning
            places.setdefault(place, {})[field] = name
    # The limit on all of a thing comes before those on its parts: among equals the first is taken.
    found = sorted((_Place(*place, **fields) for place, fields in places.items()), key=lambda place: place.part != "")
    return _Layout(tuple(found), draft, policy) if found or draft else _NOTHING


def _meaning(family: str, words: list[str]) -> tuple[str, _Limit] | None:
    """Return which field of which limit a name is; None for a limit of some other kind."""
    field, part, window_s = "", "", None
    unit: _Unit = "requests" if family == "ratelimit" else "tokens"
    for word in words:
        if word in _FIELDS and not field:
            field = word
        elif word in _UNITS:
            unit = _UNITS[word]
        elif word in _PARTS:
            part = word
        elif word in _WINDOWS:
            window_s = _WINDOWS[word]
        else:
            return None
    if unit == "tokens" and part in _OF_REPLIES:
        # A prompt is many times as long as its reply, and so is its limit: on one account they would stop each other.
        unit = "reply_tokens"
    return (field, (unit, part, window_s)) if field else None


def _quota(place: _Place, headers: Mapping[str, str], now: _Now) -> Quota | None:
    text = headers[place.limit] if place.limit else ""
    limit = _number(text) if text else None
    remaining = _number(headers[place.remaining]) if place.remaining else None
    reset_s = _reset_s(headers[place.reset], now) if place.reset else None
    if limit is None and remaining is None and reset_s is None:
        return None
    window_s = place.window_s
    if window_s is None and place.renewalperiod:
        window_s = _number(headers[place.renewalperiod])
    elif window_s is None and ";" in text:
        window_s = _parameters(text).get("w")
    return Quota(limit, remaining, reset_s, window_s)


def _tightest(found: Sequence[tuple[_Place, Quota]]) -> Quota:
    """Return the limit that is met first.

    Of parts counted apart it is the one of which the least share is left. Of windows it is the one with the fewest
    left: a day's limit binds when hardly any remain.
    """
    if len(found) == 1:
        return found[0][1]
    windows: dict[float | None, list[Quota]] = {}
    for place, quota in found:
        windows.setdefault(place.window_s, []).append(quota)
    return min((min(parts, key=_share) for parts in windows.values()), key=_left)


def _share(quota: Quota) -> float:
    if quota.remaining is None or quota.limit is None:
        return 1.0
    return quota.remaining / quota.limit if quota.limit else 0.0


def _left(quota: Quota) -> float:
    known = quota.limit if quota.remaining is None else quota.remaining
    return math.inf if known is None else known


class _Now:
    """The time at which the answer was sent, read at most once and only where it is needed."""

    __slots__ = ("_headers", "_seconds", "_wall_s")

    def __init__(self, headers: Mapping[str, str], wall_s: Callable[[], float]) -> None:
        self._headers, self._wall_s = headers, wall_s
        self._seconds: float | None = None

    def seconds(self) -> float:
        if self._seconds is None:
            text = next((value for name, value in self._headers.items() if name.lower() == "date"), "")
            try:
                self._seconds = parsedate_to_datetime(text).timestamp()
            except (ValueError, TypeError, OverflowError):
                self._seconds = self._wall_s()
        return self._seconds


def _number(text: str) -> float | None:
    """Return the first number of "100, 100;w=60"; None for what is none, or below 0 ("-1" is "no limit")."""
    try:
        number = float(text)
    except ValueError:
        first = re.split("[,;]", text, maxsplit=1)[0]
        return None if first == text else _number(first)
    return number if 0 <= number < _MOST else None


def _reset_s(text: str, now: _Now) -> float | None:
    text = text.strip()
    if _DURATION.fullmatch(text):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    elif (number := _number(text)) is None:
        try:
            seconds = _timestamp(text) - now.seconds()
        except (ValueError, OverflowError):
            return None
    elif _EPOCH_S[0] <= number < _EPOCH_S[1]:
        seconds = number - now.seconds()
    elif _EPOCH_MS[0] <= number < _EPOCH_MS[1]:
        seconds = number / 1000 - now.seconds()
    else:
        seconds = number
    return max(0.0, seconds) if seconds <= _LONGEST_S else None


def _timestamp(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _of_draft(text: str, policy: str) -> Quota | None:
    """Return the tightest item of `RateLimit`, with what `RateLimit-Policy` says under the same name."""
    if "remaining=" in text:
        said = _parameters(text)
        quota = Quota(said.get("limit"), said.get("remaining"), said.get("reset"))
    else:
        items = [(_label(item), _parameters(item)) for item in text.split(",")]
        label, said = min(items, key=lambda item: item[1].get("r", math.inf))
        meant = {_label(item): _parameters(item) for item in policy.split(",")}.get(label, {})
        quota = Quota(meant.get("q"), said.get("r"), said.get("t"), meant.get("w"))
    return None if quota.remaining is None and quota.limit is None else quota


def _label(item: str) -> str:
    return item.partition(";")[0].strip()


def _parameters(text: str) -> dict[str, float]:
    """Return the numbers of `"api";r=50;t=30`, by name."""
    pairs = (pair.partition("=") for pair in re.split("[,;]", text))
    found = {name.strip(): _number(value) for name, _, value in pairs}
    return {name: value for name, value in found.items() if value is not None}
