"""A provider's refusal, or the lack of an answer, as one error of our tree. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, cast

import msgspec

from aiocrew.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLongError,
    InvalidReplyError,
    ModelConnectionError,
    ModelTimeoutError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    RequestRefusedError,
    UnknownModelError,
)
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.shown import shown_url, url_secrets
from aiocrew.net.failures import NetError

__all__ = [
    "brings_reply",
    "connection_failure",
    "failure",
    "given_up",
    "is_retryable",
    "most_retries",
    "retry_after_s",
    "scrub",
    "timeout_failure",
    "unreadable",
]

_READABLE = 800
_RETRIES_HERE = 3

_TOO_LONG = re.compile(
    r"context_length_exceeded|context_window_exceeded|exceed_context_size|maximum context length|maximum prompt length"
    r"|prompt is too long|input is too long|context (?:window|length|size)[^.]{0,40}exceed"
    r"|exceed[^.]{0,60}(?:context (?:window|length|size)|maximum number of tokens)"
    r"|input tokens exceed|too many (?:input )?tokens in|reduce the length of (?:the|your) (?:messages|prompt|input)",
    re.IGNORECASE,
)
_KEY_LIKE = re.compile(r"[^\s/]{16,}").fullmatch
"""A header's value that may be a key, whatever the header is called."""

_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|credential|password", re.IGNORECASE)
_SECRET = re.compile(
    r"(?i:\b(Bearer|Basic))\s+[^\s\"',;*]{6,}|\b(?:sk|gsk|xai|pplx|hf)[-_][A-Za-z0-9_-]{12,}|\bAIza[\w-]{20,}"
)
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_REQUEST_IDS = ("x-request-id", "request-id", "x-ms-request-id", "apim-request-id", "cf-ray")


def brings_reply(status: int, body: bytes) -> bool:
    """Return whether the body is to be read as a reply."""
    return status == 200 or (200 < status < 300 and bool(body))


def failure(status: int, headers: Mapping[str, str], body: bytes, endpoint: Endpoint) -> ProviderError:
    """Return the error for an answer that brings no reply; the provider's own words stand in it."""
    fields = _fields(body)
    said = scrub(_said(fields, body), endpoint)
    names = {str(fields.get(key, "")).lower() for key in ("code", "type", "status")}
    kind = _kind(status, names, said)
    text = f"{endpoint.label} {_verb(kind, status)} (HTTP {status})"
    if 300 <= status < 400:
        said = _redirect(headers)
    elif kind is UnknownModelError:
        text += f" at {shown_url(endpoint.url)}"
    return kind(
        f"{text}: {said}" if said else text,
        model=endpoint.label,
        status=status,
        retry_after_s=retry_after_s(headers),
        request_id=_request_id(headers),
    )


def connection_failure(error: NetError, endpoint: Endpoint) -> ModelConnectionError:
    """Return the error for a call that brought no whole answer."""
    place = error.host if error.port is None else f"{error.host}:{error.port}"
    error.detail = scrub(error.detail, endpoint)
    error.args = (error.detail,)  # it stands behind ours, and a traceback shows both
    text = f"{endpoint.label}: no reply from {place}: {error.detail}"
    if error.unreached and _is_loopback(error.host):
        text += f". Is the server for {endpoint.provider!r} running there?"
    return ModelConnectionError(text, model=endpoint.label)


def timeout_failure(endpoint: Endpoint) -> ModelTimeoutError:
    """Return the error for a call that took longer than it may."""
    return ModelTimeoutError(
        f"{endpoint.label} gave no whole reply within {endpoint.timeout_s:g} s", model=endpoint.label
    )


def unreadable(error: ProviderError, status: int, headers: Mapping[str, str], endpoint: Endpoint) -> ProviderError:
    """Return `error`, of a reply that cannot be read, without keys and with the answer's status and type."""
    kind = _header(headers, "content-type")
    text = error.message
    if kind and isinstance(error, InvalidReplyError):
        text += f" (HTTP {status}, {kind})"
    error.request_id = _request_id(headers)
    return _reworded(error, scrub(text, endpoint))


def given_up(error: ProviderError, attempts: int) -> ProviderError:
    """Return `error` as the last one of so many attempts."""
    return error if attempts == 1 else _reworded(error, f"{error.message} (the last of {attempts} attempts)")


def _reworded(error: ProviderError, text: str) -> ProviderError:
    error.message, error.args = text, (text,)
    return error


def is_retryable(error: ProviderError) -> bool:
    """Return whether the same request may succeed later."""
    if isinstance(error, (RequestRefusedError, QuotaExceededError)):
        return False
    return not (isinstance(error.__cause__, NetError) and error.__cause__.permanent)


def most_retries(error: ProviderError, endpoint: Endpoint) -> int:
    """Return how often a call may be tried again after `error`."""
    cause = error.__cause__
    if isinstance(cause, NetError) and cause.unreached and _is_loopback(cause.host):
        # Nobody listens on this very machine: somebody forgot to start a server, and is waiting to be told.
        return min(endpoint.max_retries, _RETRIES_HERE)
    return endpoint.max_retries


def scrub(text: str, endpoint: Endpoint) -> str:
    """Return `text` without the endpoint's key, its secret headers, and whatever else looks like a key."""
    headers = (value for name, value in endpoint.headers.items() if _SECRET_HEADER.search(name) or _KEY_LIKE(value))
    secrets = {endpoint.key, *headers, *url_secrets(endpoint.url)}
    secrets |= {secret.partition(" ")[2] for secret in secrets}
    for secret in sorted((secret for secret in secrets if len(secret) >= 6), key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return _SECRET.sub(lambda found: f"{found[1]} [key]" if found[1] else "[key]", text)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait: `retry-after-ms`, or Retry-After as seconds or a date."""
    if (millis := _number(_header(headers, "retry-after-ms"))) is not None:
        return millis / 1000
    asked = _header(headers, "retry-after")
    if (seconds := _number(asked)) is not None:
        return seconds
    # From the answer's own Date: whether our clock and the provider's agree does not matter then.
    until_s, from_s = _date_s(asked), _date_s(_header(headers, "date"))
    return None if until_s is None or from_s is None else max(0.0, until_s - from_s)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")


def _request_id(headers: Mapping[str, str]) -> str | None:
    return next((value for name in _REQUEST_IDS if (value := _header(headers, name))), None)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _kind(status: int, names: set[str], said: str) -> type[ProviderError]:
    if status in (400, 413, 422) and ("context_length_exceeded" in names or _TOO_LONG.search(said)):
        return ContextTooLongError
    if 400 <= status < 500 and "model_not_found" in names:
        return UnknownModelError
    if status == 400 and re.search(r"api key not (?:valid|found)|invalid api key", said, re.IGNORECASE):
        return AuthenticationError
    match status:
        case 401 | 403 | 407:
            return AuthenticationError
        case 402:
            return QuotaExceededError
        case 404 | 410:
            return UnknownModelError
        case 408:
            return ModelTimeoutError
        case 409 | 425:
            return OverloadedError
        case 429:
            return (
                QuotaExceededError if names & {"insufficient_quota", "billing_hard_limit_reached"} else RateLimitError
            )
        case _ if status >= 500 and status != 501:  # "not implemented" does not pass
            return OverloadedError
        case _ if status >= 400:
            return BadRequestError
        case _:
            return RequestRefusedError


def _verb(kind: type[ProviderError], status: int) -> str:
    if issubclass(kind, AuthenticationError):
        return "refused the API key"
    if issubclass(kind, UnknownModelError):
        return "was not found"
    if issubclass(kind, ContextTooLongError):
        return "cannot read so long a prompt"
    if issubclass(kind, QuotaExceededError):
        return "has no quota left for this account"
    if issubclass(kind, RateLimitError):
        return "limits the rate of calls"
    if issubclass(kind, OverloadedError):
        return "cannot serve now"
    if issubclass(kind, ModelTimeoutError):
        return "gave up waiting"
    return "refused the request" if status >= 400 else "gave no answer"


def _redirect(headers: Mapping[str, str]) -> str:
    target = shown_url(_header(headers, "location"))
    return (
        f"it redirects to {target or 'nowhere'}, and a call to a model does not follow, so that its key goes nowhere "
        "else. Give the final address as base_url"
    )


def _fields(body: bytes) -> dict[str, Any]:
    """Return the fields that describe the error, in whichever of the providers' forms they come."""
    try:
        value: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list):
        value = cast("list[Any]", value)[0] if value else None
    if not isinstance(value, dict):
        return {"message": value} if isinstance(value, str) else {}
    outer = cast("dict[str, Any]", value)
    inner = outer.get("error")
    if isinstance(inner, dict):
        return cast("dict[str, Any]", inner)
    return {**outer, "message": inner} if isinstance(inner, str) else outer


def _said(fields: Mapping[str, Any], body: bytes) -> str:
    for key in ("message", "detail", "error_description", "msg"):
        if said := fields.get(key):
            return _short(said if isinstance(said, str) else msgspec.json.encode(said).decode())
    text = body[:20_000].decode("utf-8", "replace")
    return _short(html.unescape(_MARKUP.sub(" ", text)) if text.lstrip()[:1] == "<" else text)


def _short(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in text).split())
    return text if len(text) <= _READABLE else f"{text[:_READABLE]}..."


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
