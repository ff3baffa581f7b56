"""What people add to every request on their own: headers, and fields of the body. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["checked_body", "checked_headers"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "expect"})
_NOT_EXTRA: Mapping[str, str] = {
    "model": "it is the LLM's model=",
    "messages": "they are the call's own",
    "tools": "they are the agent's or the call's own",
    "stream": "it is the LLM's stream=",
}


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are sent, without white space around their values.

    Raises ValueError, which shows no value, for those that cannot be sent and for those that frame a request.
    """
    stripped = {name: value.strip() for name, value in headers.items()}
    for name, value in stripped.items():
        if not _TOKEN.fullmatch(name):
            # What stands in the wrong place may be the value.
            start = _TOKEN.match(name)
            shown = f"the name of a header that begins {start[0]!r}" if start and len(start[0]) < 40 else "a name"
            raise ValueError(f"{shown} is none that HTTP knows: it needs letters, digits and hyphens only")
        if not value.isprintable():
            raise ValueError(f"header {name!r} has characters that no HTTP header can carry")
        if name.lower() in _OURS:
            raise ValueError(f"header {name!r} says how a request is sent, and that is aiocrew's to say; leave it out")
    return stripped


def checked_body(body: Mapping[str, Any]) -> None:
    """Raise ValueError for fields of a request's body that have a place of their own."""
    for name, why in _NOT_EXTRA.items():
        if name in body:
            raise ValueError(f"{name!r} has no place in extra_body: {why}")
