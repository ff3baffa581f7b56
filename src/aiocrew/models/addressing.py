"""Where a provider is reached and with which key, from what was given and from the environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import SplitResult, quote, urlsplit

from aiocrew.errors import BlueprintError, MissingKeyError
from aiocrew.models.providers import Provider
from aiocrew.models.shown import shown_url

__all__ = ["Getenv", "auth_headers", "base_url_of", "first_set", "key_of", "url_of"]

Getenv: TypeAlias = Callable[[str], str]
"""Gives a variable's value, stripped; "" where it is not set."""

_CHAT = "/chat/completions"
_OLLAMA_PORT = 11434


def first_set(getenv: Getenv, variables: tuple[str, ...]) -> str:
    """Return the value of the first variable that is set, or ""."""
    return next((value for variable in variables if (value := getenv(variable))), "")


def base_url_of(provider: Provider, given: str | None, getenv: Getenv) -> str:
    """Return the base URL that was given, else the environment's; "" where the provider's own is meant."""
    return (given or "").strip() or first_set(getenv, provider.base_url_variables)


def key_of(provider: Provider, given: str | None, getenv: Getenv, *, label: str, optional: bool) -> str:
    """Return the API key, or "" where none is needed. `optional`: the caller named a server, which may need none.

    Raises MissingKeyError, and BlueprintError for a key that no header can carry.
    """
    key = _bare(given or "") or _bare(first_set(getenv, provider.key_variables))
    if not key and provider.needs_key and not optional:
        variable, *others = provider.key_variables
        also = f" (or {', '.join(others)})" if others else ""
        raise MissingKeyError(
            f"there is no API key for {label}: set the environment variable {variable}{also}, or give api_key=... to "
            f"the LLM. Models under offline/... and ollama/... need no key.",
            variables=provider.key_variables,
        )
    if not key.isascii() or not key.isprintable():
        raise BlueprintError(
            f"the API key for {label} has characters that no HTTP header can carry; was it cut or quoted?"
        )
    return key


def _bare(key: str) -> str:
    """Return a key without what files and other people's headers leave around it: quotes and "Bearer"."""
    return _unquoted(re.sub(r"^bearer(?:\s+|$)", "", _unquoted(key.strip()), flags=re.IGNORECASE))


def _unquoted(text: str) -> str:
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def auth_headers(provider: Provider, key: str) -> dict[str, str]:
    """Return the headers that show the key."""
    if not key:
        return {}
    return {"api-key": key} if provider.auth == "api-key" else {"Authorization": f"Bearer {key}"}


def url_of(provider: Provider, base_url: str, model: str, *, api_version: str) -> str:
    """Return the URL that requests go to; `base_url` is "" where the provider's own is meant.

    Raises BlueprintError for an address that cannot be one.
    """
    if not base_url and not provider.base_url:
        raise BlueprintError(
            f"{provider.name}/{model} needs the address of your resource: "
            f"set {provider.base_url_variables[0]}, or give base_url=... to the LLM"
        )
    given = base_url or provider.base_url
    if "#" in given:
        raise BlueprintError(
            f"the base URL {shown_url(given)!r} has a fragment, which no server ever sees: leave out # and what follows"
        )
    base, _, query = given.partition("?")
    base = _checked(_ollama(base) if provider.style == "ollama" else base.rstrip("/"), shown_url(given))
    query = f"?{query}" if query else ""
    if provider.style == "azure":
        return _azure(base, model, api_version) + (query if not api_version else "")
    return (base if base.endswith(_CHAT) else base + _CHAT) + query


def _checked(base: str, shown: str) -> str:
    parts = _parts(base)
    if parts is None:
        raise BlueprintError(
            f"the base URL {shown!r} is no address: a port is a number to 65535, brackets hold an IPv6 address"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BlueprintError(f"the base URL {shown!r} must be a whole address, such as http://localhost:8000/v1")
    if "@" in parts.netloc:
        raise BlueprintError(
            f"the base URL {shown!r} holds a user or a password; give them as extra_headers={{'Authorization': ...}}"
        )
    return base


def _parts(base: str) -> SplitResult | None:
    # Not the error of urlsplit, nor as a context: it quotes as a port what may be a password.
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _azure(base: str, deployment: str, api_version: str) -> str:
    query = f"?api-version={quote(api_version, safe='')}" if api_version else ""
    if base.endswith(_CHAT):
        return base + query
    if "/openai/deployments/" in base or base.endswith(("/models", "/openai/v1")):
        return f"{base}{_CHAT}{query}"
    base = base.removesuffix("/openai")
    if not api_version:
        return f"{base}/openai/v1{_CHAT}"
    return f"{base}/openai/deployments/{quote(deployment, safe='')}{_CHAT}{query}"


def _ollama(host: str) -> str:
    """Return the base URL for what OLLAMA_HOST may hold: a host, host:port, :port or a whole URL."""
    scheme, _, rest = host.rpartition("://")
    place, slash, path = rest.partition("/")
    if place.count(":") > 1 and not place.startswith("["):
        place = f"[{place}]"
    if place.startswith(":"):
        place = f"localhost{place}"
    if place.startswith("0.0.0.0"):  # where a server listens, not where a client goes
        place = "127.0.0.1" + place.removeprefix("0.0.0.0")
    if not re.search(r":\d+$", place) and not scheme:
        place = f"{place}:{_OLLAMA_PORT}"
    path = (slash + path).rstrip("/").removesuffix("/api")
    return f"{scheme or 'http'}://{place}{path}{'' if path.endswith('/v1') else '/v1'}"
