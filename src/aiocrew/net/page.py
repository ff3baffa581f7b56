"""A page that was fetched, and why one was not. Without aiohttp, for those who only name them."""

from __future__ import annotations

import msgspec

from aiocrew.errors import AiocrewError

__all__ = ["HARMLESS_HEADERS", "LONGEST_SHOWN", "Page", "PageError", "PageRefusedError"]

HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
"""What any server may see; other headers go only to the one that they are meant for."""

LONGEST_SHOWN = 300
"""Characters of an address, or of what a server said, in a message. A model reads those, and servers write them."""


class Page(msgspec.Struct, frozen=True):
    """What a server answered, whatever its status."""

    url: str
    """Where it was found, after all redirects."""
    status: int
    content_type: str
    """The header as it came; may be empty."""
    body: bytes
    """Decompressed."""
    truncated: bool
    """There was more than the reader wanted; `body` is its beginning."""

    def error(self, what: str) -> PageError:
        """Return the error that says so of this page; not the query of its address, which may hold a key."""
        url = self.url.partition("?")[0][:LONGEST_SHOWN]
        return PageError(f"{url} {what}", url=url, status=self.status)


class PageError(AiocrewError):
    """A page could not be read; `url` is which, `status` the HTTP status, where there was one."""

    def __init__(self, message: str, *, url: str, status: int | None = None) -> None:
        super().__init__(message)
        self.url, self.status = url, status


class PageRefusedError(PageError, ValueError):
    """A page was not asked for, because of where its address leads."""
