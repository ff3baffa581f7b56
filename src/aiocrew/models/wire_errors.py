"""An error that a body or a stream reports although its status was 200, as one of our tree. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiocrew.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLongError,
    ModelTimeoutError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    UnknownModelError,
)
from aiocrew.models.json_values import as_fields

__all__ = ["reported_error"]

_TOO_LONG = re.compile(r"context (?:length|window|size)|prompt is too long", re.IGNORECASE)
_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    404: UnknownModelError,
    408: ModelTimeoutError,
    429: RateLimitError,
}
_BY_NAME: Mapping[str, type[ProviderError]] = {
    "context_length_exceeded": ContextTooLongError,
    "insufficient_quota": QuotaExceededError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "authentication_error": AuthenticationError,
    "permission_error": AuthenticationError,
    "invalid_api_key": AuthenticationError,
    "model_not_found": UnknownModelError,
    "not_found_error": UnknownModelError,
    "invalid_request_error": BadRequestError,
    "timeout_error": ModelTimeoutError,
}


def reported_error(error: Any, *, model: str) -> ProviderError:
    """Return the error for what stands under "error": its code or type decides; without a known one it is overload."""
    fields = as_fields(error) or {"message": error}
    status = _status(fields.get("code")) or _status(fields.get("status"))
    kind = next(
        (_BY_NAME[name] for key in ("code", "type", "status") if (name := str(fields.get(key)).lower()) in _BY_NAME),
        None,
    )
    if kind is None or (kind is BadRequestError and status):
        kind = _by_status(status) or kind or OverloadedError
    message = str(fields.get("message") or fields.get("detail") or error)[:2000]
    if kind is BadRequestError and _TOO_LONG.search(message):
        kind = ContextTooLongError
    return kind(f"{model} reported an error in its reply: {message}", model=model, status=status)


def _status(code: Any) -> int | None:
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _by_status(status: int | None) -> type[ProviderError] | None:
    if status is None:
        return None
    return _BY_STATUS.get(status, OverloadedError if status >= 500 else BadRequestError)
