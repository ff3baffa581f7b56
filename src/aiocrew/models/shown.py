"""Addresses as they may be shown, and what in them may be secret. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

__all__ = ["shown_url", "url_secrets"]

_QUERY = re.compile(r"[?#]")
# A host, perhaps a port, perhaps a path. Anything else before an @ may be a password, whatever stands in that.
_PLACE = re.compile(r"(?:\[[^\]/@]*\]|[^:/@\[\]]*)(?::\d*)?(?:/[^@]*)?")
_NO_SECRETS = frozenset({"api-version"})


def shown_url(url: str) -> str:
    """Return `url` without what may hold a secret: user, password, query and fragment. It need be no address at all."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    place = _QUERY.split(rest, maxsplit=1)[0]
    if "@" in rest and not _PLACE.fullmatch(place):
        place = _QUERY.split(rest.rpartition("@")[2], maxsplit=1)[0]
    return scheme + mark + place


def url_secrets(url: str) -> frozenset[str]:
    """Return the values in a URL's query, as they stand there and as a server reads them."""
    query = url.partition("#")[0].partition("?")[2]
    pairs = [part.partition("=") for part in query.split("&")]
    values = [value if mark else name for name, mark, value in pairs if name.lower() not in _NO_SECRETS]
    return frozenset(read(value) for value in values if value for read in (str, unquote, unquote_plus))
