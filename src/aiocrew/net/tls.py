"""One TLS context for the process, made when the first https call needs it."""

from __future__ import annotations

import errno
import os
import ssl

from aiocrew.aio.pool import run_in_thread

__all__ = ["tls_context"]

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

_made: tuple[tuple[str | None, ...], ssl.SSLContext] | None = None


async def tls_context() -> ssl.SSLContext:
    """Return the context that verifies servers by the system's certificates, or SSL_CERT_FILE and SSL_CERT_DIR.

    It is made anew when those variables change. FileNotFoundError when one of them names nothing: OpenSSL itself would
    silently trust nobody. Any other OSError may pass.
    """
    global _made
    wanted = tuple(os.environ.get(name) for name in _VARIABLES)
    made = _made
    if made is None or made[0] != wanted:
        # In a thread: reading the system's certificates takes 20 ms. Two loops that come at once make one each,
        # which costs nothing but that.
        try:
            made = _made = (wanted, await run_in_thread(_make, wanted))
        except RuntimeError as error:  # the system gives no more threads
            raise OSError(errno.EAGAIN, str(error)) from error
    return made[1]


def _make(wanted: tuple[str | None, ...]) -> ssl.SSLContext:
    for name, path in zip(_VARIABLES, wanted, strict=True):
        if path and not any(os.path.exists(part) for part in path.split(os.pathsep)):
            raise FileNotFoundError(f"{name}={path} does not exist")
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
