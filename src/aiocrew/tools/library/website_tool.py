"""What the tools for websites have in common: how a page is fetched, and an address that was given at the start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.aio.pool import run_in_thread
from aiocrew.errors import BlueprintError, UsageError
from aiocrew.net.page import HARMLESS_HEADERS, Page
from aiocrew.tools.library.given import TakesGiven
from aiocrew.tools.library.page_text import readable_text

__all__ = ["WebsiteTool"]

_HAS_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*:")


class WebsiteTool(TakesGiven):
    """A tool that reads pages of the public internet; a page, or a redirect, that leads to another address is refused.

    allow_private: also read from addresses of the own network. Then a model may reach whatever this machine reaches,
        if it is the one that names pages.
    headers: sent with the request. More than Accept, Accept-Language and User-Agent (a key, say) needs an address that
        was given when the tool was made, and goes to that server only.
    timeout_s: for a page with all its redirects.
    max_bytes: how much of a page is read at most; the result then says so.
    """

    allow_private: bool = False
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    timeout_s: float = Field(default=30.0, gt=0)
    max_bytes: int = Field(default=5_000_000, ge=1)

    url_field: ClassVar[str] = ""
    """The field with the address that was given when the tool was made."""
    arguments_with_url: ClassVar[type[BaseModel] | None] = None
    """The `args_schema` where there is such an address."""
    description_with_url: ClassVar[str] = ""
    """The description where there is such an address; {url} stands for it."""
    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {**TakesGiven.not_built, "cookies": (None, {})}
    frames_to_caller: ClassVar[int] = TakesGiven.frames_to_caller + 1  # __init__ below

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        if self._given_url() is None:
            telling = [name for name in self.headers if name.lower() not in HARMLESS_HEADERS]
            if telling:
                raise BlueprintError(
                    f"{type(self).__name__}: the header {telling[0]!r} would go to every server that a model names; "
                    f"give the address with {self.url_field}=, or leave the header out"
                )

    def _fitted(self) -> Mapping[str, type[BaseModel] | str | None]:
        given = self._given_url()
        if given is None:
            return {}
        return {"args_schema": self.arguments_with_url, "description": self.description_with_url.format(url=given)}

    def _given_url(self) -> str | None:
        return (getattr(self, self.url_field) if self.url_field else None) or None

    async def _read(self, named: str | None) -> tuple[Page, str]:
        """Return the page that was given, else the one that is `named`, and its text. PageError when there is none."""
        from aiocrew.net.guarded import fetch_page  # brings aiohttp, which importing a tool may not load

        url = self._given_url() or named
        if not url:
            raise UsageError(f"the tool {self.name!r} was not told which website to read")
        page = await fetch_page(
            url if _HAS_SCHEME.match(url) else f"https://{url}",
            allow_private=self.allow_private,
            max_bytes=self.max_bytes,
            timeout_s=self.timeout_s,
            headers=self.headers,
        )
        if not 200 <= page.status < 300:
            raise page.error(f"answered with status {page.status}")
        return page, await run_in_thread(readable_text, page)
