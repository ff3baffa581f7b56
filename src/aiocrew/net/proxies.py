"""Which proxy a URL goes through, by the environment variables that curl and Python's urllib know."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import (
    getproxies_environment,
    proxy_bypass_environment,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
)

from aiocrew.errors import UsageError

__all__ = ["proxy_for"]


def proxy_for(scheme: str, host: str, port: int | None) -> str | None:
    """Return the proxy's URL for a request, or None to go directly.

    HTTPS_PROXY or HTTP_PROXY by the scheme, else ALL_PROXY; NO_PROXY lists hosts, domains and host:port that go
    directly. UsageError when the proxy is not an HTTP proxy.
    """
    proxies = getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    if proxy_bypass_environment(bracketed if port is None else f"{bracketed}:{port}", proxies):
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(url).scheme not in ("http", "https"):
        variable = scheme if proxies.get(scheme) else "all"
        raise UsageError(
            f"{variable.upper()}_PROXY names a {urlsplit(url).scheme} proxy, and only http and https proxies work. "
            f"Name one of those, or put {host!r} into NO_PROXY."
        )
    return url
